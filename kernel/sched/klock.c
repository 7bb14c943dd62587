/* SPDX-License-Identifier: MIT */
/* klock.c - see klock.h. */
#include "kernel/sched/klock.h"

#include "kernel/log.h"
#include "kernel/sched/cpu_wait.h"

bool smp_active;

static uint32_t held ALIGNED(64);

static bool try_take(void *arg)
{
	(void)arg;
	return __atomic_load_n(&held, __ATOMIC_RELAXED) == 0 && __atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) == 0;
}

void klock_take(void)
{
	struct cpu *cpu = cpu_this();

	ASSERT(!cpu->holds_klock);
	if (!try_take(NULL))
		cpu_wait_until(try_take, NULL, CPU_WAIT_SPIN_NS);
	cpu->holds_klock = true;
	tlb_catch_up();
}

void klock_release(void)
{
	struct cpu *cpu = cpu_this();

	ASSERT(cpu->holds_klock);
	cpu->holds_klock = false;
	__atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}
