/* SPDX-License-Identifier: MIT */
/*
 * runqueue.h - the runnable threads of one CPU, by virtual runtime: CPU time divided by weight, where the weight
 * grows by a quarter per nice level. The thread that had least runs next. The running thread is not in the queue.
 * Invariant: min_vruntime_ns never goes back; a thread that slept gets at most RQ_SLEEPER_CREDIT_NS below it,
 * so sleeping never earns a right to starve others.
 * Lock: the CPU's scheduler lock, once there are several CPUs. No other dependency: unit-tested on the host.
 */
#ifndef CAY_KERNEL_SCHED_RUNQUEUE_H
#define CAY_KERNEL_SCHED_RUNQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/thread.h"
#include "lib/pheap.h"

#define RQ_SLICE_NS          4000000ull /* how long one thread runs while another waits */
#define RQ_SLEEPER_CREDIT_NS 2000000ull
#define RQ_WAKE_GRANULE_NS   1000000ull /* a woken thread preempts when it is owed more than this */

struct runqueue {
	struct pheap heap;
	uint64_t min_vruntime_ns;
	unsigned nr;
};

void rq_init(struct runqueue *rq);

/* Adds a thread that is not queued. woke: it was blocked (or is new), so its virtual time may have fallen behind. */
void rq_add(struct runqueue *rq, struct thread *t, bool woke);

/* Removes and returns the thread to run next; NULL when there is none. */
struct thread *rq_take(struct runqueue *rq);

/* Adds ran_ns of CPU time to t (running, not queued), scaled by its weight. */
void rq_charge(struct runqueue *rq, struct thread *t, uint64_t ran_ns);

/* Should `woken` run before `running` is through with its slice? Both charged up to now. */
bool rq_preempts(const struct thread *woken, const struct thread *running);

/* ns * (weight of nice 0) / (weight of nice). nice is -20..19. */
uint64_t rq_scale(uint64_t ns, int nice);

#endif
