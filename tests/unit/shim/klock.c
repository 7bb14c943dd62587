/* SPDX-License-Identifier: MIT */
/* klock.c - kernel/sched/klock.h and cpu_wait.h on the host: one CPU, so no kernel lock, and nobody to wait for. */
#include <sched.h>

#include "kernel/sched/cpu_wait.h"
#include "kernel/sched/klock.h"

bool smp_active;
__thread unsigned shim_cpu; /* kernel/mm/percpu.h */

void klock_take(void)
{
}

void klock_release(void)
{
}

void cpu_wait_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	(void)spin_ns;
	while (!done(arg))
		sched_yield();
}
