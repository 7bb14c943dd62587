/* SPDX-License-Identifier: MIT */
/* syscall_names.h - names of x86-64 system calls, from the header of the kernel that cay was built on. */
#ifndef CAY_VMM_CLI_SYSCALL_NAMES_H
#define CAY_VMM_CLI_SYSCALL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define SYSCALL_NAMES_MAX 512

/* NULL for a number without a name. */
const char *syscall_name(unsigned nr);

/* Whether there is a call of this name, len letters long. */
bool syscall_name_exists(const char *name, size_t len);

#endif
