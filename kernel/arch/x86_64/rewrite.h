/* SPDX-License-Identifier: MIT */
/*
 * rewrite.h - turning a `syscall` instruction that trapped into a jump, so that it never traps again (lib/callsite.h
 * plans, this applies). A site is patched when it has trapped a few times, or at once if its page is the program's own
 * already: making a file's page own, and telling the CPU, costs as much as ten traps.
 */
#ifndef CAY_KERNEL_ARCH_REWRITE_H
#define CAY_KERNEL_ARCH_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/frame.h"

struct callsite_table;

/*
 * A system call came through the trap path: f->rip is the address after the instruction, f->orig_rax the number. Never
 * changes f but for a program counter that the patch has moved. May fault pages in; never fails loudly.
 */
void callsite_trapped(struct trapframe *f);

/*
 * Whether code was patched since *seen was set here last. An instruction that is found invalid may have been a
 * `syscall` when it trapped, and somebody may have patched it before its bytes were looked at, by us or by the
 * hypervisor: then it is to be tried again.
 */
bool callsite_may_have_changed(uint32_t *seen);

/* Where a program counter from a signal frame is now: it may lie inside a patch. */
uint64_t callsite_moved(uint64_t rip);

#endif
