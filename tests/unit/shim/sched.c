/* SPDX-License-Identifier: MIT */
/*
 * sched.c - kernel/sched's thread.h and wait.h on the host: one thread, which belongs to init_process. Nobody can wake
 * it, so a sleep ends at once with -EINTR (or -ETIMEDOUT when there is a deadline). A mutex that is taken twice panics.
 */
#include <errno.h>

#include "kernel/log.h"
#include "kernel/sched/adaptive.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

static struct process first_process;
struct process kernel_process;
struct process *init_process = &first_process;
static struct thread only_thread = {.proc = &first_process};

struct thread *thread_current(void)
{
	return &only_thread;
}

void smp_hold_others(uint64_t cr3)
{
	(void)cr3;
}

void smp_release_others(void)
{
}

void sched_prepare(void)
{
}

void sched_block(void)
{
	panic("blocked, and nobody can wake");
}

void sched_wake(struct thread *t)
{
	(void)t;
}

bool signal_pending(void)
{
	return false;
}

int wait_sleep(uint64_t deadline_ns, bool interruptible)
{
	ASSERT(interruptible || deadline_ns != WAIT_FOREVER);
	return deadline_ns != WAIT_FOREVER ? -ETIMEDOUT : -EINTR;
}

void waitq_add(struct waitq *wq, struct waiter *w)
{
	w->wq = wq;
	list_push_back(&wq->waiters, &w->link);
}

void waitq_remove(struct waiter *w)
{
	list_remove(&w->link);
}

void waitq_wake(struct waitq *wq, uint32_t events)
{
	list_for_each_safe (w, &wq->waiters, link, struct waiter) {
		if (w->wake != NULL)
			w->wake(w, events);
	}
}

void waitq_wake_one(struct waitq *wq, uint32_t events)
{
	waitq_wake(wq, events);
}

void adaptive_lock(struct adaptive_mutex *m)
{
	ASSERT(m->owner == NULL);
	m->owner = thread_current();
}

void adaptive_unlock(struct adaptive_mutex *m)
{
	ASSERT(m->owner == thread_current());
	m->owner = NULL;
}

void mutex_lock(struct mutex *m)
{
	ASSERT(m->state == 0);
	m->state = 1;
	m->owner = thread_current();
}

bool mutex_trylock(struct mutex *m)
{
	if (m->state != 0)
		return false;
	m->state = 1;
	m->owner = thread_current();
	return true;
}

void mutex_unlock(struct mutex *m)
{
	ASSERT(m->state != 0 && m->owner == thread_current());
	m->state = 0;
}
