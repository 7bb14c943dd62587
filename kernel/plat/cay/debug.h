/* SPDX-License-Identifier: MIT */
/*
 * debug.h - the program under a debugger (--gdb): stopping it, and doing what the debugger in the VMM asks for
 * (abi/debug.h). Without --gdb nothing here does anything. All threads stand still while one is stopped: there is one
 * vCPU.
 */
#ifndef CAY_KERNEL_PLAT_DEBUG_H
#define CAY_KERNEL_PLAT_DEBUG_H

#include <stdbool.h>

#include "kernel/arch/x86_64/frame.h"

/* After sched_init and kmalloc. */
void debug_init(void);

extern bool debug_stepping; /* one instruction of the current thread: no other thread runs before it is done */
extern bool debug_wanted;   /* the debugger asked for a stop: debug_stop at the next chance */

/*
 * Shows the debugger the current thread at frame f, stopped by signal signo, until it lets it go on; f is then as it
 * wants. Thread context, upcalls masked. Returns the signal to deliver, 0 for none; without a debugger signo, at once.
 */
int debug_stop(struct trapframe *f, int signo);

/* The way back to the program: stops if the debugger asked. */
void debug_break(struct trapframe *f);
static inline void debug_poll(struct trapframe *f)
{
	if (__builtin_expect(debug_wanted, 0))
		debug_break(f);
}

/* A breakpoint (#BP) or a step (#DB): true if it was the debugger's and is dealt with; with --gdb all are. */
bool debug_exception(struct trapframe *f, bool breakpoint);

#endif
