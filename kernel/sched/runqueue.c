/* SPDX-License-Identifier: MIT */
/* runqueue.c - see runqueue.h. */
#include "kernel/sched/runqueue.h"

#include <linux/sched.h>
#include <stddef.h>

/* Key of a real-time thread: rank, best first, then its turn. */
#define KEY_TURN_BITS 48
/* SCHED_IDLE has weight 3 where nice 0 has 1024, as on Linux. */
#define IDLE_SCALE 341

void rq_init(struct runqueue *rq)
{
	pheap_init(&rq->realtime);
	pheap_init(&rq->fair);
	list_init(&rq->queued);
	rq->min_vruntime_ns = 0;
	rq->next_turn = 1;
	rq->rt_period_ns = rq->rt_ran_ns = 0;
	rq->nr = 0;
}

int rq_own_rank(const struct thread *t)
{
	if (t->policy == SCHED_FIFO || t->policy == SCHED_RR)
		return RANK_REALTIME + t->rt_priority;
	return t->policy == SCHED_IDLE ? RANK_IDLE : -t->nice;
}

bool rq_is_realtime(const struct thread *t)
{
	return t->rank > RANK_REALTIME;
}

uint64_t rq_scale(uint64_t ns, const struct thread *t)
{
	int nice = -t->rank;

	if (t->rank == RANK_IDLE)
		return ns * IDLE_SCALE;
	/* Powers by steps: no table, no overflow. Run only when threads change, not per call. */
	for (; nice > 0; nice--)
		ns += ns / 4;
	for (; nice < 0; nice++)
		ns -= ns / 5;
	return ns;
}

static struct pheap *heap_of(struct runqueue *rq, const struct thread *t)
{
	return t->queued_realtime ? &rq->realtime : &rq->fair;
}

static uint64_t key_of(const struct thread *t)
{
	if (rq_is_realtime(t))
		return (uint64_t)(RANK_MAX - t->rank) << KEY_TURN_BITS | t->rt_turn;
	return t->vruntime_ns;
}

void rq_add(struct runqueue *rq, struct thread *t, bool woke)
{
	if (woke) {
		uint64_t floor_ns =
			rq->min_vruntime_ns > RQ_SLEEPER_CREDIT_NS ? rq->min_vruntime_ns - RQ_SLEEPER_CREDIT_NS : 0;

		if (t->vruntime_ns < floor_ns)
			t->vruntime_ns = floor_ns;
	}
	/* One that was preempted keeps its turn. */
	if (woke || t->rt_turn == 0)
		t->rt_turn = rq->next_turn++;
	t->queued_realtime = rq_is_realtime(t);
	pheap_insert(heap_of(rq, t), &t->run_node, key_of(t));
	list_push_back(&rq->queued, &t->queue_link);
	rq->nr++;
}

void rq_adopt(const struct runqueue *rq, struct thread *t)
{
	uint64_t min = rq->min_vruntime_ns;

	if (t->vruntime_ns > min + RQ_MIGRATION_SPREAD_NS)
		t->vruntime_ns = min + RQ_MIGRATION_SPREAD_NS;
	else if (t->vruntime_ns + RQ_MIGRATION_SPREAD_NS < min)
		t->vruntime_ns = min - RQ_MIGRATION_SPREAD_NS;
	t->rt_turn = 0;
}

void rq_remove(struct runqueue *rq, struct thread *t)
{
	pheap_remove(heap_of(rq, t), &t->run_node);
	list_remove(&t->queue_link);
	rq->nr--;
}

static bool is_throttled(struct runqueue *rq, uint64_t now_ns)
{
	if (now_ns - rq->rt_period_ns >= RQ_RT_PERIOD_NS) {
		rq->rt_period_ns = now_ns;
		rq->rt_ran_ns = 0;
	}
	return rq->rt_ran_ns >= RQ_RT_RUN_NS;
}

struct thread *rq_first(struct runqueue *rq, uint64_t now_ns)
{
	struct pheap_node *n = pheap_min(&rq->realtime), *fair = pheap_min(&rq->fair);

	if (n == NULL || (fair != NULL && is_throttled(rq, now_ns)))
		n = fair;
	return n != NULL ? container_of(n, struct thread, run_node) : NULL;
}

struct thread *rq_take(struct runqueue *rq, uint64_t now_ns)
{
	struct thread *t = rq_first(rq, now_ns);

	if (t == NULL)
		return NULL;
	rq_remove(rq, t);
	if (!rq_is_realtime(t) && t->vruntime_ns > rq->min_vruntime_ns)
		rq->min_vruntime_ns = t->vruntime_ns;
	return t;
}

void rq_charge(struct runqueue *rq, struct thread *t, uint64_t ran_ns)
{
	struct pheap_node *n = pheap_min(&rq->fair);
	uint64_t least;

	if (rq_is_realtime(t)) {
		rq->rt_ran_ns += ran_ns;
		return;
	}
	t->vruntime_ns += rq_scale(ran_ns, t);
	least = n != NULL && n->key < t->vruntime_ns ? n->key : t->vruntime_ns;
	if (least > rq->min_vruntime_ns)
		rq->min_vruntime_ns = least;
}

bool rq_preempts(const struct thread *woken, const struct thread *running, uint64_t running_vruntime_ns)
{
	if (rq_is_realtime(woken))
		return !rq_is_realtime(running) || woken->rank > running->rank;
	if (rq_is_realtime(running))
		return false;
	if (running->rank == RANK_IDLE && woken->rank != RANK_IDLE)
		return true;
	if (woken->policy == SCHED_BATCH || woken->rank == RANK_IDLE)
		return false;
	return woken->vruntime_ns + rq_scale(RQ_WAKE_GRANULE_NS, woken) < running_vruntime_ns;
}

void rq_step_back(const struct runqueue *rq, struct thread *t)
{
	const struct pheap_node *n = pheap_min(&rq->fair);

	t->rt_turn = 0;
	if (!rq_is_realtime(t) && n != NULL && t->vruntime_ns <= n->key)
		t->vruntime_ns = n->key + 1;
}
