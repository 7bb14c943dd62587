/* SPDX-License-Identifier: MIT */
/* cpu_wait.c - see cpu_wait.h. */
#include "kernel/sched/cpu_wait.h"

#include "abi/gate.h"
#include "kernel/sched/klock.h"
#include "kernel/time/clock.h"
#include "lib/compiler.h"

#define SLEEP_MIN_NS 20000ull
#define SLEEP_MAX_NS 500000ull

static bool spin(bool (*done)(void *arg), void *arg, uint64_t end_ns)
{
	do {
		for (int i = 0; i < 16; i++) {
			if (done(arg))
				return true;
			cpu_relax();
		}
	} while (clock_monotonic_ns() < end_ns);
	return false;
}

/* Full barriers: what this CPU did before is seen by whoever sees that it waits (smp_tell_others), and it sees what was
 * left for it to do meanwhile. */
static uint32_t begin(struct cpu *cpu)
{
	uint32_t before = cpu->where;

	__atomic_store_n(&cpu->where, CPU_WAITS, __ATOMIC_SEQ_CST);
	return before;
}

static void end(struct cpu *cpu, uint32_t before)
{
	__atomic_store_n(&cpu->where, before, __ATOMIC_SEQ_CST);
	if (before == CPU_RUNS)
		tlb_catch_up();
}

void cpu_wait_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	struct cpu *cpu = cpu_this();
	uint32_t before = begin(cpu);
	uint64_t sleep_ns = SLEEP_MIN_NS;

	while (!spin(done, arg, clock_monotonic_ns() + spin_ns)) {
		gate_call(CAY_GATE_PAUSE, sleep_ns, 0, 0, 0, 0);
		sleep_ns = MIN(sleep_ns * 2, SLEEP_MAX_NS);
	}
	end(cpu, before);
}

void cpu_spin_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	struct cpu *cpu = cpu_this();
	uint32_t before = begin(cpu);

	(void)spin(done, arg, clock_monotonic_ns() + spin_ns);
	end(cpu, before);
}
