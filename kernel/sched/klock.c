/* SPDX-License-Identifier: MIT */
/* klock.c - see klock.h. */
#include "kernel/sched/klock.h"

#include "abi/gate.h"
#include "kernel/log.h"
#include "kernel/time/clock.h"

#define SPIN_NS      10000ull
#define SLEEP_MIN_NS 20000ull
#define SLEEP_MAX_NS 500000ull

bool smp_active;

static uint32_t held ALIGNED(64);

static bool try_take(void)
{
	return __atomic_load_n(&held, __ATOMIC_RELAXED) == 0 && __atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) == 0;
}

static bool spin(uint64_t end_ns)
{
	do {
		for (int i = 0; i < 16; i++) {
			if (try_take())
				return true;
			cpu_relax();
		}
	} while (clock_monotonic_ns() < end_ns);
	return false;
}

static void take_slowly(struct cpu *cpu)
{
	uint64_t sleep_ns = SLEEP_MIN_NS;

	/* Full barrier: what this CPU did before is seen by whoever sees that it waits (smp_stop_others). */
	__atomic_store_n(&cpu->where, CPU_WAITS, __ATOMIC_SEQ_CST);
	while (!spin(clock_monotonic_ns() + SPIN_NS)) {
		gate_call(CAY_GATE_PAUSE, sleep_ns, 0, 0, 0, 0);
		sleep_ns = MIN(sleep_ns * 2, SLEEP_MAX_NS);
	}
}

void klock_take(void)
{
	struct cpu *cpu = cpu_this();

	ASSERT(!cpu->holds_klock);
	if (!try_take())
		take_slowly(cpu);
	cpu->holds_klock = true;
	if (cpu->where != CPU_RUNS)
		__atomic_store_n(&cpu->where, CPU_RUNS, __ATOMIC_RELAXED);
	tlb_catch_up();
}

void klock_release(enum cpu_where next)
{
	struct cpu *cpu = cpu_this();

	ASSERT(cpu->holds_klock);
	cpu->holds_klock = false;
	if (next != CPU_RUNS)
		__atomic_store_n(&cpu->where, next, __ATOMIC_RELAXED);
	__atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}
