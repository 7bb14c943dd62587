/* SPDX-License-Identifier: MIT */
/*
 * futex_queue.h - who waits on which word: a hash of keys to waiters, in order of arrival. No dependency on threads or
 * user memory: unit-tested on the host. Lock: one per bucket, once there are several CPUs.
 */
#ifndef CAY_KERNEL_LINUX_FUTEX_QUEUE_H
#define CAY_KERNEL_LINUX_FUTEX_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

struct thread;

/* Two words are the same futex when both parts agree. Private: address space and address. Shared: 0 and physical
 * address. Called shared, but in private memory: address space and address + 1. */
struct futex_key {
	uint64_t space;
	uint64_t addr;
};

#define FUTEX_ANY_BITS 0xffffffffu

/* One waiter for one word; on the waiter's stack. */
struct futex_waiter {
	struct list link; /* not queued (list_empty) = was woken */
	struct futex_key key;
	struct thread *thread;
	uint32_t bits;  /* FUTEX_WAIT_BITSET's mask */
	int *woken_ref; /* futex_waitv: receives `index` when this one is woken; NULL otherwise */
	int index;
	bool pi; /* waits for the lock in LOCK_PI: skipped by plain wakes */
};

void futex_queue_add(struct futex_waiter *w);
void futex_queue_remove(struct futex_waiter *w); /* harmless when not queued */

/* Wakes through `wake`, oldest first, up to nr waiters of key whose bits meet `bits`. Returns how many. */
int futex_queue_wake(const struct futex_key *key, int nr, uint32_t bits, void (*wake)(struct thread *t));

/* Moves up to nr waiters of `from` to `to`, oldest first, behind those already there. Returns how many. */
int futex_queue_requeue(const struct futex_key *from, const struct futex_key *to, int nr);

/* The oldest LOCK_PI waiter of key, still queued; NULL when there is none. */
struct futex_waiter *futex_queue_first_pi(const struct futex_key *key);

#endif
