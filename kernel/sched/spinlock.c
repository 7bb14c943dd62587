/* SPDX-License-Identifier: MIT */
/* spinlock.c - waiting for a spin lock: see spinlock.h. */
#include "kernel/sched/spinlock.h"

#include "kernel/sched/cpu_wait.h"

static bool try_take(void *arg)
{
	struct spinlock *l = arg;

	return __atomic_load_n(&l->held, __ATOMIC_RELAXED) == 0 &&
	       __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) == 0;
}

void spin_wait(struct spinlock *l)
{
	cpu_wait_until(try_take, l, CPU_WAIT_SPIN_NS);
}
