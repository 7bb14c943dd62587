/* SPDX-License-Identifier: MIT */
/* text.h - a text that grows: how the files of procfs and sysfs are made. Out of memory is remembered, not reported at
 * each step. */
#ifndef CAY_KERNEL_FS_TEXT_H
#define CAY_KERNEL_FS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"

struct text {
	char *buf; /* owned; NULL while empty. Not NUL-terminated */
	size_t len, size;
	bool failed; /* memory ran out: the text is cut */
};

void text_add(struct text *t, const char *s, size_t len);
void text_puts(struct text *t, const char *s);
/* At most TEXT_PRINTF_MAX characters a call. */
#define TEXT_PRINTF_MAX 512
void text_printf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* text_add for callbacks; ctx is the struct text. */
void text_emit(void *ctx, const char *s, size_t len);
void text_free(struct text *t);

#endif
