/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - see mutex.h.
 * Invariants: a record on the stack (state) or in the queue (first) is that of a thread asleep, or on its way to sleep,
 * in mutex_lock; only the owner takes records off, all of the stack at once, so it does not matter that an address may
 * come again. Lock word and records are published by release and taken by acquire.
 */
#include "kernel/sched/mutex.h"

#include "kernel/log.h"
#include "kernel/sched/thread.h"

#define FREE  0ul
#define TAKEN 1ul /* and nobody on the stack; else the address of the record on top */

struct mutex_waiter {
	struct mutex_waiter *next; /* who came before, while on the stack; who comes next, in the queue */
	struct thread *thread;
	bool granted; /* the mutex is its own: the last that is written, then the record may go */
};

/* Others look at it, too, but only to see whether it is themselves. */
static struct thread *owner(const struct mutex *m)
{
	return __atomic_load_n(&m->owner, __ATOMIC_RELAXED);
}

static void set_owner(struct mutex *m, struct thread *t)
{
	__atomic_store_n(&m->owner, t, __ATOMIC_RELAXED);
}

/* False: *state is the word as it is. With one CPU nobody interferes. */
static bool change(struct mutex *m, uintptr_t *state, uintptr_t to)
{
	if (SPIN_NEEDS_ATOMIC)
		return __atomic_compare_exchange_n(&m->state, state, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (m->state != *state) {
		*state = m->state;
		return false;
	}
	m->state = to;
	return true;
}

bool mutex_trylock(struct mutex *m)
{
	uintptr_t state = FREE;

	if (mutex_is_taken(m) || !change(m, &state, TAKEN))
		return false;
	set_owner(m, thread_current());
	return true;
}

/* On the stack of those who wait; false: it was free, and is ours. */
static bool push(struct mutex *m, struct mutex_waiter *w, uintptr_t state)
{
	for (;;) {
		if (state == FREE) {
			if (change(m, &state, TAKEN))
				return false;
		} else {
			w->next = state == TAKEN ? NULL : (struct mutex_waiter *)state;
			if (change(m, &state, (uintptr_t)w))
				return true;
		}
	}
}

static NOINLINE void lock_slowly(struct mutex *m, uintptr_t state)
{
	struct mutex_waiter w = {.thread = thread_current()};

	ASSERT(owner(m) != w.thread);
	if (push(m, &w, state)) {
		for (;;) {
			sched_prepare();
			if (__atomic_load_n(&w.granted, __ATOMIC_ACQUIRE)) /* pairs with hand_over */
				break;
			sched_block();
		}
	}
	set_owner(m, w.thread);
}

void mutex_lock(struct mutex *m)
{
	uintptr_t state = FREE;

	if (likely(change(m, &state, TAKEN)))
		set_owner(m, thread_current());
	else
		lock_slowly(m, state);
}

/* The stack, turned round, becomes the queue. The caller has the mutex, and there is somebody on the stack. */
static void take_stack(struct mutex *m)
{
	uintptr_t top = __atomic_exchange_n(&m->state, TAKEN, __ATOMIC_ACQUIRE);
	struct mutex_waiter *next;

	for (struct mutex_waiter *w = (struct mutex_waiter *)top; w != NULL; w = next) {
		next = w->next;
		w->next = m->first;
		m->first = w;
	}
}

static NOINLINE void hand_over(struct mutex *m)
{
	struct mutex_waiter *w;
	struct thread *t;

	if (m->first == NULL)
		take_stack(m);
	w = m->first;
	t = w->thread;
	m->first = w->next;
	__atomic_store_n(&w->granted, true, __ATOMIC_SEQ_CST); /* before the look at its state: sched_prepare */
	sched_wake(t); /* it may have gone on, even ended: threads' descriptors are only reused for threads */
}

void mutex_unlock(struct mutex *m)
{
	uintptr_t state = TAKEN;

	ASSERT(mutex_is_taken(m) && owner(m) == thread_current());
	/* The next one takes the word before it writes its name: it must not find ours when we ask again meanwhile. */
	set_owner(m, NULL);
	if (unlikely(m->first != NULL) || unlikely(!change(m, &state, FREE)))
		hand_over(m);
}
