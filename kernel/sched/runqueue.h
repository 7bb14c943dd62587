/* SPDX-License-Identifier: MIT */
/*
 * runqueue.h - the runnable threads of one CPU. Real-time threads (SCHED_FIFO, SCHED_RR) come first, by priority, then
 * by arrival; all others by virtual runtime: CPU time divided by weight, where the weight grows by a quarter per rank.
 * The thread that had least runs next. The running thread is not in the queue. Invariant: min_vruntime_ns never goes
 * back; a thread that slept, or comes from another CPU, gets at most RQ_SLEEPER_CREDIT_NS or RQ_MIGRATION_SPREAD_NS
 * below it, so neither earns a right to starve others. While others wait, real-time threads get at most RQ_RT_RUN_NS of
 * each RQ_RT_PERIOD_NS, as on Linux: one that spins does not take the machine with it. Lock: the CPU's (sched_priv.h).
 * No other dependency: unit-tested on the host.
 */
#ifndef CAY_KERNEL_SCHED_RUNQUEUE_H
#define CAY_KERNEL_SCHED_RUNQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/thread.h"
#include "lib/pheap.h"

#define RQ_SLICE_NS            4000000ull /* how long one thread runs while another waits */
#define RQ_SLEEPER_CREDIT_NS   2000000ull
#define RQ_WAKE_GRANULE_NS     1000000ull /* a woken thread preempts when it is owed more than this */
#define RQ_MIGRATION_SPREAD_NS 20000000ull
#define RQ_RT_PERIOD_NS        1000000000ull
#define RQ_RT_RUN_NS           950000000ull

/*
 * A thread's rank: who has the higher one goes first, or gets more. -19 to 20 is a nice level with the sign turned,
 * above RANK_REALTIME is a real-time priority on top of it. As a rule it follows from its own policy and nice level;
 * lending.h may raise it.
 */
#define RANK_IDLE     (-20) /* SCHED_IDLE */
#define RANK_REALTIME 20
#define RANK_MAX      (RANK_REALTIME + 99)

struct runqueue {
	struct pheap realtime, fair;
	struct list queued; /* the same threads, in order of arrival */
	uint64_t min_vruntime_ns;
	uint64_t next_turn;               /* order among real-time threads of one priority */
	uint64_t rt_period_ns, rt_ran_ns; /* when the period began; what real-time threads have had of it */
	unsigned nr;
};

void rq_init(struct runqueue *rq);

/* Adds a thread that is not queued. woke: it was blocked (or is new), so its virtual time may have fallen behind. */
void rq_add(struct runqueue *rq, struct thread *t, bool woke);

/* t, not queued, comes from another CPU's queue: virtual times there and here may have drifted apart. */
void rq_adopt(const struct runqueue *rq, struct thread *t);

/* The thread to run next, still queued; NULL when there is none. */
struct thread *rq_first(struct runqueue *rq, uint64_t now_ns);
/* The same, removed. */
struct thread *rq_take(struct runqueue *rq, uint64_t now_ns);

/* Removes t, which is queued here. */
void rq_remove(struct runqueue *rq, struct thread *t);

/* Adds ran_ns of CPU time to t (running, not queued), scaled by its weight. */
void rq_charge(struct runqueue *rq, struct thread *t, uint64_t ran_ns);

/* Should `woken` run before `running`, whose virtual time is running_vruntime_ns by now, is through with its slice? */
bool rq_preempts(const struct thread *woken, const struct thread *running, uint64_t running_vruntime_ns);

/* t goes behind those of its own priority, or behind the one due next: sched_yield, the end of a SCHED_RR slice. */
void rq_step_back(const struct runqueue *rq, struct thread *t);

/* ns * (weight of nice 0) / (weight of t). */
uint64_t rq_scale(uint64_t ns, const struct thread *t);

/* By its own policy, priority and nice level. */
int rq_own_rank(const struct thread *t);

bool rq_is_realtime(const struct thread *t);

#endif
