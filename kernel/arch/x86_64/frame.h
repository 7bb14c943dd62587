/* SPDX-License-Identifier: MIT */
/*
 * frame.h - the trap frame: a thread's registers, at the top of its kernel stack, while it is in the kernel on
 * behalf of the program. One layout for system calls, exceptions and upcalls; its tail is what iretq pops.
 * A rewritten system call stores only what C may clobber; rbx, rbp, r12-r15 are stored by the slow paths (signals, and
 * the calls marked SYSCALL_FULL in syscalls.def: clone, rt_sigreturn, execve...).
 */
#ifndef CAY_KERNEL_ARCH_FRAME_H
#define CAY_KERNEL_ARCH_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct trapframe {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* system call number, or -1: decides whether a signal restarts a call */
	uint64_t rip, cs, rflags, rsp, ss;
	uint64_t kind; /* enum frame_kind */
};

enum frame_kind {
	FRAME_SYSCALL = 0,  /* through a rewritten site or LSTAR: rcx and r11 are dead on return */
	FRAME_INTERRUPT = 1 /* exception or upcall: every register is live */
};

#define FRAME_BYTES 176
_Static_assert(sizeof(struct trapframe) == FRAME_BYTES, "known to entry.S");

/* x86/desc.h's for CPL 3, which says why these. */
#define SEL_USER_CS 0x33
#define SEL_USER_SS 0x2b

#endif
