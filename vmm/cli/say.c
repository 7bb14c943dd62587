/* SPDX-License-Identifier: MIT */
/* say.c - one line to stderr in one write. */
#include "vmm/cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say_line(const char *fmt, va_list ap)
{
	char line[1024] = "cay: ";
	size_t at = strlen(line), room = sizeof(line) - at - 1;
	int want = vsnprintf(line + at, room, fmt, ap);

	if (want < 0)
		return;
	size_t len = at + MIN((size_t)want, room - 1);

	for (size_t i = at; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* Nobody is left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}
