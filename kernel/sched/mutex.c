/* SPDX-License-Identifier: MIT */
/* mutex.c - a lock that sleeps and never spins. Uncontended: one comparison. Waiters are served in order, more or less.
 */
#include "kernel/log.h"
#include "kernel/sched/wait.h"

void mutex_lock(struct mutex *m)
{
	struct thread *self = thread_current();
	struct waiter w = {.thread = self, .exclusive = true};

	if (m->owner == NULL) {
		m->owner = self;
		return;
	}
	ASSERT(m->owner != self);
	waitq_add(&m->wq, &w);
	for (;;) {
		sched_prepare();
		if (m->owner == NULL)
			break;
		sched_block();
	}
	m->owner = self;
	waitq_remove(&w);
}

bool mutex_trylock(struct mutex *m)
{
	if (m->owner != NULL)
		return false;
	m->owner = thread_current();
	return true;
}

void mutex_unlock(struct mutex *m)
{
	ASSERT(m->owner == thread_current());
	m->owner = NULL;
	if (!list_empty(&m->wq.waiters))
		waitq_wake_one(&m->wq, 0);
}
