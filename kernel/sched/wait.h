/* SPDX-License-Identifier: MIT */
/*
 * wait.h - sleeping until a condition holds. waitq_wake may be called from any context, upcalls included, with or
 * without the kernel lock: change the condition first, then wake. A waiter is queued before it looks at the condition.
 * A sleeper re-checks its condition after each wake, so spurious wakes are harmless.
 */
#ifndef CAY_KERNEL_SCHED_WAIT_H
#define CAY_KERNEL_SCHED_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "lib/list.h"

/* One registration. The default callback wakes `thread`; poll and epoll install their own, which runs under the queue's
 * lock: it must not block, nor add to or remove from this queue. */
struct waiter {
	struct list link;
	struct thread *thread;
	void (*wake)(struct waiter *w, uint32_t events); /* NULL: sched_wake(thread) */
	struct waitq *wq;                                /* NULL: not queued */
	bool exclusive;                                  /* waitq_wake_one stops after one of these */
};

#define WAITQ_INIT(name)                                                                                               \
	{                                                                                                              \
		.lock = SPINLOCK_INIT("waitq"), .waiters = LIST_INIT((name).waiters)                                   \
	}
static inline void waitq_init(struct waitq *wq)
{
	spin_init(&wq->lock, "waitq");
	list_init(&wq->waiters);
}
void waitq_add(struct waitq *wq, struct waiter *w);
void waitq_remove(struct waiter *w);                /* harmless when not queued; no callback runs afterwards */
void waitq_remove_all(struct waitq *wq);            /* the queue goes: its waiters hear no more */
void waitq_wake(struct waitq *wq, uint32_t events); /* all; events: POLL* mask passed to callbacks, 0 = unspecified */
void waitq_wake_one(struct waitq *wq, uint32_t events);

#define WAIT_FOREVER UINT64_MAX

/* Internal: blocks until woken or CLOCK_MONOTONIC deadline_ns. 0 woken, -ETIMEDOUT, -EINTR when interruptible and a
 * signal is pending. */
int wait_sleep(uint64_t deadline_ns, bool interruptible);
/* True when a signal that would interrupt the current thread is pending (or its process is ending). */
bool signal_pending(void);

/*
 * Sleeps until cond. Result: 0, -ETIMEDOUT, or -EINTR (system calls turn that into restart as signal(7) says:
 * return -ERESTARTSYS from kernel/linux/signal.h). deadline_ns is absolute CLOCK_MONOTONIC or WAIT_FOREVER.
 */
#define wait_event_deadline(wq, cond, deadline_ns, interruptible)                                                      \
	({                                                                                                             \
		struct waiter w_ = {.thread = thread_current()};                                                       \
		int r_ = 0;                                                                                            \
		list_init(&w_.link);                                                                                   \
		waitq_add((wq), &w_);                                                                                  \
		for (;;) {                                                                                             \
			sched_prepare();                                                                               \
			if (cond) {                                                                                    \
				r_ = 0;                                                                                \
				break;                                                                                 \
			}                                                                                              \
			if (r_ != 0)                                                                                   \
				break;                                                                                 \
			r_ = wait_sleep((deadline_ns), (interruptible));                                               \
		}                                                                                                      \
		waitq_remove(&w_);                                                                                     \
		r_;                                                                                                    \
	})
#define wait_event(wq, cond)               ((void)wait_event_deadline(wq, cond, WAIT_FOREVER, false))
#define wait_event_interruptible(wq, cond) wait_event_deadline(wq, cond, WAIT_FOREVER, true)

#endif
