/* SPDX-License-Identifier: MIT */
/*
 * panic.c - the kernel's last words: what was wrong, registers, and where it was, by symbol. Uses nothing that could be
 * the broken part: no allocation, no lock, its own static buffer; a second panic inside the first ends the VM at once.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/gpa.h"
#include "lib/fmt.h"
#include "lib/ksyms.h"

#define BACKTRACE_MAX 32

extern const uint8_t __image_start[], __image_end[], __text_end[], __ksyms_start[], __ksyms_end[];

static char text[8192];
static size_t text_len;
static bool dying;

static bool is_kernel_text(uint64_t va)
{
	return va >= (uint64_t)__image_start && va < (uint64_t)__text_end;
}

/* A frame pointer is followed only into memory that is surely mapped: RAM in the direct map, or the image. */
static bool frame_is_readable(uint64_t rbp)
{
	if (rbp % 8 != 0)
		return false;
	if (rbp >= CAY_DIRECT_GVA && rbp < CAY_DIRECT_GVA + boot_info->ram_bytes - 16)
		return true;
	return rbp >= (uint64_t)__image_start && rbp < (uint64_t)__image_end - 16;
}

const char *kernel_symbol(uint64_t address, uint64_t *distance)
{
	const char *name = NULL;

	*distance = 0;
	if (is_kernel_text(address))
		name = ksyms_find(__ksyms_start, (size_t)(__ksyms_end - __ksyms_start),
				  address - (uint64_t)__image_start, distance);
	return name != NULL ? name : "?";
}

static void add_address(uint64_t rip)
{
	uint64_t distance;
	const char *name = kernel_symbol(rip, &distance);

	fmt_append(text, sizeof(text), &text_len, "  %#lx %s+%#lx\n", rip, name, distance);
}

static void add_backtrace(uint64_t rbp)
{
	for (int i = 0; i < BACKTRACE_MAX && frame_is_readable(rbp); i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (frame[1] == 0)
			break;
		add_address(frame[1]);
		/* stacks grow down, so a caller's frame is above; anything else is the end or damage */
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
}

static void add_registers(const struct trapframe *f)
{
	fmt_append(text, sizeof(text), &text_len,
		   "rip %016lx rsp %016lx flags %lx\n"
		   "rax %016lx rbx %016lx rcx %016lx rdx %016lx\nrsi %016lx rdi %016lx rbp %016lx r8  %016lx\n"
		   "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\nr13 %016lx r14 %016lx r15 %016lx\n",
		   f->rip, f->rsp, f->rflags, f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->r8, f->r9,
		   f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
}

NORETURN static void crash(void)
{
	gate_call(CAY_GATE_CRASH, kernel_gpa(text), text_len, 0, 0, 0);
	for (;;)
		cpu_relax();
}

static void begin(const char *fmt, va_list ap)
{
	size_t n;

	if (dying)
		crash();
	dying = true;
	n = fmt_vsnprintf(text, sizeof(text) / 2, fmt, ap);
	text_len = MIN(n, sizeof(text) / 2 - 1);
	fmt_append(text, sizeof(text), &text_len, "\n");
}

void panic_frame(const struct trapframe *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	begin(fmt, ap);
	va_end(ap);
	add_registers(f);
	fmt_append(text, sizeof(text), &text_len, "backtrace:\n");
	add_address(f->rip);
	add_backtrace(f->rbp);
	crash();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	begin(fmt, ap);
	va_end(ap);
	fmt_append(text, sizeof(text), &text_len, "backtrace:\n");
	add_backtrace((uint64_t)__builtin_frame_address(0));
	crash();
}
