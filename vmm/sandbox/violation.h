/* SPDX-License-Identifier: MIT */
/* violation.h - the end of a process that made a system call the filter does not know. */
#ifndef CAY_VMM_SANDBOX_VIOLATION_H
#define CAY_VMM_SANDBOX_VIOLATION_H

#include "lib/compiler.h"

/* SIGSYS reports the call on stderr and ends the process with status 125. See sandbox_seal. Returns 0 or -errno. */
MUST_CHECK int violation_catch(void (*last_words)(void *ctx), void *ctx);

#endif
