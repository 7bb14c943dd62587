/* SPDX-License-Identifier: MIT */
/*
 * futex_pi.c - futexes whose word is the owner's thread id: FUTEX_LOCK_PI and kin. The kernel hands the lock from owner
 * to waiter, so it is fair and survives an owner that dies. All threads are scheduled alike, so no priority is
 * inherited. The handover: the new owner's id is in the word, and its waiter off the queue, before it wakes.
 */
#include <errno.h>
#include <linux/futex.h>

#include "kernel/linux/futex_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"

/* Takes a lock that nobody owns. *old is the word before: its id part is 0 exactly when it was taken. */
static int try_acquire(void *uaddr, uint32_t tid, uint32_t *old)
{
	uint32_t found;
	int err = get_user_u32(old, uaddr);

	while (err == 0 && (*old & FUTEX_TID_MASK) == 0) {
		/* FUTEX_OWNER_DIED and FUTEX_WAITERS stay: the new owner finds out, and goes through the kernel to
		 * unlock. */
		err = cmpxchg_user_u32(uaddr, *old, tid | (*old & ~FUTEX_TID_MASK), &found);
		if (err != 0 || found == *old)
			return err;
		*old = found;
	}
	return err;
}

/* Tells the owner's unlock to come to the kernel. False when the lock became free meanwhile. */
static int mark_waiters(void *uaddr, uint32_t old, bool *marked)
{
	uint32_t found = old;
	int err = 0;

	if ((old & FUTEX_WAITERS) == 0)
		err = cmpxchg_user_u32(uaddr, old, old | FUTEX_WAITERS, &found);
	*marked = err == 0 && found == old;
	return err;
}

long futex_lock_pi(void *uaddr, bool shared, bool try_only, uint64_t deadline_ns)
{
	struct thread *self = thread_current();
	struct futex_waiter w = {.thread = self, .bits = FUTEX_ANY_BITS, .pi = true};
	uint32_t old, tid = (uint32_t)self->tid;
	bool marked = false;
	int err = futex_key_of(uaddr, shared, &w.key), r = 0;

	if (err != 0)
		return err;
	while (!marked) {
		err = try_acquire(uaddr, tid, &old);
		if (err != 0)
			return err;
		if ((old & FUTEX_TID_MASK) == 0)
			return 0;
		if ((old & FUTEX_TID_MASK) == tid)
			return -EDEADLK;
		if (try_only)
			return -EAGAIN;
		struct thread *owner = thread_find((int)(old & FUTEX_TID_MASK));

		if (owner == NULL || owner->state == THREAD_DEAD)
			return -ESRCH; /* the word is not what it should be */
		err = mark_waiters(uaddr, old, &marked);
		if (err != 0)
			return err;
	}
	futex_queue_add(&w);
	for (;;) {
		sched_prepare();
		if (!futex_is_queued(&w))
			return 0; /* the lock was handed to us */
		if (r != 0)
			break;
		r = wait_sleep(deadline_ns, true);
	}
	futex_queue_remove(&w);
	return r == -EINTR ? -ERESTARTNOINTR : r;
}

/* Writes the next owner into the word and wakes it; an empty word without one. extra: FUTEX_OWNER_DIED or 0. */
static int hand_over(void *uaddr, const struct futex_key *key, uint32_t old, uint32_t extra)
{
	struct futex_waiter *next = futex_queue_first_pi(key);
	uint32_t value = extra, found;
	int err;

	if (next != NULL) {
		value |= (uint32_t)next->thread->tid;
		futex_queue_remove(next);
		if (futex_queue_first_pi(key) != NULL)
			value |= FUTEX_WAITERS;
	}
	err = cmpxchg_user_u32(uaddr, old, value, &found);
	if (err == 0 && found != old)
		err = -EAGAIN; /* only the program itself can have done that, against the rules */
	if (next != NULL) {
		if (err != 0)
			futex_queue_add(next);
		else
			sched_wake(next->thread);
	}
	return err;
}

long futex_unlock_pi(void *uaddr, bool shared)
{
	struct futex_key key;
	uint32_t old;
	int err = futex_key_of(uaddr, shared, &key);

	if (err == 0)
		err = get_user_u32(&old, uaddr);
	if (err != 0)
		return err;
	if ((old & FUTEX_TID_MASK) != (uint32_t)thread_current()->tid)
		return -EPERM;
	return hand_over(uaddr, &key, old, 0);
}

bool futex_pi_owner_died(void *uaddr)
{
	static const bool sharing[] = {false, true}; /* the dead owner cannot say which it was */
	uint32_t old;

	for (unsigned i = 0; i < ARRAY_SIZE(sharing); i++) {
		struct futex_key key;

		if (futex_key_of(uaddr, sharing[i], &key) == 0 && futex_queue_first_pi(&key) != NULL &&
		    get_user_u32(&old, uaddr) == 0)
			return hand_over(uaddr, &key, old, FUTEX_OWNER_DIED) == 0;
	}
	return false;
}
