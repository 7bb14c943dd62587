/* SPDX-License-Identifier: MIT */
/*
 * hostfs_kept.c - small files that were closed, ready to be opened again without asking the host: a web server opens
 * the same page for each request. Only files opened for reading whose whole contents were read, and only as long as
 * what was read may be used anyway (hostfs.h). An inode has at most one; it does not keep the inode alive, which drops
 * it before it goes. Under a spin lock; what leaves is given back to the host without it.
 */
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"

#define NR_MAX    32u
#define BYTES_MAX (512u << 10)

struct hostfs_kept {
	struct list link;
	struct hostfs_inode *h;
	uint64_t fh;
	struct hostfs_ahead *ahead;
	size_t bytes; /* of its buffers */
};

static struct {
	struct spinlock lock; /* all below, and hostfs_inode.kept */
	struct list oldest_first;
	unsigned nr;
	size_t bytes;
} kept = {.lock = SPINLOCK_INIT("kept files"), .oldest_first = LIST_INIT(kept.oldest_first)};

/* Lock. */
static void take_out(struct hostfs_kept *k, struct list *to)
{
	list_remove(&k->link);
	list_push_back(to, &k->link);
	WRITE_ONCE(k->h->kept, NULL);
	kept.nr--;
	kept.bytes -= k->bytes;
}

/* Lock. */
static void take_out_useless(struct list *to)
{
	list_for_each_safe (k, &kept.oldest_first, link, struct hostfs_kept)
		if (!hostfs_ahead_is_still_good(k->ahead, k->h))
			take_out(k, to);
}

/* No lock: may sleep. */
static void let_go(struct list *gone)
{
	while (!list_empty(gone)) {
		struct hostfs_kept *k = list_first(gone, struct hostfs_kept, link);

		list_remove(&k->link);
		hostfs_ahead_destroy(k->ahead);
		hostfs_release_handle(FUSE_RELEASE, k->fh);
		kfree(k);
	}
}

void hostfs_kept_drop(struct hostfs_inode *h)
{
	struct list gone = LIST_INIT(gone);

	spin_lock(&kept.lock);
	if (h->kept != NULL)
		take_out(h->kept, &gone);
	spin_unlock(&kept.lock);
	let_go(&gone);
}

bool hostfs_kept_put(struct hostfs_inode *h, uint64_t fh, struct hostfs_ahead *ahead)
{
	struct list gone = LIST_INIT(gone);
	struct hostfs_kept *k;

	if (!hostfs_ahead_is_whole(ahead, h) || page_nr_free() < page_nr_total() / 4)
		return false;
	k = kmalloc(sizeof(*k));
	if (k == NULL)
		return false;
	*k = (struct hostfs_kept){.h = h, .fh = fh, .ahead = ahead, .bytes = hostfs_ahead_memory(ahead)};
	spin_lock(&kept.lock);
	if (h->kept != NULL)
		take_out(h->kept, &gone);
	take_out_useless(&gone);
	while (kept.nr > 0 && (kept.nr >= NR_MAX || kept.bytes + k->bytes > BYTES_MAX))
		take_out(list_first(&kept.oldest_first, struct hostfs_kept, link), &gone);
	list_push_back(&kept.oldest_first, &k->link);
	WRITE_ONCE(h->kept, k);
	kept.nr++;
	kept.bytes += k->bytes;
	spin_unlock(&kept.lock);
	let_go(&gone);
	return true;
}

bool hostfs_kept_take(struct hostfs_inode *h, uint64_t *fh, struct hostfs_ahead **ahead)
{
	struct list out = LIST_INIT(out);
	struct hostfs_kept *k;

	if (READ_ONCE(h->kept) == NULL)
		return false;
	spin_lock(&kept.lock);
	k = h->kept;
	if (k != NULL)
		take_out(k, &out);
	spin_unlock(&kept.lock);
	if (k == NULL)
		return false;
	if (!hostfs_ahead_is_still_good(k->ahead, h)) {
		let_go(&out);
		return false;
	}
	*fh = k->fh;
	*ahead = k->ahead;
	hostfs_ahead_rewind(k->ahead);
	kfree(k);
	return true;
}
