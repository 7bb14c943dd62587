/* SPDX-License-Identifier: MIT */
/*
 * hostfs_kept.c - small files that were closed, ready to be opened again without asking the host: a web server opens
 * the same page for each request. Only files opened for reading whose whole contents were read, and only as long as
 * what was read may be used anyway (hostfs.h). An inode has at most one; it does not keep the inode alive, which drops
 * it before it goes.
 *
 * Each CPU has a list of those that were closed there, so that CPUs that open different files do not meet. Whoever
 * takes h->kept out, under h->lock, has it: he alone takes it off its list then. Order of locks: a list's, an inode's.
 */
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/percpu.h"

#define NR_MAX    32u /* of a CPU */
#define BYTES_MAX (512u << 10)

struct keeper {
	struct spinlock lock; /* all below */
	struct list oldest_first;
	unsigned nr;
	size_t bytes;
};

struct hostfs_kept {
	struct list link;
	struct keeper *keeper;
	struct hostfs_inode *h;
	uint64_t fh;
	struct hostfs_ahead *ahead;
	size_t bytes; /* of its buffers */
};

static struct keeper ALIGNED(64) keepers[CAY_VCPU_MAX] = {
	[0 ... CAY_VCPU_MAX - 1] = {.lock = SPINLOCK_INIT("kept files")}};

/* Of this CPU; as good as any other if the thread moves on. */
static struct keeper *keeper_here(void)
{
	return &keepers[percpu_id()];
}

/* h's, if it is `only` (NULL: whichever), which is the caller's then, but on its list still; or NULL. */
static struct hostfs_kept *claim(struct hostfs_inode *h, const struct hostfs_kept *only)
{
	struct hostfs_kept *k;

	if (READ_ONCE(h->kept) == NULL)
		return NULL;
	spin_lock(&h->lock);
	k = h->kept;
	if (only != NULL && k != only)
		k = NULL;
	else
		WRITE_ONCE(h->kept, NULL);
	spin_unlock(&h->lock);
	return k;
}

/* Lock of its list. It was claimed. */
static void take_off(struct hostfs_kept *k)
{
	list_remove(&k->link);
	k->keeper->nr--;
	k->keeper->bytes -= k->bytes;
}

/* It was claimed, and is on no list any more. No lock: may sleep. */
static void let_go(struct hostfs_kept *k)
{
	hostfs_ahead_destroy(k->ahead);
	hostfs_release_handle(FUSE_RELEASE, k->fh);
	kfree(k);
}

/* What h has kept, claimed, and on no list any more; or NULL. */
static struct hostfs_kept *take(struct hostfs_inode *h)
{
	struct hostfs_kept *k = claim(h, NULL);

	if (k != NULL) {
		spin_lock(&k->keeper->lock);
		take_off(k);
		spin_unlock(&k->keeper->lock);
	}
	return k;
}

void hostfs_kept_drop(struct hostfs_inode *h)
{
	struct hostfs_kept *k = take(h);

	if (k != NULL)
		let_go(k);
}

/* Lock. What has to go to make room for `bytes` more, or is of no use any more, from the list to another one. */
static void make_room(struct keeper *r, size_t bytes, struct list *gone)
{
	list_for_each_safe (k, &r->oldest_first, link, struct hostfs_kept) {
		bool must = r->nr >= NR_MAX || r->bytes + bytes > BYTES_MAX;

		if (!must && hostfs_ahead_is_still_good(k->ahead, k->h))
			continue;
		/* One that somebody else has claimed he takes off the list himself, as soon as he has the lock. */
		if (claim(k->h, k) != NULL) {
			take_off(k);
			list_push_back(gone, &k->link);
		}
	}
}

bool hostfs_kept_put(struct hostfs_inode *h, uint64_t fh, struct hostfs_ahead *ahead)
{
	struct list gone = LIST_INIT(gone);
	struct hostfs_kept *k;
	struct keeper *r;
	bool fits;

	if (!hostfs_ahead_is_whole(ahead, h) || page_nr_free() < page_nr_total() / 4)
		return false;
	hostfs_kept_drop(h);
	k = kmalloc(sizeof(*k));
	if (k == NULL)
		return false;
	r = keeper_here();
	*k = (struct hostfs_kept){.keeper = r, .h = h, .fh = fh, .ahead = ahead, .bytes = hostfs_ahead_memory(ahead)};
	spin_lock(&r->lock);
	if (r->oldest_first.next == NULL)
		list_init(&r->oldest_first);
	make_room(r, k->bytes, &gone);
	spin_lock(&h->lock);
	fits = h->kept == NULL; /* else somebody else was faster */
	if (fits)
		WRITE_ONCE(h->kept, k);
	spin_unlock(&h->lock);
	if (fits) {
		list_push_back(&r->oldest_first, &k->link);
		r->nr++;
		r->bytes += k->bytes;
	}
	spin_unlock(&r->lock);
	if (!fits)
		kfree(k);
	while (!list_empty(&gone)) {
		k = list_first(&gone, struct hostfs_kept, link);
		list_remove(&k->link);
		let_go(k);
	}
	return fits;
}

bool hostfs_kept_take(struct hostfs_inode *h, uint64_t *fh, struct hostfs_ahead **ahead)
{
	struct hostfs_kept *k = take(h);

	if (k == NULL)
		return false;
	if (!hostfs_ahead_is_still_good(k->ahead, h)) {
		let_go(k);
		return false;
	}
	*fh = k->fh;
	*ahead = k->ahead;
	hostfs_ahead_rewind(k->ahead);
	kfree(k);
	return true;
}
