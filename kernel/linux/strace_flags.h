/* SPDX-License-Identifier: MIT */
/* strace_flags.h - numbers of the Linux interface by name. */
#ifndef CAY_KERNEL_LINUX_STRACE_FLAGS_H
#define CAY_KERNEL_LINUX_STRACE_FLAGS_H

#include <stdint.h>

enum strace_names {
	STRACE_ACCESS_MODES,
	STRACE_OPEN_FLAGS,
	STRACE_PROT,
	STRACE_MAP_FLAGS,
	STRACE_MADVISE,
	STRACE_WHENCE,
	STRACE_R_OK,
	STRACE_AT_FLAGS,
	STRACE_CLONE_FLAGS,
	STRACE_FCNTL,
	STRACE_FUTEX,
	STRACE_SIGNALS,
	STRACE_SIG_HOW,
	STRACE_SA_FLAGS,
	STRACE_CLOCKS,
	STRACE_RLIMITS,
	STRACE_IOCTLS,
	STRACE_FILE_TYPES,
	STRACE_NAMES_NR
};

/* The name of exactly this value, or NULL. */
const char *strace_lookup(enum strace_names set, uint64_t value);

struct strace_line;
/* "A|B|0x400"; the name of 0, or "0", when nothing is set. */
void strace_put_flags(struct strace_line *l, enum strace_names set, uint64_t value);

#endif
