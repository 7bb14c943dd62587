/* SPDX-License-Identifier: MIT */
/* log.c - kernel/log.h on the host: the log is kept for the test to look at, a panic fails the test. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/log.h"
#include "shim.h"

jmp_buf shim_panic_jmp;
bool shim_panic_expected;
static char last_log[512];

const char *shim_last_log(void)
{
	return last_log;
}

void klog(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_log, sizeof(last_log), fmt, ap);
	va_end(ap);
}

void kverbose(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_log, sizeof(last_log), fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_log, sizeof(last_log), fmt, ap);
	va_end(ap);
	if (shim_panic_expected)
		longjmp(shim_panic_jmp, 1);
	fprintf(stderr, "kernel panic: %s\n", last_log);
	fail();
	abort();
}
