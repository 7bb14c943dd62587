/* SPDX-License-Identifier: MIT */
/*
 * hostfs_kept.c - small files that were closed, ready to be opened again without asking the host: a web server opens
 * the same page for each request. Only files opened for reading whose whole contents were read, and only as long as
 * what was read may be used anyway (hostfs.h). An inode has at most one; it does not keep the inode alive.
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

static struct list oldest_first = {&oldest_first, &oldest_first};
static unsigned nr;
static size_t bytes;

static void unlink_kept(struct hostfs_kept *k)
{
	list_remove(&k->link);
	k->h->kept = NULL;
	nr--;
	bytes -= k->bytes;
}

/* May sleep: afterwards the list may be another. */
static void let_go(struct hostfs_kept *k)
{
	unlink_kept(k);
	hostfs_ahead_destroy(k->ahead);
	hostfs_release_handle(FUSE_RELEASE, k->fh);
	kfree(k);
}

static struct hostfs_kept *first_useless(void)
{
	list_for_each (k, &oldest_first, link, struct hostfs_kept)
		if (!hostfs_ahead_is_whole(k->ahead, k->h))
			return k;
	return NULL;
}

static void let_go_of_useless(void)
{
	struct hostfs_kept *k;

	while ((k = first_useless()) != NULL)
		let_go(k);
}

void hostfs_kept_drop(struct hostfs_inode *h)
{
	if (h->kept != NULL)
		let_go(h->kept);
}

bool hostfs_kept_put(struct hostfs_inode *h, uint64_t fh, struct hostfs_ahead *ahead)
{
	struct hostfs_kept *k;

	if (!hostfs_ahead_is_whole(ahead, h) || page_nr_free() < page_nr_total() / 4)
		return false;
	hostfs_kept_drop(h);
	let_go_of_useless();
	k = kmalloc(sizeof(*k));
	if (k == NULL)
		return false;
	*k = (struct hostfs_kept){.h = h, .fh = fh, .ahead = ahead, .bytes = hostfs_ahead_memory(ahead)};
	while (nr > 0 && (nr >= NR_MAX || bytes + k->bytes > BYTES_MAX))
		let_go(list_first(&oldest_first, struct hostfs_kept, link));
	if (h->kept != NULL) { /* somebody else was faster while this slept */
		kfree(k);
		return false;
	}
	list_push_back(&oldest_first, &k->link);
	h->kept = k;
	nr++;
	bytes += k->bytes;
	return true;
}

bool hostfs_kept_take(struct hostfs_inode *h, uint64_t *fh, struct hostfs_ahead **ahead)
{
	struct hostfs_kept *k = h->kept;

	if (k == NULL)
		return false;
	if (!hostfs_ahead_is_whole(k->ahead, h)) {
		let_go(k);
		return false;
	}
	unlink_kept(k);
	*fh = k->fh;
	*ahead = k->ahead;
	hostfs_ahead_rewind(k->ahead);
	kfree(k);
	return true;
}
