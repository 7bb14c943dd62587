/* SPDX-License-Identifier: MIT */
/* runqueue.c - see runqueue.h. */
#include "kernel/sched/runqueue.h"

#include <linux/sched.h>
#include <stddef.h>

/* Keys of the heap: real-time threads below, all others from here on. */
#define KEY_NORMAL      (1ull << 62)
#define KEY_TURN_BITS   48
#define RT_PRIORITY_TOP 99
/* SCHED_IDLE has weight 3 where nice 0 has 1024, as on Linux. */
#define IDLE_SCALE 341

void rq_init(struct runqueue *rq)
{
	pheap_init(&rq->heap);
	list_init(&rq->queued);
	rq->min_vruntime_ns = 0;
	rq->next_turn = 1;
	rq->nr = 0;
}

bool rq_is_realtime(const struct thread *t)
{
	return t->policy == SCHED_FIFO || t->policy == SCHED_RR;
}

uint64_t rq_scale(uint64_t ns, const struct thread *t)
{
	int nice = t->nice;

	if (t->policy == SCHED_IDLE)
		return ns * IDLE_SCALE;
	/* Powers by steps: no table, no overflow. Run only when threads change, not per call. */
	for (; nice > 0; nice--)
		ns += ns / 4;
	for (; nice < 0; nice++)
		ns -= ns / 5;
	return ns;
}

static uint64_t key_of(const struct thread *t)
{
	if (rq_is_realtime(t))
		return (uint64_t)(RT_PRIORITY_TOP - t->rt_priority) << KEY_TURN_BITS | t->rt_turn;
	return KEY_NORMAL + t->vruntime_ns;
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
	pheap_insert(&rq->heap, &t->run_node, key_of(t));
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
	pheap_remove(&rq->heap, &t->run_node);
	list_remove(&t->queue_link);
	rq->nr--;
}

struct thread *rq_take(struct runqueue *rq)
{
	struct pheap_node *n = pheap_min(&rq->heap);
	struct thread *t;

	if (n == NULL)
		return NULL;
	t = container_of(n, struct thread, run_node);
	rq_remove(rq, t);
	if (!rq_is_realtime(t) && t->vruntime_ns > rq->min_vruntime_ns)
		rq->min_vruntime_ns = t->vruntime_ns;
	return t;
}

void rq_charge(struct runqueue *rq, struct thread *t, uint64_t ran_ns)
{
	struct pheap_node *n = pheap_min(&rq->heap);
	uint64_t least;

	if (rq_is_realtime(t))
		return;
	t->vruntime_ns += rq_scale(ran_ns, t);
	least = t->vruntime_ns;
	if (n != NULL && n->key >= KEY_NORMAL && n->key - KEY_NORMAL < least)
		least = n->key - KEY_NORMAL;
	if (least > rq->min_vruntime_ns)
		rq->min_vruntime_ns = least;
}

bool rq_preempts(const struct thread *woken, const struct thread *running, uint64_t running_vruntime_ns)
{
	if (rq_is_realtime(woken))
		return !rq_is_realtime(running) || woken->rt_priority > running->rt_priority;
	if (rq_is_realtime(running))
		return false;
	if (running->policy == SCHED_IDLE && woken->policy != SCHED_IDLE)
		return true;
	if (woken->policy == SCHED_BATCH || woken->policy == SCHED_IDLE)
		return false;
	return woken->vruntime_ns + rq_scale(RQ_WAKE_GRANULE_NS, woken) < running_vruntime_ns;
}

void rq_step_back(const struct runqueue *rq, struct thread *t)
{
	const struct pheap_node *n = pheap_min(&rq->heap);

	t->rt_turn = 0;
	if (!rq_is_realtime(t) && n != NULL && n->key >= KEY_NORMAL && t->vruntime_ns <= n->key - KEY_NORMAL)
		t->vruntime_ns = n->key - KEY_NORMAL + 1;
}
