/* SPDX-License-Identifier: MIT */
/*
 * log.h - the kernel's words to the user, and its death.
 * Text goes to the VMM's stderr, one line each, prefixed there. Cost: one gate call a line; never on a hot path.
 */
#ifndef CAY_KERNEL_LOG_H
#define CAY_KERNEL_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* printf subset: %d %i %u %x %X %p %s %c %% with flags 0 - and width, precision for %s, length l ll z h hh. */
void klog(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* As klog, only under -v. */
void kverbose(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Our bug: prints the text, registers, backtrace by symbol; ends the VM with 125. */
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* As panic, for an exception in the kernel: shows the frame's registers, and the backtrace starts there. */
struct trapframe;
NORETURN void panic_frame(const struct trapframe *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The kernel's function that holds an address, and how far in; "?" when it is in none. The name is static. */
const char *kernel_symbol(uint64_t address, uint64_t *distance);

/* Text straight to the user, without klog's line limit: `bytes` of kernel memory (cut at 8 KiB). */
void klog_text(const char *text, size_t bytes);

/* Our bugs only; nothing a program can cause. No side effects inside. */
#define ASSERT(expr)                                                                                                   \
	do {                                                                                                           \
		if (unlikely(!(expr)))                                                                                 \
			panic("assertion failed: %s (%s:%d, %s)", #expr, __FILE__, __LINE__, __func__);                \
	} while (0)

#endif
