/* SPDX-License-Identifier: MIT */
/*
 * klock.h - the kernel lock: what has no lock of its own runs on one CPU at a time.
 * A thread takes it on entry from program code (system call, exception, upcall), gives it up while it is blocked and
 * takes it again when it goes on (thread.wants_klock), and releases it on the way back. So code under it may assume one
 * CPU that is not preempted, as it always could: between two points where it blocks, nothing changes. Scheduling,
 * wake-ups, wait queues, timers and TLB shootdowns need no kernel lock; system calls named in syscall.c do without it.
 * With one CPU it costs nothing: system calls do not pass here (syscall.c), the rest is one test of smp_active.
 * Not fair among waiters; how they wait: cpu_wait.h. Taken before any spin lock.
 */
#ifndef CAY_KERNEL_SCHED_KLOCK_H
#define CAY_KERNEL_SCHED_KLOCK_H

#include <stdbool.h>

#include "kernel/arch/x86_64/cpu.h"

/* The VM has several CPUs. Set once at boot. */
extern bool smp_active;

/* What a CPU is doing, for those that must keep it from executing program code (smp.c). */
enum cpu_where {
	CPU_OFFLINE, /* not started */
	CPU_RUNS,    /* a program, or the kernel */
	CPU_WAITS,   /* for another CPU: cpu_wait.h */
	CPU_IDLE     /* nothing to do */
};

void klock_take(void);
void klock_release(void);

/* Takes the lock if this CPU does not hold it: an exception may find kernel code with or without. True if it did. */
static inline bool kernel_enter(void)
{
	if (!smp_active || cpu_this()->holds_klock)
		return false;
	klock_take();
	return true;
}

static inline bool cpu_has_klock(void)
{
#ifdef CAY_UNIT_TEST
	return false;
#else
	return cpu_this()->holds_klock;
#endif
}

static inline bool kernel_must_enter(void)
{
	return smp_active && !cpu_this()->holds_klock;
}

/* On the way to the program. */
static inline void kernel_leave(void)
{
	if (smp_active)
		klock_release();
}

/* Around the idle loop's waiting; the kernel lock is not held. */
static inline void cpu_idle_begin(void)
{
	if (smp_active)
		__atomic_store_n(&cpu_this()->where, CPU_IDLE, __ATOMIC_RELEASE);
}

static inline void cpu_idle_end(void)
{
	if (!smp_active)
		return;
	__atomic_store_n(&cpu_this()->where, CPU_RUNS, __ATOMIC_SEQ_CST); /* before the look at what was asked */
	tlb_catch_up();
}

#endif
