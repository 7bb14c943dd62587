/* SPDX-License-Identifier: MIT */
/*
 * klock.h - the kernel lock: with several CPUs, kernel code runs on one at a time.
 * It belongs to a CPU, not to a thread: taken on entry from program code (system call, exception, upcall), handed from
 * thread to thread by the scheduler, released on the way back to a program and while the CPU is idle. So all that
 * kernel code assumed of one CPU that is not preempted still holds. System calls named in syscall.c do without it.
 * With one CPU it costs nothing: system calls do not pass here (syscall.c), the rest is one test of smp_active.
 *
 * A CPU that waits for it spins for a bounded time, then sleeps in the VMM in growing steps: the holder's vCPU may have
 * lost its host CPU, and a spinner might be what keeps it from getting it back.
 * Not fair among waiters; none waits longer than the holders take, plus its own step.
 */
#ifndef CAY_KERNEL_SCHED_KLOCK_H
#define CAY_KERNEL_SCHED_KLOCK_H

#include <stdbool.h>

#include "kernel/arch/x86_64/cpu.h"

/* The VM has several CPUs. Set once at boot. */
extern bool smp_active;

/* What a CPU is doing, for those that must keep it from executing program code. Changes from or to CPU_RUNS happen
 * under the kernel lock, but for a CPU that begins to wait for the lock. */
enum cpu_where {
	CPU_OFFLINE, /* not started */
	CPU_RUNS,    /* a program, the kernel with the lock, or a call without it */
	CPU_WAITS,   /* for the kernel lock */
	CPU_IDLE     /* nothing to do, and not holding the lock */
};

void klock_take(void);
void klock_release(enum cpu_where next);

/* Takes the lock if this CPU does not hold it: an exception may find kernel code with or without. True if it did. */
static inline bool kernel_enter(void)
{
	if (!smp_active || cpu_this()->holds_klock)
		return false;
	klock_take();
	return true;
}

/* On the way to the program. */
static inline void kernel_leave(void)
{
	if (smp_active)
		klock_release(CPU_RUNS);
}

/* Around the idle loop's waiting. */
static inline void kernel_idle_begin(void)
{
	if (smp_active)
		klock_release(CPU_IDLE);
}

static inline void kernel_idle_end(void)
{
	if (smp_active)
		klock_take();
}

#endif
