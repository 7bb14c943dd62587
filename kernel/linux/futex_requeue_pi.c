/* SPDX-License-Identifier: MIT */
/*
 * futex_requeue_pi.c - condition variables whose mutex is a lock with an owner: who waits for the condition
 * (FUTEX_WAIT_REQUEUE_PI) is given the lock, or put among those that wait for it (FUTEX_CMP_REQUEUE_PI), without waking
 * up in between only to find the lock taken.
 */
#include <errno.h>
#include <linux/futex.h>

#include "kernel/linux/futex_pi.h"
#include "kernel/linux/futex_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

/* The two words: the condition's and the lock's. */
struct pair {
	struct futex_key condition, lock;
};

static int keys_of(void *uaddr, void *ulock, bool shared, struct pair *keys)
{
	int err = futex_key_of(uaddr, shared, &keys->condition);

	if (err == 0)
		err = futex_key_of(ulock, shared, &keys->lock);
	if (err == 0 && keys->condition.addr == keys->lock.addr && keys->condition.space == keys->lock.space)
		err = -EINVAL;
	return err;
}

long futex_wait_requeue_pi(void *uaddr, void *ulock, bool shared, uint32_t val, uint64_t deadline_ns)
{
	struct thread *self = thread_current();
	struct pi_waiter w = {
		.w = {.thread = self, .bits = FUTEX_ANY_BITS, .kind = FUTEX_CONDITION, .urgency = futex_urgency(self)},
		.ulock = ulock};
	struct pair keys;
	uint32_t now;
	int r = keys_of(uaddr, ulock, shared, &keys);

	if (r != 0)
		return r;
	w.w.key = keys.condition;
	w.target = keys.lock;
	futex_queue_add(&w.w);
	r = get_user_u32(&now, uaddr);
	if (r == 0 && now != val)
		r = -EAGAIN;
	r = pi_wait(&w, deadline_ns, r);
	if (r != -EINTR)
		return r;
	/* One that waited for the lock already would find that the condition's word has changed. */
	return w.w.kind == FUTEX_LOCK ? -EAGAIN : -ERESTARTNOINTR;
}

/* Is that w, still? It may have timed out while a word was touched, and another one be in its place. */
static bool is_first(const struct pair *keys, const struct futex_waiter *w, const struct thread *t)
{
	struct futex_waiter *first;

	return futex_queue_first_condition(&keys->condition, &first) == 0 && first == w && first->thread == t;
}

/* The lock was taken for a waiter that does not wait any more. */
static int give_back(void *ulock, uint32_t tid)
{
	uint32_t word, found;
	int err = get_user_u32(&word, ulock);

	while (err == 0 && (word & FUTEX_TID_MASK) == tid) {
		err = cmpxchg_user_u32(ulock, word, word & FUTEX_OWNER_DIED, &found);
		if (err != 0 || found == word)
			break;
		word = found;
	}
	return err;
}

/* The first waiter gets the lock, or a place among those that wait for it. 1; 0 when there is none, or it is gone now
 * (*again). */
static int requeue_first(const struct pair *keys, void *ulock, bool *again)
{
	struct futex_waiter *first;
	struct pi_waiter *w;
	struct thread *t, *owner;
	int r = futex_queue_first_condition(&keys->condition, &first);

	*again = false;
	if (r != 0 || first == NULL)
		return r;
	w = container_of(first, struct pi_waiter, w);
	t = first->thread;
	if (w->target.addr != keys->lock.addr || w->target.space != keys->lock.space)
		return -EINVAL;
	r = pi_look(ulock, &keys->lock, (uint32_t)t->tid, &owner);
	if (r < 0)
		return r;
	if (r == PI_AGAIN || !is_first(keys, first, t)) {
		*again = true;
		return r == PI_TAKEN ? give_back(ulock, (uint32_t)t->tid) : 0;
	}
	if (r == PI_TAKEN) {
		futex_queue_remove(first);
		sched_wake(t);
		return 1;
	}
	r = lending_start(&w->loan, t, owner);
	if (r != 0)
		return r;
	futex_queue_move(first, &keys->lock, FUTEX_LOCK);
	return 1;
}

long futex_cmp_requeue_pi(void *uaddr, void *ulock, bool shared, int nr_wake, int nr_requeue, uint32_t expect)
{
	struct pair keys;
	long done = 0;
	uint32_t now;
	int r = keys_of(uaddr, ulock, shared, &keys);

	/* More could not be given the lock at once. */
	if (nr_wake != 1 || nr_requeue < 0)
		return -EINVAL;
	if (r == 0)
		r = get_user_u32(&now, uaddr);
	if (r != 0)
		return r;
	if (now != expect)
		return -EAGAIN;
	while (done < (long)nr_wake + nr_requeue) {
		bool again;

		r = requeue_first(&keys, ulock, &again);
		if (r < 0)
			return r;
		if (r == 0 && !again)
			break;
		done += r;
	}
	return done;
}
