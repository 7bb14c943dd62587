/* SPDX-License-Identifier: MIT */
/* exec_priv.h - the steps of exec: find out what a file is (exec_open), map it (exec_map), fill its stack (exec_stack).
 */
#ifndef CAY_KERNEL_LINUX_EXEC_PRIV_H
#define CAY_KERNEL_LINUX_EXEC_PRIV_H

#include <stdint.h>

#include "kernel/fs/vfs.h"
#include "lib/elf.h"

struct vmspace;

#define EXEC_PATH_MAX 4096
#define EXEC_STRINGS_MAX                                                                                               \
	(1792u << 10) /* argv and envp in all, with pointers; Linux: a quarter of the stack's limit, 2 MiB */
#define EXEC_STRING_MAX (128u << 10) /* one of them */

/* One ELF file, opened and found good. */
struct exec_elf {
	struct file *file; /* NULL: none */
	struct elf_image image;
	uint64_t bias; /* what is added to addresses in the file */
};

struct exec {
	int dirfd;               /* for a relative path: AT_FDCWD, or execveat's */
	const char *path;        /* as given: AT_EXECFN */
	const char *const *argv; /* replaced for scripts */
	const char *const *envp;
	struct exec_elf program, interp;
	/* for scripts: memory that argv points into */
	const char **script_argv;
	char *script_lines[5];
	unsigned nr_script_lines;
	/* results of mapping */
	uint64_t entry, stack_pointer, vdso;
	struct {
		uint64_t arg_start, arg_end, env_start, env_end, auxv_start, auxv_end, start_stack;
	} at;
	char why[256]; /* set with each error */
};

/* Opens the program, follows #! lines, opens the ELF interpreter. 0 or -errno with why. */
MUST_CHECK int exec_open(struct exec *x);
/* Maps program and interpreter into vs. 0 or -errno with why. */
MUST_CHECK int exec_map(struct exec *x, struct vmspace *vs);
/* Makes the stack with arguments, environment, auxiliary vector. 0 or -errno with why. */
MUST_CHECK int exec_stack(struct exec *x, struct vmspace *vs);
/* Releases what exec_open took. */
void exec_close(struct exec *x);

/* ASLR: exec_map.c has the picture. Page-aligned. */
uint64_t exec_random_stack_top(void);

/* Formats why, returns err. */
int exec_fail(struct exec *x, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
