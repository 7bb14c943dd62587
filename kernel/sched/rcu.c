/* SPDX-License-Identifier: MIT */
/*
 * rcu.c - see rcu.h. Each CPU has two lists of its own: one that waits until all other CPUs had no reader since it was
 * closed, and one that is filled meanwhile.
 */
#define CAY_RCU_REAL
#include "kernel/sched/rcu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/mm/percpu.h"
#include "kernel/sched/smp.h"
#include "lib/compiler.h"

#define BATCH 32 /* so many more, and it is looked whether something can be freed */

static struct deferred {
	struct rcu_head *filling, *waiting;
	unsigned nr; /* in filling */
	struct smp_quiet quiet;
} ALIGNED(64) deferred[CAY_VCPU_MAX];

static void free_all(struct rcu_head *h)
{
	while (h != NULL) {
		struct rcu_head *next = h->next;

		h->free(h);
		h = next;
	}
}

static void look(struct deferred *d)
{
	struct rcu_head *done = NULL;

	if (d->waiting != NULL && smp_was_quiet(&d->quiet)) {
		done = d->waiting;
		d->waiting = NULL;
	}
	if (d->waiting == NULL && d->filling != NULL) {
		d->waiting = d->filling;
		d->filling = NULL;
		d->nr = 0;
		smp_quiet_begin(&d->quiet);
	}
	free_all(done); /* which may put more into the list */
}

void rcu_free_later(struct rcu_head *h, void (*free)(struct rcu_head *h))
{
	struct deferred *d = &deferred[percpu_id()];

	if (!smp_active) {
		free(h);
		return;
	}
	h->free = free;
	h->next = d->filling;
	d->filling = h;
	if (++d->nr % BATCH == 0)
		look(d);
}

void rcu_poll(void)
{
	struct deferred *d = &deferred[percpu_id()];

	if (d->waiting != NULL || d->filling != NULL)
		look(d);
}
