/* SPDX-License-Identifier: MIT */
/*
 * adaptive.h - a lock that sleeps, for what is held a while and wanted by many: as mutex.h, but it is free as soon as
 * it is given back. Whoever comes then has it, before those that were woken for it: a thread that takes it again and
 * again does not wait each time until another one's CPU, which the host may have taken away, gets to run. Who waits
 * looks on while the owner is running on another CPU, for a bounded time, and sleeps then; a CPU that looks on counts
 * as out of the program (cpu_wait.h). Nobody is promised a turn.
 * Not recursive; who has it releases it. With or without the kernel lock, which is given up by who sleeps, not by who
 * looks on. Under ThreadSanitizer: tests/stress/stress_adaptive.c; model: tests/model/adaptive.pml.
 */
#ifndef CAY_KERNEL_SCHED_ADAPTIVE_H
#define CAY_KERNEL_SCHED_ADAPTIVE_H

#include "kernel/sched/wait.h"

struct adaptive_mutex {
	struct thread *owner; /* NULL: free */
	unsigned waiting;     /* how many sleep, or are about to */
	struct waitq sleepers;
};

static inline void adaptive_init(struct adaptive_mutex *m)
{
	*m = (struct adaptive_mutex){0};
	waitq_init(&m->sleepers);
}
void adaptive_lock(struct adaptive_mutex *m);
void adaptive_unlock(struct adaptive_mutex *m);

#endif
