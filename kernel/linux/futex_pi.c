/* SPDX-License-Identifier: MIT */
/*
 * futex_pi.c - futexes whose word is the owner's thread id: FUTEX_LOCK_PI and kin. Who waits lends the owner its
 * rank (kernel/sched/lending.h). The kernel hands the lock from owner to waiter, the most urgent first.
 * The handover: the new owner's id is in the word, and its waiter off the queue, before it wakes. An owner that dies
 * need not have the word in its memory (it may be another process's), and cannot be asked where: so its heir stays
 * in the queue until it has written the word itself, and whoever comes meanwhile waits for the heir.
 */
#include "kernel/linux/futex_pi.h"

#include <errno.h>
#include <linux/futex.h>

#include "kernel/linux/futex_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"

static struct pi_waiter *pi_of(struct futex_waiter *w)
{
	return container_of(w, struct pi_waiter, w);
}

static struct pi_waiter *pi_of_loan(struct lending *l)
{
	return container_of(l, struct pi_waiter, loan);
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->addr == b->addr && a->space == b->space;
}

/* Who waits for this lock of owner's, the most urgent one; NULL if nobody does. */
static struct pi_waiter *top_waiter(struct thread *owner, const struct futex_key *key)
{
	list_for_each (l, &owner->lenders, link, struct lending) {
		if (same(&pi_of_loan(l)->w.key, key))
			return pi_of_loan(l);
	}
	return NULL;
}

/* Those that still wait for this lock of from's wait for `to` now. */
static void waiters_move(struct thread *from, struct thread *to, const struct futex_key *key)
{
	list_for_each_safe (l, &from->lenders, link, struct lending) {
		if (same(&pi_of_loan(l)->w.key, key))
			lending_move(l, to);
	}
}

/* A thread that can own a lock; NULL if there is none. */
static struct thread *living(uint32_t tid)
{
	struct thread *t = tid != 0 ? thread_find((int)tid) : NULL;

	return t != NULL && t->state != THREAD_DEAD && !t->futexes_gone ? t : NULL;
}

/* As the waiters know it: a program may have written anything into the word. */
static int find_owner(uint32_t word, struct futex_waiter *waiter, struct thread **owner)
{
	struct thread *named = living(word & FUTEX_TID_MASK);

	if (waiter == NULL) {
		*owner = named;
		return named != NULL ? 0 : -ESRCH;
	}
	*owner = pi_of(waiter)->is_heir ? waiter->thread : pi_of(waiter)->loan.borrower;
	if (*owner == NULL || (named != NULL && named != *owner))
		return -EINVAL;
	return 0;
}

int pi_look(void *ulock, const struct futex_key *key, uint32_t tid, struct thread **owner)
{
	uint32_t word, wanted, found;
	struct futex_waiter *waiter;
	int err = get_user_u32(&word, ulock);

	if (err != 0)
		return err;
	if ((word & FUTEX_TID_MASK) == tid)
		return -EDEADLK;
	waiter = futex_queue_first_for_lock(key);
	if ((word & FUTEX_TID_MASK) == 0 && waiter == NULL)
		wanted = tid | (word & FUTEX_OWNER_DIED);
	else if ((word & FUTEX_TID_MASK) == 0 && (word & FUTEX_OWNER_DIED) == 0)
		return -EINVAL; /* somebody waits for a lock that says it is free */
	else if ((word & FUTEX_WAITERS) == 0)
		wanted = word | FUTEX_WAITERS; /* the owner's unlock comes to the kernel */
	else
		return (err = find_owner(word, waiter, owner)) != 0 ? err : PI_OWNED;
	err = cmpxchg_user_u32(ulock, word, wanted, &found);
	if (err != 0)
		return err;
	return found == word && (wanted & FUTEX_TID_MASK) == tid ? PI_TAKEN : PI_AGAIN;
}

/* The calling thread is the heir: it writes so. Whoever had the lock is gone, so no unlock interferes. */
static int take_over(struct pi_waiter *w)
{
	uint32_t tid = (uint32_t)w->w.thread->tid, word, found;
	int err = get_user_u32(&word, w->ulock);

	while (err == 0) {
		err = cmpxchg_user_u32(w->ulock, word, tid | FUTEX_OWNER_DIED | FUTEX_WAITERS, &found);
		if (err != 0 || found == word)
			break;
		word = found;
	}
	return err;
}

/* owner has no use for the lock: the most urgent waiter inherits it. */
static void bequeath(struct thread *owner, const struct futex_key *key)
{
	struct pi_waiter *heir = top_waiter(owner, key);

	if (heir == NULL)
		return;
	lending_stop(&heir->loan);
	heir->is_heir = true;
	waiters_move(owner, heir->w.thread, &heir->w.key);
	sched_wake(heir->w.thread);
}

int pi_wait(struct pi_waiter *w, uint64_t deadline_ns, int r)
{
	for (;;) {
		sched_prepare();
		if (!futex_is_queued(&w->w))
			return 0; /* the lock was handed to us */
		if (w->is_heir || r != 0)
			break;
		r = wait_sleep(deadline_ns, true);
	}
	if (w->is_heir)
		r = take_over(w);
	futex_queue_remove(&w->w);
	if (w->is_heir && r != 0)
		bequeath(w->w.thread, &w->w.key);
	lending_stop(&w->loan);
	return r;
}

long futex_lock_pi(void *uaddr, bool shared, bool try_only, uint64_t deadline_ns)
{
	struct thread *self = thread_current(), *owner;
	struct pi_waiter w = {.w = {.thread = self, .bits = FUTEX_ANY_BITS, .kind = FUTEX_LOCK}, .ulock = uaddr};
	int r = futex_key_of(uaddr, shared, &w.w.key);

	if (r != 0)
		return r;
	do
		r = pi_look(uaddr, &w.w.key, (uint32_t)self->tid, &owner);
	while (r == PI_AGAIN);
	if (r == PI_TAKEN || r < 0)
		return r;
	if (try_only)
		return -EAGAIN;
	r = lending_start(&w.loan, self, owner);
	if (r != 0)
		return r;
	futex_queue_add(&w.w);
	r = pi_wait(&w, deadline_ns, 0);
	return r == -EINTR ? -ERESTARTNOINTR : r;
}

/*
 * Writes the next owner into the word; an empty word without one. Touching the word may sleep, and waiters may come and
 * go meanwhile: so it goes on until the word says what is true.
 */
static int write_next_owner(void *uaddr, const struct futex_key *key, uint32_t word, struct pi_waiter **next)
{
	struct thread *self = thread_current();
	uint32_t found;

	for (;;) {
		uint32_t wanted = 0;
		int err;

		*next = top_waiter(self, key);
		if (*next != NULL)
			wanted = FUTEX_WAITERS | (uint32_t)(*next)->w.thread->tid;
		if (word == wanted)
			return 0;
		err = cmpxchg_user_u32(uaddr, word, wanted, &found);
		if (err != 0)
			return err;
		if (found != word)
			return -EINVAL; /* only the program itself can have done that, against the rules */
		word = wanted;
	}
}

long futex_unlock_pi(void *uaddr, bool shared)
{
	struct thread *self = thread_current();
	struct futex_waiter *waiter;
	struct pi_waiter *next;
	struct futex_key key;
	uint32_t word;
	int err = futex_key_of(uaddr, shared, &key);

	if (err == 0)
		err = get_user_u32(&word, uaddr);
	if (err != 0)
		return err;
	if ((word & FUTEX_TID_MASK) != (uint32_t)self->tid)
		return -EPERM;
	waiter = futex_queue_first_for_lock(&key);
	if (waiter != NULL && pi_of(waiter)->loan.borrower != self)
		return -EINVAL; /* its id stands there, but it is not the owner */
	err = write_next_owner(uaddr, &key, word, &next);
	if (err != 0 || next == NULL)
		return err;
	futex_queue_remove(&next->w);
	lending_stop(&next->loan);
	waiters_move(self, next->w.thread, &key);
	sched_wake(next->w.thread);
	return 0;
}

void futex_pi_thread_exit(struct thread *t)
{
	while (!list_empty(&t->lenders)) {
		struct futex_key key = pi_of_loan(list_first(&t->lenders, struct lending, link))->w.key;

		bequeath(t, &key);
	}
}
