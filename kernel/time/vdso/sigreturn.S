/* SPDX-License-Identifier: MIT */
/*
 * sigreturn.S - where a signal handler returns to. C libraries bring code for this, but its bytes are how unwinders know a
 * signal frame, so that call site is never rewritten and would trap for each signal. This one goes straight to the kernel.
 * Unwinders know it by its CFI: all registers lie in the ucontext that rsp points to.
 */
#include "kernel/arch/x86_64/offsets.h"

/* In the ucontext (kernel/arch/x86_64/signal_frame.c) as two bytes of SLEB128; all but the first three need both. */
#define REG_AT1(reg, off) .cfi_escape 0x10, reg, 2, 0x77, off
#define REG_AT2(reg, off) .cfi_escape 0x10, reg, 3, 0x77, ((off) & 0x7f) | 0x80, (off) >> 7

	.section .sigreturn, "ax", @progbits
	.cfi_startproc simple
	.cfi_signal_frame
	/* CFA = the interrupted rsp */
	.cfi_escape 0x0f, 4, 0x77, (160 & 0x7f) | 0x80, 160 >> 7, 0x06
	REG_AT1(8, 40)
	REG_AT1(9, 48)
	REG_AT1(10, 56)
	REG_AT2(11, 64)
	REG_AT2(12, 72)
	REG_AT2(13, 80)
	REG_AT2(14, 88)
	REG_AT2(15, 96)
	REG_AT2(5, 104)
	REG_AT2(4, 112)
	REG_AT2(6, 120)
	REG_AT2(3, 128)
	REG_AT2(1, 136)
	REG_AT2(0, 144)
	REG_AT2(2, 152)
	REG_AT2(7, 160)
	REG_AT2(16, 168)
	/* Unwinders look up the address before a return address: that must be ours, too. */
	.skip 16, 0x90
	.globl vdso_sigreturn
	.hidden vdso_sigreturn
	.type vdso_sigreturn, @function
vdso_sigreturn:
	mov $15, %eax
	lea 1f(%rip), %rcx
	jmp *%gs:CPU_SYSCALL_ENTRY
1:	ud2
	.cfi_endproc
	.size vdso_sigreturn, . - vdso_sigreturn
	.section .note.GNU-stack, "", @progbits
