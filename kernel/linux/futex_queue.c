/* SPDX-License-Identifier: MIT */
/* futex_queue.c - see futex_queue.h. */
#include <stddef.h>

#include "kernel/linux/futex_queue.h"

#define BUCKET_BITS 8

static struct list buckets[1u << BUCKET_BITS];

static struct list *bucket(const struct futex_key *key)
{
	/* Fibonacci hashing; words of one cache line still spread. */
	uint64_t h = (key->addr ^ key->space << 7) * 0x9e3779b97f4a7c15ull;
	struct list *b = &buckets[h >> (64 - BUCKET_BITS)];

	if (b->next == NULL)
		list_init(b);
	return b;
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->addr == b->addr && a->space == b->space;
}

void futex_queue_add(struct futex_waiter *w)
{
	list_push_back(bucket(&w->key), &w->link);
}

void futex_queue_remove(struct futex_waiter *w)
{
	list_remove(&w->link);
}

int futex_queue_wake(const struct futex_key *key, int nr, uint32_t bits, void (*wake)(struct thread *t))
{
	struct list *b = bucket(key);
	int woken = 0;

	list_for_each_safe (w, b, link, struct futex_waiter) {
		if (woken >= nr)
			break;
		if (w->pi || !same(&w->key, key) || (w->bits & bits) == 0)
			continue;
		list_remove(&w->link);
		if (w->woken_ref != NULL && *w->woken_ref < 0)
			*w->woken_ref = w->index;
		wake(w->thread);
		woken++;
	}
	return woken;
}

int futex_queue_requeue(const struct futex_key *from, const struct futex_key *to, int nr)
{
	struct list *b = bucket(from), *target = bucket(to);
	struct list moving = LIST_INIT(moving);
	int moved = 0;

	if (same(from, to))
		return 0;
	list_for_each_safe (w, b, link, struct futex_waiter) {
		if (moved >= nr)
			break;
		if (w->pi || !same(&w->key, from))
			continue;
		list_remove(&w->link);
		list_push_back(&moving, &w->link);
		moved++;
	}
	list_for_each_safe (w, &moving, link, struct futex_waiter) {
		list_remove(&w->link);
		w->key = *to;
		list_push_back(target, &w->link);
	}
	return moved;
}

struct futex_waiter *futex_queue_first_pi(const struct futex_key *key)
{
	list_for_each (w, bucket(key), link, struct futex_waiter) {
		if (w->pi && same(&w->key, key))
			return w;
	}
	return NULL;
}
