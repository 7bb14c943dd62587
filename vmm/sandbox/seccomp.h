/* SPDX-License-Identifier: MIT */
/* seccomp.h - loading the system call filter that was made at build time. */
#ifndef CAY_VMM_SANDBOX_SECCOMP_H
#define CAY_VMM_SANDBOX_SECCOMP_H

#include "lib/compiler.h"

/* Filters all threads of the process from now on. No new privileges must be set. Returns 0 or -errno. */
MUST_CHECK int seccomp_load(void);

#endif
