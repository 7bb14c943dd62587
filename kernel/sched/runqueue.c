/* SPDX-License-Identifier: MIT */
/* runqueue.c - see runqueue.h. */
#include "kernel/sched/runqueue.h"

void rq_init(struct runqueue *rq)
{
	pheap_init(&rq->heap);
	rq->min_vruntime_ns = 0;
	rq->nr = 0;
}

uint64_t rq_scale(uint64_t ns, int nice)
{
	/* Powers by steps: no table, no overflow. Run only when threads change, not per call. */
	for (; nice > 0; nice--)
		ns += ns / 4;
	for (; nice < 0; nice++)
		ns -= ns / 5;
	return ns;
}

void rq_add(struct runqueue *rq, struct thread *t, bool woke)
{
	if (woke) {
		uint64_t floor_ns =
			rq->min_vruntime_ns > RQ_SLEEPER_CREDIT_NS ? rq->min_vruntime_ns - RQ_SLEEPER_CREDIT_NS : 0;

		if (t->vruntime_ns < floor_ns)
			t->vruntime_ns = floor_ns;
	}
	pheap_insert(&rq->heap, &t->run_node, t->vruntime_ns);
	rq->nr++;
}

struct thread *rq_take(struct runqueue *rq)
{
	struct pheap_node *n = pheap_min(&rq->heap);
	struct thread *t;

	if (n == NULL)
		return NULL;
	pheap_remove(&rq->heap, n);
	rq->nr--;
	t = container_of(n, struct thread, run_node);
	if (t->vruntime_ns > rq->min_vruntime_ns)
		rq->min_vruntime_ns = t->vruntime_ns;
	return t;
}

void rq_charge(struct runqueue *rq, struct thread *t, uint64_t ran_ns)
{
	struct pheap_node *n = pheap_min(&rq->heap);
	uint64_t least;

	t->vruntime_ns += rq_scale(ran_ns, t->nice);
	least = n != NULL && n->key < t->vruntime_ns ? n->key : t->vruntime_ns;
	if (least > rq->min_vruntime_ns)
		rq->min_vruntime_ns = least;
}

bool rq_preempts(const struct thread *woken, const struct thread *running)
{
	return woken->vruntime_ns + rq_scale(RQ_WAKE_GRANULE_NS, woken->nice) < running->vruntime_ns;
}
