/* SPDX-License-Identifier: MIT */
/* seccomp.h - loading a system call filter that was made at build time. */
#ifndef CAY_VMM_SANDBOX_SECCOMP_H
#define CAY_VMM_SANDBOX_SECCOMP_H

#include <stdbool.h>

#include "lib/compiler.h"

/*
 * Filters all threads of the process from now on; writable: with the calls that change files by their names. No new
 * privileges must be set. Once. Returns 0 or -errno.
 */
MUST_CHECK int seccomp_load(bool writable);

#endif
