/* SPDX-License-Identifier: MIT */
/* log.h - our words to the user: stderr only, each line prefixed `cay: `. */
#ifndef CAY_VMM_CORE_LOG_H
#define CAY_VMM_CORE_LOG_H

#include "lib/compiler.h"

struct vm;

/* One message; a newline is added. Lines after the first are indented, not prefixed. */
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Text from the guest's kernel, already made printable. */
void log_guest(struct vm *vm, const char *text);

#endif
