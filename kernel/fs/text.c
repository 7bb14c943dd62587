/* SPDX-License-Identifier: MIT */
/* text.c - see text.h. */
#include "kernel/fs/text.h"

#include "kernel/mm/kmalloc.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define FIRST_BYTES 512

void text_add(struct text *t, const char *s, size_t len)
{
	if (len > t->size - t->len) {
		size_t size = MAX(t->size * 2, (size_t)FIRST_BYTES);
		while (size - t->len < len)
			size *= 2;
		char *bigger = krealloc(t->buf, size);
		if (bigger == NULL) {
			t->failed = true;
			return;
		}
		t->buf = bigger;
		t->size = size;
	}
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char line[TEXT_PRINTF_MAX];
	va_list ap;

	va_start(ap, fmt);
	size_t len = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_add(t, line, MIN(len, sizeof(line) - 1));
}

void text_emit(void *ctx, const char *s, size_t len)
{
	text_add(ctx, s, len);
}

void text_free(struct text *t)
{
	kfree(t->buf);
	*t = (struct text){0};
}
