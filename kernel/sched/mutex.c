/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - a lock that sleeps and never spins; with or without the kernel lock. Uncontended: one compare-and-exchange.
 * Waiters are served in order, more or less: one that comes while the lock is free may be first.
 * No wake is lost: a waiter is queued before it tries again, the owner lets go before it looks for waiters, each with a
 * full barrier in between.
 */
#include "kernel/log.h"
#include "kernel/sched/wait.h"

static bool try_take(struct mutex *m, struct thread *self)
{
	struct thread *nobody = NULL;

	if (SPIN_NEEDS_ATOMIC)
		return __atomic_compare_exchange_n(&m->owner, &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	if (m->owner != NULL)
		return false;
	m->owner = self;
	return true;
}

void mutex_lock(struct mutex *m)
{
	struct thread *self = thread_current();
	struct waiter w = {.thread = self, .exclusive = true};

	if (try_take(m, self))
		return;
	ASSERT(m->owner != self);
	waitq_add(&m->wq, &w);
	for (;;) {
		sched_prepare();
		if (try_take(m, self))
			break;
		sched_block();
	}
	waitq_remove(&w);
}

bool mutex_trylock(struct mutex *m)
{
	return READ_ONCE(m->owner) == NULL && try_take(m, thread_current());
}

void mutex_unlock(struct mutex *m)
{
	ASSERT(m->owner == thread_current());
	if (SPIN_NEEDS_ATOMIC)
		__atomic_store_n(&m->owner, NULL, __ATOMIC_SEQ_CST);
	else
		m->owner = NULL;
	if (!list_empty(&m->wq.waiters))
		waitq_wake_one(&m->wq, 0);
}
