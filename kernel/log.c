/* SPDX-License-Identifier: MIT */
/*
 * log.c - lines for the user, through the gate. The text is built on the caller's stack, so any context may log, also
 * one that interrupted another line.
 */
#include "kernel/log.h"

#include <stdarg.h>
#include <stdint.h>

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/gpa.h"
#include "lib/fmt.h"

#define LINE_BYTES     512
#define TEXT_MAX_BYTES 8192 /* abi/gate.h */

void klog_text(const char *text, size_t bytes)
{
	gate_call(CAY_GATE_LOG, kernel_gpa(text), MIN(bytes, TEXT_MAX_BYTES), 0, 0, 0);
}

static void vlog(const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	size_t n = fmt_vsnprintf(line, sizeof(line), fmt, ap);

	klog_text(line, MIN(n, sizeof(line) - 1));
}

void klog(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
}

void kverbose(const char *fmt, ...)
{
	va_list ap;

	if (!(boot_info->flags & CAY_BOOT_VERBOSE))
		return;
	va_start(ap, fmt);
	vlog(fmt, ap);
	va_end(ap);
}
