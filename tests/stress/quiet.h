/* SPDX-License-Identifier: MIT */
/*
 * quiet.h - for stress tests of what waits for quiet moments (kernel/sched/rcu.h): each thread stands for one of CPUS
 * CPUs, and tells of its quiet moments by tickets as in kernel/sched/smp.c, idleness included.
 */
#ifndef CAY_TESTS_STRESS_QUIET_H
#define CAY_TESTS_STRESS_QUIET_H

#include <stdatomic.h>

#include "kernel/mm/percpu.h"
#include "kernel/sched/smp.h"

#define CPUS 3

bool smp_active = true;
__thread unsigned shim_cpu;

static struct {
	_Atomic uint64_t asked, done;
	atomic_bool idle;
} cpus[CPUS];

void smp_quiet_begin(struct smp_quiet *q)
{
	q->busy = 0;
	for (unsigned id = 0; id < CPUS; id++) {
		if (id == shim_cpu || atomic_load(&cpus[id].idle))
			continue;
		q->ticket[id] = atomic_fetch_add(&cpus[id].asked, 1) + 1;
		q->busy |= 1ull << id;
	}
}

bool smp_was_quiet(struct smp_quiet *q)
{
	for (unsigned id = 0; id < CPUS; id++)
		if (atomic_load(&cpus[id].idle) || atomic_load(&cpus[id].done) >= q->ticket[id])
			q->busy &= ~(1ull << id);
	return q->busy == 0;
}

/* As tlb_catch_up: no reader is on this CPU now. */
static void look_what_is_asked(void)
{
	atomic_store(&cpus[shim_cpu].done, atomic_load(&cpus[shim_cpu].asked));
}

#endif
