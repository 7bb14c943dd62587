/* SPDX-License-Identifier: MIT */
/* wait.c - wait queues and sleeping with a deadline. See wait.h. */
#include <errno.h>

#include "kernel/linux/signal.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"

void waitq_add(struct waitq *wq, struct waiter *w)
{
	spin_lock(&wq->lock);
	w->wq = wq;
	list_push_back(&wq->waiters, &w->link);
	spin_unlock(&wq->lock);
}

void waitq_remove(struct waiter *w)
{
	struct waitq *wq = w->wq;

	if (wq == NULL)
		return;
	spin_lock(&wq->lock);
	list_remove(&w->link);
	w->wq = NULL;
	spin_unlock(&wq->lock);
}

void waitq_remove_all(struct waitq *wq)
{
	spin_lock(&wq->lock);
	list_for_each_safe (w, &wq->waiters, link, struct waiter) {
		list_remove(&w->link);
		w->wq = NULL;
	}
	spin_unlock(&wq->lock);
}

static void wake(struct waiter *w, uint32_t events)
{
	if (w->wake != NULL)
		w->wake(w, events);
	else
		sched_wake(w->thread);
}

/*
 * Under the queue's lock, so that a waiter lives while its callback runs. Nested, because an epoll set's callback wakes
 * the set's own queues: sets make no circle, so the order is that of the chain. An exclusive waiter goes to the end of
 * the queue when it is woken, so that the next wake finds somebody who has not been told yet.
 */
static void wake_until_exclusive(struct waitq *wq, uint32_t events, bool all)
{
	struct list *last;

	spin_lock_nested(&wq->lock);
	last = wq->waiters.prev;
	while (!list_empty(&wq->waiters)) {
		struct list *l = wq->waiters.next;
		struct waiter *w = container_of(l, struct waiter, link);
		bool exclusive = w->exclusive;
		bool at_end = l == last;

		list_remove(l);
		list_push_back(&wq->waiters, l);
		wake(w, events);
		if (at_end || (exclusive && !all))
			break;
	}
	spin_unlock(&wq->lock);
}

void waitq_wake(struct waitq *wq, uint32_t events)
{
	wake_until_exclusive(wq, events, true);
}

void waitq_wake_one(struct waitq *wq, uint32_t events)
{
	wake_until_exclusive(wq, events, false);
}

static void deadline_passed(struct ktimer *t)
{
	sched_wake(t->arg);
}

bool signal_pending(void)
{
	return (thread_current()->work & (THREAD_WORK_SIGNAL | THREAD_WORK_EXIT)) != 0;
}

int wait_sleep(uint64_t deadline_ns, bool interruptible)
{
	if (interruptible && signal_pending())
		return -EINTR;
	if (deadline_ns == WAIT_FOREVER) {
		sched_block();
	} else {
		struct ktimer timer;

		if (clock_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		ktimer_init_unlocked(&timer, deadline_passed, thread_current());
		ktimer_arm(&timer, deadline_ns);
		sched_block();
		ktimer_cancel(&timer);
	}
	if (interruptible && signal_pending())
		return -EINTR;
	return deadline_ns != WAIT_FOREVER && clock_monotonic_ns() >= deadline_ns ? -ETIMEDOUT : 0;
}
