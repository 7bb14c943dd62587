/* SPDX-License-Identifier: MIT */
#include "vmm/core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/vm.h"

#define GUEST_LOG_LINES_MAX 1000

/* One write per message, so that lines of several processes do not mix. */
static void write_text(const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(STDERR_FILENO, text, bytes);

		if (n <= 0)
			return; /* nowhere left to complain */
		text += n;
		bytes -= (size_t)n;
	}
}

void log_error(const char *fmt, ...)
{
	char buf[10240] = "cay: ";
	size_t n = 5;
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(buf + n, sizeof(buf) - n - 1, fmt, ap);
	va_end(ap);
	n += len < 0 ? 0 : (size_t)len;
	if (n > sizeof(buf) - 2)
		n = sizeof(buf) - 2;
	while (n > 5 && buf[n - 1] == '\n')
		n--;
	buf[n++] = '\n';
	write_text(buf, n);
}

void log_guest(struct vm *vm, const char *text)
{
	/* Asked for, it may be long; else a broken kernel must not flood the user's terminal. */
	if (!vm->opt->strace && vm->guest_log_lines++ >= GUEST_LOG_LINES_MAX) {
		if (vm->guest_log_lines == GUEST_LOG_LINES_MAX + 1)
			log_error("more messages of the guest's kernel are left out");
		return;
	}
	log_error("%s", text);
}
