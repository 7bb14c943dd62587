/* SPDX-License-Identifier: MIT */
/*
 * dcache.c - see dcache.h. A chained hash that doubles as it fills; unreferenced dentries wait in a list and are
 * evicted in two-chance order when there are too many. Being referenced again does not touch the list: the evictor
 * sorts it out.
 */
#include <errno.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

#define BUCKETS_MIN 256u

static struct {
	struct dentry **buckets;
	uint32_t nr_buckets; /* power of two */
	size_t count;        /* all dentries alive */
	size_t nr_lru;
	struct list lru; /* oldest first */
	size_t nr_lru_max;
} dcache = {.lru = LIST_INIT(dcache.lru)};

uint32_t dcache_hash_name(const char *name, size_t len)
{
	uint32_t h = DCACHE_HASH_SEED;

	for (size_t i = 0; i < len; i++)
		h = dcache_hash_step(h, (unsigned char)name[i]);
	return h;
}

static struct dentry **bucket_of(struct dentry *parent, uint32_t hash)
{
	uint64_t p = (uint64_t)(uintptr_t)parent >> 4;
	uint64_t h = (hash ^ p ^ (p >> 12)) * 0x9e3779b97f4a7c15ull;

	return &dcache.buckets[(h >> 32) & (dcache.nr_buckets - 1)];
}

static bool grow(void)
{
	uint32_t nr = dcache.nr_buckets ? dcache.nr_buckets * 2 : BUCKETS_MIN;
	struct dentry **old = dcache.buckets;
	uint32_t nr_old = dcache.nr_buckets;
	struct dentry **bigger = kzalloc(nr * sizeof(*bigger));

	if (bigger == NULL)
		return nr_old != 0; /* longer chains, still correct */
	dcache.buckets = bigger;
	dcache.nr_buckets = nr;
	if (dcache.nr_lru_max ==
	    0) /* a dentry and its inodes take about 1 KiB: let those nobody uses have 1/32 of memory */
		dcache.nr_lru_max = MAX((size_t)256, page_nr_total() / 8);
	for (uint32_t i = 0; i < nr_old; i++) {
		while (old[i] != NULL) {
			struct dentry *d = old[i];
			struct dentry **b = bucket_of(d->parent, d->hash);
			old[i] = d->hash_next;
			d->hash_next = *b;
			*b = d;
		}
	}
	kfree(old);
	return true;
}

static void hash_insert(struct dentry *d)
{
	struct dentry **b = bucket_of(d->parent, d->hash);

	d->hash_next = *b;
	*b = d;
	d->flags |= DENTRY_HASHED;
}

static void hash_remove(struct dentry *d)
{
	struct dentry **b = bucket_of(d->parent, d->hash);

	while (*b != d)
		b = &(*b)->hash_next;
	*b = d->hash_next;
	d->hash_next = NULL;
	d->flags &= (uint16_t)~DENTRY_HASHED;
}

static void lru_remove(struct dentry *d)
{
	if (!list_empty(&d->lru)) {
		list_remove(&d->lru);
		dcache.nr_lru--;
	}
}

/* refs is 0 and the dentry is not hashed: frees it; returns the parent whose reference it held. */
static struct dentry *dentry_free(struct dentry *d)
{
	struct dentry *parent = d->parent;

	lru_remove(d);
	if (d->inode != NULL)
		inode_put(d->inode);
	if (d->name != d->inline_name)
		kfree((void *)d->name);
	kfree(d);
	dcache.count--;
	return parent;
}

static void evict_round(size_t nr_keep)
{
	/* Each dentry is looked at twice at most: once to lose its second chance, once to go. */
	size_t bound = dcache.nr_lru * 2;

	while (dcache.nr_lru > nr_keep && bound-- > 0) {
		struct dentry *d = list_first(&dcache.lru, struct dentry, lru);
		lru_remove(d);
		if (d->refs > 0)
			continue;
		if (d->flags & DENTRY_USED) {
			d->flags &= (uint16_t)~DENTRY_USED;
			list_push_back(&dcache.lru, &d->lru);
			dcache.nr_lru++;
			continue;
		}
		if (d->flags & DENTRY_HASHED)
			hash_remove(d);
		dentry_put(dentry_free(d));
	}
}

void dentry_put(struct dentry *d)
{
	while (d != NULL) {
		ASSERT(d->refs > 0);
		if (--d->refs > 0)
			return;
		if (d->flags & DENTRY_HASHED) {
			if (list_empty(&d->lru)) {
				list_push_back(&dcache.lru, &d->lru);
				if (++dcache.nr_lru > dcache.nr_lru_max)
					evict_round(dcache.nr_lru_max - dcache.nr_lru_max / 8);
			}
			return;
		}
		d = dentry_free(d);
	}
}

static struct dentry *dentry_alloc(const char *name, size_t len)
{
	struct dentry *d = kmalloc(sizeof(*d));
	char *text;

	if (d == NULL)
		return NULL;
	text = d->inline_name;
	if (len >= sizeof(d->inline_name)) {
		text = kmalloc(len + 1);
		if (text == NULL) {
			kfree(d);
			return NULL;
		}
	}
	memcpy(text, name, len);
	text[len] = '\0';
	d->hash_next = NULL;
	d->parent = NULL;
	d->inode = NULL;
	d->name = text;
	d->hash = 0;
	d->name_len = (uint16_t)len;
	d->flags = 0;
	d->refs = 1;
	d->nr_mounts = 0;
	d->mounted = NULL;
	d->valid_until_ns = 0;
	list_init(&d->lru);
	dcache.count++;
	return d;
}

struct dentry *dentry_create_root(struct inode *inode, const char *anon_name)
{
	struct dentry *d = dentry_alloc(anon_name ? anon_name : "/", anon_name ? strlen(anon_name) : 1);

	if (d == NULL)
		return NULL;
	d->inode = inode;
	d->flags = DENTRY_ROOT | (anon_name ? DENTRY_ANON : 0);
	return d;
}

struct dentry *dcache_find(struct dentry *parent, const char *name, size_t len, uint32_t hash)
{
	if (unlikely(dcache.nr_buckets == 0))
		return NULL;
	for (struct dentry *d = *bucket_of(parent, hash); d != NULL; d = d->hash_next) {
		if (d->hash == hash && d->parent == parent && d->name_len == len && memcmp(d->name, name, len) == 0) {
			d->refs++;
			d->flags |= DENTRY_USED;
			return d;
		}
	}
	return NULL;
}

struct dentry *dcache_add(struct dentry *parent, const char *name, size_t len, uint32_t hash, struct inode *inode)
{
	struct dentry *d;

	if (unlikely(dcache.count >= dcache.nr_buckets) && !grow())
		return NULL;
	d = dentry_alloc(name, len);
	if (d == NULL)
		return NULL;
	d->parent = dentry_get(parent);
	d->hash = hash;
	d->inode = inode;
	hash_insert(d);
	return d;
}

void dcache_prefill(struct dentry *parent, const char *name, size_t len, struct inode *inode)
{
	uint32_t hash = dcache_hash_name(name, len);
	struct superblock *sb = parent->inode->sb;
	struct dentry *d;

	if (!sb->dcache_stable && sb->dcache_ttl_ns == 0)
		return; /* it would be asked for again anyway */
	d = dcache_find(parent, name, len, hash);
	if (d == NULL) {
		d = dcache_add(parent, name, len, hash, inode_get(inode));
		if (d == NULL) {
			inode_put(inode);
			return;
		}
		if (!sb->dcache_stable)
			d->valid_until_ns = clock_monotonic_ns() + sb->dcache_ttl_ns;
	}
	dentry_put(d);
}

void dcache_unhash(struct dentry *d)
{
	if (d->flags & DENTRY_HASHED) {
		hash_remove(d);
		if (d->refs == 0)
			dentry_put(dentry_free(d));
	}
}

int dcache_move(struct dentry *d, struct dentry *parent, const char *name, size_t len)
{
	char *text = d->inline_name;
	struct dentry *old_parent = d->parent;

	if (len >= sizeof(d->inline_name)) {
		text = kmalloc(len + 1);
		if (text == NULL)
			return -ENOMEM;
	}
	if (d->flags & DENTRY_HASHED)
		hash_remove(d);
	if (d->name != d->inline_name)
		kfree((void *)d->name);
	memcpy(text, name, len);
	text[len] = '\0';
	d->name = text;
	d->name_len = (uint16_t)len;
	d->hash = dcache_hash_name(name, len);
	d->parent = dentry_get(parent);
	hash_insert(d);
	dentry_put(old_parent);
	return 0;
}

void dcache_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry tmp = *a;

	hash_remove(a);
	hash_remove(b);
	a->parent = b->parent;
	a->hash = b->hash;
	a->name_len = b->name_len;
	a->name = b->name == b->inline_name ? a->inline_name : b->name;
	memcpy(a->inline_name, b->inline_name, sizeof(a->inline_name));
	b->parent = tmp.parent;
	b->hash = tmp.hash;
	b->name_len = tmp.name_len;
	b->name = tmp.name == a->inline_name ? b->inline_name : tmp.name;
	memcpy(b->inline_name, tmp.inline_name, sizeof(b->inline_name));
	hash_insert(a);
	hash_insert(b);
}

void dcache_shrink(struct superblock *sb)
{
	bool again = true;

	/* A parent becomes a leaf, and joins the list's end, when its last child goes: so one pass sees it too. */
	while (again) {
		again = false;
		list_for_each_safe (d, &dcache.lru, lru, struct dentry) {
			if (d->refs > 0 || (sb != NULL && (d->parent == NULL || d->parent->inode == NULL ||
							   d->parent->inode->sb != sb)))
				continue;
			if (d->flags & DENTRY_HASHED)
				hash_remove(d);
			dentry_put(dentry_free(d));
			again = true;
			break; /* the next element may be gone too */
		}
	}
}

size_t dcache_count(void)
{
	return dcache.count;
}
