/* SPDX-License-Identifier: MIT */
/*
 * signal_frame.h - the part of signal delivery that knows registers: the frame on the program's stack, laid out as
 * Linux x86-64 does (struct rt_sigframe: return address, ucontext, siginfo; FPU state above it), and its way back. A
 * frame read back is hostile: every field is checked or masked before it reaches a register.
 */
#ifndef CAY_KERNEL_ARCH_SIGNAL_FRAME_H
#define CAY_KERNEL_ARCH_SIGNAL_FRAME_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/frame.h"
#include "lib/compiler.h"

struct ksigaction;

/*
 * Makes f continue in the handler of act with the old registers saved on the stack that act asks for. old_mask: what
 * sigreturn restores. restart: the interrupted call is to be made again afterwards.
 * Returns 0, or -EFAULT when the frame cannot be written (then f is unchanged).
 */
MUST_CHECK int signal_frame_push(struct trapframe *f, const siginfo_t *info, const struct ksigaction *act,
				 uint64_t old_mask, bool restart);

struct signal_frame_state {
	uint64_t mask;
	uint64_t altstack_sp, altstack_size;
	int altstack_flags;
	int restart_nr; /* system call to make again with the registers now in f, or -1 */
};

/* Restores f and the FPU from the frame at f->rsp. Returns 0, or -EFAULT when it is unreadable or makes no sense. */
MUST_CHECK int signal_frame_pop(struct trapframe *f, struct signal_frame_state *out);

#endif
