/* SPDX-License-Identifier: MIT */
/*
 * futex_queue.h - who waits on which word: a hash of keys to waiters, by urgency, then in order of arrival. No
 * dependency on threads or user memory: unit-tested on the host. Lock: a spin lock per bucket, taken inside; two for
 * requeueing, in order of address. A waiter that is woken may be gone as soon as `queued` is false: nothing of it is
 * touched afterwards.
 */
#ifndef CAY_KERNEL_LINUX_FUTEX_QUEUE_H
#define CAY_KERNEL_LINUX_FUTEX_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/list.h"

struct thread;
struct futex_bucket;

/* Two words are the same futex when both parts agree. Private: address space and address. Shared: 0 and physical
 * address. Called shared, but in private memory: address space and address + 1. */
struct futex_key {
	uint64_t space;
	uint64_t addr;
};

#define FUTEX_ANY_BITS 0xffffffffu

/* What a waiter waits for. Plain wakes refuse to touch the other two. */
enum futex_kind {
	FUTEX_PLAIN,    /* a wake */
	FUTEX_LOCK,     /* to be given the lock (futex_pi.c) */
	FUTEX_CONDITION /* to be moved to the queue of a lock: FUTEX_WAIT_REQUEUE_PI */
};

/* One waiter for one word; on the waiter's stack. */
struct futex_waiter {
	struct list link;
	struct futex_bucket *bucket; /* whose list it is in; changed under the locks of both */
	bool queued;                 /* not any more = was woken */
	struct futex_key key;
	struct thread *thread;
	uint32_t bits;  /* FUTEX_WAIT_BITSET's mask */
	int *woken_ref; /* futex_waitv: receives `index` when this one is woken; NULL otherwise */
	int index;
	enum futex_kind kind;
	int urgency; /* priority of a real-time thread: it is woken before those with less. 0: any other thread */
};

static inline bool futex_is_queued(const struct futex_waiter *w)
{
	return __atomic_load_n(&w->queued, __ATOMIC_ACQUIRE); /* pairs with the waker's release */
}

/* A full barrier comes before the word may be read: a waker that changes it later finds the waiter. */
void futex_queue_add(struct futex_waiter *w);
/* Looks, under the queue's lock, whether to go on: 0; anything else is what the caller gets, and nothing was done. It
 * does not block or fault. No wake comes between the look and what follows it. */
typedef int futex_look(void *arg);
MUST_CHECK int futex_queue_add_if(struct futex_waiter *w, futex_look *look, void *arg);
/* False: it was not queued any more, so a wake was spent on it. */
bool futex_queue_remove(struct futex_waiter *w);

/* Wakes through `wake`, under the bucket's lock, the first ones, up to nr waiters of key whose bits meet `bits`.
 * Returns how many; -EINVAL when it met one that is not plain. */
int futex_queue_wake(const struct futex_key *key, int nr, uint32_t bits, void (*wake)(struct thread *t));

/* How many waiters to wake, and how many more to move; which words; how to wake. look may be NULL. */
struct futex_requeue {
	struct futex_key from, to;
	int nr_wake, nr_move;
	void (*wake)(struct thread *t);
	futex_look *look;
	void *arg;
};
/* At once, first ones first; they are moved behind those already there. Returns how many; -EINVAL when it met one that
 * is not plain: it has been done to those before it all the same, as on Linux. */
int futex_queue_requeue(const struct futex_requeue *r);

/* Moves w, which is queued, behind those of `to`, as one of another kind. */
void futex_queue_move(struct futex_waiter *w, const struct futex_key *to, enum futex_kind kind);

/* Those that are not plain come and go under the kernel lock, which the caller has. One that waits for the lock of key,
 * still queued; NULL when there is none. */
struct futex_waiter *futex_queue_first_for_lock(const struct futex_key *key);
/* The first waiter of key, still queued; NULL when there is none. -EINVAL when it is of another kind. */
MUST_CHECK int futex_queue_first_condition(const struct futex_key *key, struct futex_waiter **found);

#endif
