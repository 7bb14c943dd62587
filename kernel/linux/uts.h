/* SPDX-License-Identifier: MIT */
/* uts.h - the names that uname(2) and /proc/sys/kernel show. */
#ifndef CAY_KERNEL_LINUX_UTS_H
#define CAY_KERNEL_LINUX_UTS_H

#define UTS_FIELD_BYTES 65

/* As struct new_utsname of the system call. NUL-terminated, zero-padded. */
struct uts_names {
	char sysname[UTS_FIELD_BYTES], nodename[UTS_FIELD_BYTES], release[UTS_FIELD_BYTES];
	char version[UTS_FIELD_BYTES], machine[UTS_FIELD_BYTES], domainname[UTS_FIELD_BYTES];
};

const struct uts_names *uts_current(void);

#endif
