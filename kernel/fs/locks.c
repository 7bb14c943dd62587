/* SPDX-License-Identifier: MIT */
/*
 * locks.c - see locks.h. An inode's locks are one list; an owner's locks of one kind never overlap, and neighbours of
 * the same type are merged. Waiters of all files share a queue: contention on record locks is rare, a wake-up
 * re-checks.
 */
#include <errno.h>

#include "kernel/fs/locks.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/kmalloc.h"

struct lock {
	struct list link;
	enum lock_kind kind;
	const void *owner;
	struct lock_range r;
};

/* Who sleeps for whom, to see a deadlock among POSIX owners. */
struct lock_wait {
	struct list link;
	const void *owner, *holder;
};

static struct waitq released = WAITQ_INIT(released);
static struct list waits = LIST_INIT(waits);

static bool same_world(enum lock_kind a, enum lock_kind b)
{
	return (a == LOCK_KIND_FLOCK) == (b == LOCK_KIND_FLOCK);
}

static struct lock *find_conflict(struct inode *i, enum lock_kind kind, const void *owner, const struct lock_range *r)
{
	list_for_each (l, &i->locks, link, struct lock) {
		if (l->owner != owner && same_world(l->kind, kind) && (l->r.write || r->write) &&
		    l->r.start <= r->end && r->start <= l->r.end)
			return l;
	}
	return NULL;
}

bool lock_test(struct inode *i, enum lock_kind kind, const void *owner, struct lock_range *r)
{
	struct lock *l = find_conflict(i, kind, owner, r);

	if (l == NULL)
		return false;
	*r = l->r;
	return true;
}

/* Would owner, waiting for holder, close a circle? The chain is bounded: each owner waits for one other at a time. */
static bool is_deadlock(const void *owner, const void *holder)
{
	for (int depth = 0; depth < 16; depth++) {
		const void *next = NULL;
		if (holder == owner)
			return true;
		list_for_each (w, &waits, link, struct lock_wait) {
			if (w->owner == holder)
				next = w->holder;
		}
		if (next == NULL)
			return false;
		holder = next;
	}
	return false;
}

static int wait_for_release(struct inode *i, enum lock_kind kind, const void *owner, const struct lock_range *r)
{
	struct lock *l = find_conflict(i, kind, owner, r);
	struct lock_wait w = {.owner = owner};
	int err = 0;

	while (l != NULL && err == 0) {
		if (kind == LOCK_KIND_POSIX && is_deadlock(owner, l->owner))
			return -EDEADLK;
		w.holder = l->owner;
		list_push_back(&waits, &w.link);
		err = wait_event_interruptible(&released, find_conflict(i, kind, owner, r) != l);
		list_remove(&w.link);
		l = find_conflict(i, kind, owner, r);
	}
	return err;
}

static void lock_free(struct lock *l)
{
	list_remove(&l->link);
	kfree(l);
}

/* Takes [r->start, r->end] out of the owner's locks. spare serves when the middle of one goes. Returns the spare if
 * unused. */
static struct lock *cut(struct inode *i, enum lock_kind kind, const void *owner, const struct lock_range *r,
			struct lock *spare)
{
	list_for_each_safe (l, &i->locks, link, struct lock) {
		if (l->owner != owner || l->kind != kind || l->r.start > r->end || r->start > l->r.end)
			continue;
		bool left = l->r.start<r->start, right = l->r.end> r->end;
		if (left && right) {
			*spare = *l;
			spare->r.start = r->end + 1;
			l->r.end = r->start - 1;
			list_push_back(&i->locks, &spare->link);
			return NULL; /* own locks do not overlap: there is no other */
		}
		if (left)
			l->r.end = r->start - 1;
		else if (right)
			l->r.start = r->end + 1;
		else
			lock_free(l);
	}
	return spare;
}

static void merge_into(struct inode *i, struct lock *n)
{
	list_for_each_safe (l, &i->locks, link, struct lock) {
		if (l == n || l->owner != n->owner || l->kind != n->kind || l->r.write != n->r.write)
			continue;
		if (l->r.end < INT64_MAX && l->r.end + 1 == n->r.start)
			n->r.start = l->r.start;
		else if (n->r.end < INT64_MAX && n->r.end + 1 == l->r.start)
			n->r.end = l->r.end;
		else
			continue;
		lock_free(l);
	}
}

int lock_set(struct inode *i, enum lock_kind kind, const void *owner, const struct lock_range *r, bool unlock,
	     bool wait)
{
	struct lock *n, *spare;

	if (!unlock && find_conflict(i, kind, owner, r) != NULL) {
		int err = wait ? 0 : -EAGAIN;
		/* flock gives up the old lock while it waits for the new one: flock(2), "not guaranteed to be atomic".
		 */
		if (kind == LOCK_KIND_FLOCK)
			lock_release_owner(i, owner);
		if (err == 0)
			err = wait_for_release(i, kind, owner, r);
		if (err != 0)
			return err;
	}
	n = kzalloc(sizeof(*n));
	spare = kzalloc(sizeof(*spare));
	if (n == NULL || spare == NULL) {
		kfree(n);
		kfree(spare);
		return -ENOLCK;
	}
	kfree(cut(i, kind, owner, r, spare));
	if (unlock) {
		kfree(n);
	} else {
		n->kind = kind;
		n->owner = owner;
		n->r = *r;
		list_push_back(&i->locks, &n->link);
		merge_into(i, n);
	}
	waitq_wake(&released, 0); /* an unlock or a downgrade may let somebody in */
	return 0;
}

void lock_release_owner(struct inode *i, const void *owner)
{
	bool any = false;

	list_for_each_safe (l, &i->locks, link, struct lock) {
		if (l->owner == owner) {
			lock_free(l);
			any = true;
		}
	}
	if (any)
		waitq_wake(&released, 0);
}
