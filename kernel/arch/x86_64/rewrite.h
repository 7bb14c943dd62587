/* SPDX-License-Identifier: MIT */
/* rewrite.h - turning a `syscall` instruction that trapped into a jump, so that it never traps again. */
#ifndef CAY_KERNEL_ARCH_REWRITE_H
#define CAY_KERNEL_ARCH_REWRITE_H

#include "kernel/arch/x86_64/frame.h"

/*
 * A system call came through the trap path: f->rip is the address after the instruction, f->orig_rax the number. Patches the
 * site if that is safe, else remembers not to try again. Never changes f. May fault pages in; never fails loudly.
 */
void callsite_trapped(struct trapframe *f);

#endif
