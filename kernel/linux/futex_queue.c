/* SPDX-License-Identifier: MIT */
/* futex_queue.c - see futex_queue.h. */
#include <errno.h>
#include <stddef.h>

#include "kernel/linux/futex_queue.h"
#include "kernel/sched/spinlock.h"
#include "lib/compiler.h"

#define BUCKET_BITS 8

struct futex_bucket {
	struct spinlock lock;
	struct list waiters;
} ALIGNED(64);

#define BUCKETS (1u << BUCKET_BITS)
static struct futex_bucket buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {.lock = SPINLOCK_INIT("futex")}};

/* Locked. */
static struct futex_bucket *lock_bucket(struct futex_bucket *b)
{
	spin_lock(&b->lock);
	if (b->waiters.next == NULL)
		list_init(&b->waiters);
	return b;
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	/* Fibonacci hashing; words of one cache line still spread. */
	uint64_t h = (key->addr ^ key->space << 7) * 0x9e3779b97f4a7c15ull;

	return &buckets[h >> (64 - BUCKET_BITS)];
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->addr == b->addr && a->space == b->space;
}

/* Lock: the bucket's. */
static void insert(struct futex_bucket *b, struct futex_waiter *w)
{
	struct list *before = &b->waiters;

	if (w->urgency > 0) {
		list_for_each (other, &b->waiters, link, struct futex_waiter) {
			if (other->urgency < w->urgency) {
				before = &other->link;
				break;
			}
		}
	}
	list_push_back(before, &w->link);
	WRITE_ONCE(w->bucket, b);
}

static int yes(void *arg)
{
	(void)arg;
	return 0;
}

int futex_queue_add_if(struct futex_waiter *w, futex_look *look, void *arg)
{
	struct futex_bucket *b = lock_bucket(bucket_of(&w->key));
	int no = look(arg);

	if (no == 0) {
		w->queued = true;
		insert(b, w);
	}
	spin_unlock(&b->lock);
	return no;
}

void futex_queue_add(struct futex_waiter *w)
{
	(void)!futex_queue_add_if(w, yes, NULL);
}

bool futex_queue_remove(struct futex_waiter *w)
{
	struct futex_bucket *b;
	bool removed = false;

	while (futex_is_queued(w)) {
		b = READ_ONCE(w->bucket);
		spin_lock(&b->lock);
		if (w->queued && w->bucket == b) { /* else woken, or moved, just now */
			list_remove(&w->link);
			w->queued = false;
			removed = true;
		}
		spin_unlock(&b->lock);
	}
	return removed;
}

/* Lock: that of w's bucket. w is gone afterwards. */
static void take_and_wake(struct futex_waiter *w, void (*wake)(struct thread *t))
{
	struct thread *t = w->thread;

	list_remove(&w->link);
	if (w->woken_ref != NULL && *w->woken_ref < 0)
		*w->woken_ref = w->index;
	__atomic_store_n(&w->queued, false, __ATOMIC_RELEASE);
	wake(t);
}

int futex_queue_wake(const struct futex_key *key, int nr, uint32_t bits, void (*wake)(struct thread *t))
{
	struct futex_bucket *b = lock_bucket(bucket_of(key));
	int woken = 0;

	list_for_each_safe (w, &b->waiters, link, struct futex_waiter) {
		if (woken >= nr)
			break;
		if (!same(&w->key, key))
			continue;
		if (w->kind != FUTEX_PLAIN) {
			woken = -EINVAL;
			break;
		}
		if ((w->bits & bits) == 0)
			continue;
		take_and_wake(w, wake);
		woken++;
	}
	spin_unlock(&b->lock);
	return woken;
}

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	(void)lock_bucket(MIN(a, b));
	if (a == b)
		return;
	spin_lock_nested(&MAX(a, b)->lock);
	if (MAX(a, b)->waiters.next == NULL)
		list_init(&MAX(a, b)->waiters);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

int futex_queue_requeue(const struct futex_requeue *r)
{
	struct futex_bucket *b = bucket_of(&r->from), *target = bucket_of(&r->to);
	struct list moving = LIST_INIT(moving);
	int64_t done = 0;

	lock_two(b, target);
	if (r->look != NULL)
		done = r->look(r->arg);
	if (done != 0) {
		unlock_two(b, target);
		return (int)done;
	}
	list_for_each_safe (w, &b->waiters, link, struct futex_waiter) {
		if (done >= (int64_t)r->nr_wake + r->nr_move)
			break;
		if (!same(&w->key, &r->from))
			continue;
		if (w->kind != FUTEX_PLAIN) {
			done = -EINVAL;
			break;
		}
		if (done++ < r->nr_wake) {
			take_and_wake(w, r->wake);
		} else if (!same(&r->from, &r->to)) {
			list_remove(&w->link);
			list_push_back(&moving, &w->link);
		}
	}
	list_for_each_safe (w, &moving, link, struct futex_waiter) {
		list_remove(&w->link);
		w->key = r->to;
		insert(target, w);
	}
	unlock_two(b, target);
	return (int)done;
}

void futex_queue_move(struct futex_waiter *w, const struct futex_key *to, enum futex_kind kind)
{
	struct futex_bucket *b = w->bucket, *target = bucket_of(to);

	lock_two(b, target);
	list_remove(&w->link);
	w->key = *to;
	w->kind = kind;
	insert(target, w);
	unlock_two(b, target);
}

struct futex_waiter *futex_queue_first_for_lock(const struct futex_key *key)
{
	struct futex_bucket *b = lock_bucket(bucket_of(key));
	struct futex_waiter *found = NULL;

	list_for_each (w, &b->waiters, link, struct futex_waiter) {
		if (w->kind == FUTEX_LOCK && same(&w->key, key)) {
			found = w;
			break;
		}
	}
	spin_unlock(&b->lock);
	return found;
}

int futex_queue_first_condition(const struct futex_key *key, struct futex_waiter **found)
{
	struct futex_bucket *b = lock_bucket(bucket_of(key));
	int err = 0;

	*found = NULL;
	list_for_each (w, &b->waiters, link, struct futex_waiter) {
		if (!same(&w->key, key))
			continue;
		if (w->kind == FUTEX_CONDITION)
			*found = w;
		else
			err = -EINVAL;
		break;
	}
	spin_unlock(&b->lock);
	return err;
}
