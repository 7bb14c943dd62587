/* SPDX-License-Identifier: MIT */
/*
 * dcache.c - see dcache.h. A chained hash that doubles as it fills; unreferenced dentries wait in a list and are
 * evicted in two-chance order when there are too many. Being referenced again does not touch the list: the evictor
 * sorts it out.
 *
 * Two pairs of full barriers keep a dentry from being forgotten between its last reference and the list or the hash:
 * who puts the last reference does so, then looks whether it is in the list and in the hash; who takes it out of the
 * list or the hash does so, then looks for references.
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

struct buckets {
	struct rcu_head rcu;
	uint32_t mask;
	struct dentry *head[];
};

static struct {
	struct spinlock lock; /* all below, and what dcache.h says */
	struct buckets *table;
	size_t count; /* all dentries alive */
	size_t nr_lru;
	struct list lru; /* oldest first */
	size_t nr_lru_max;
} dcache = {.lock = SPINLOCK_INIT("dcache"), .lru = LIST_INIT(dcache.lru)};

struct seqcount dcache_tree;

void tree_change_begin(void)
{
	spin_lock(&dcache.lock);
	seq_write_begin(&dcache_tree);
}

void tree_change_end(void)
{
	seq_write_end(&dcache_tree);
	spin_unlock(&dcache.lock);
}

void dentry_set_flags(struct dentry *d, unsigned flags)
{
	spin_lock(&dcache.lock);
	d->flags |= (uint16_t)flags;
	spin_unlock(&dcache.lock);
}

void dentry_clear_flags(struct dentry *d, unsigned flags)
{
	spin_lock(&dcache.lock);
	d->flags &= (uint16_t)~flags;
	spin_unlock(&dcache.lock);
}

/* Names too long for a dentry, and the texts of those that were given another. */
struct long_name {
	struct rcu_head rcu;
	char text[];
};

static void free_long_name(struct rcu_head *h)
{
	kfree(container_of(h, struct long_name, rcu));
}

static char *long_name_create(size_t len)
{
	struct long_name *n = kmalloc(sizeof(*n) + len + 1);

	return n != NULL ? n->text : NULL;
}

/* No reader is promised that it sees the name no more; no lock held. */
static void name_drop(const struct dentry *d, const char *name)
{
	if (name != d->inline_name)
		rcu_free_later(&container_of((char *)name, struct long_name, text[0])->rcu, free_long_name);
}

uint32_t dcache_hash_name(const char *name, size_t len)
{
	uint32_t h = DCACHE_HASH_SEED;

	for (size_t i = 0; i < len; i++)
		h = dcache_hash_step(h, (unsigned char)name[i]);
	return h;
}

static struct dentry **bucket_of(struct buckets *t, const struct dentry *parent, uint32_t hash)
{
	uint64_t p = (uint64_t)(uintptr_t)parent >> 4;
	uint64_t h = (hash ^ p ^ (p >> 12)) * 0x9e3779b97f4a7c15ull;

	return &t->head[(h >> 32) & t->mask];
}

static void free_buckets(struct rcu_head *h)
{
	kfree(container_of(h, struct buckets, rcu));
}

/* Readers that are in a chain meanwhile may come to its end too early; they look at tree_shape. */
static void rehash(struct buckets *from, struct buckets *to)
{
	for (uint32_t i = 0; i <= from->mask; i++) {
		struct dentry *d = from->head[i], *next;

		for (; d != NULL; d = next) {
			struct dentry **b = bucket_of(to, d->parent, d->hash);

			next = d->hash_next;
			WRITE_ONCE(d->hash_next, *b);
			*b = d;
		}
	}
}

/* Called and returns without the lock. False: there is no table at all. */
static bool grow(void)
{
	struct buckets *old = READ_ONCE(dcache.table);
	uint32_t nr = old != NULL ? (old->mask + 1) * 2 : BUCKETS_MIN;
	struct buckets *bigger = kzalloc(sizeof(*bigger) + nr * sizeof(bigger->head[0]));

	if (bigger == NULL)
		return old != NULL; /* longer chains, still correct */
	bigger->mask = nr - 1;
	tree_change_begin();
	if (dcache.table != old) { /* another one did it meanwhile */
		tree_change_end();
		kfree(bigger);
		return true;
	}
	if (old != NULL)
		rehash(old, bigger);
	else /* a dentry and its inodes take about 1 KiB: let those nobody uses have 1/32 of memory */
		dcache.nr_lru_max = MAX((size_t)256, page_nr_total() / 8);
	__atomic_store_n(&dcache.table, bigger, __ATOMIC_RELEASE); /* pairs with dcache_peek */
	tree_change_end();
	if (old != NULL)
		rcu_free_later(&old->rcu, free_buckets);
	return true;
}

/* Lock. */
static void hash_insert(struct dentry *d)
{
	struct dentry **b = bucket_of(dcache.table, d->parent, d->hash);

	WRITE_ONCE(d->hash_next, *b);
	__atomic_store_n(b, d, __ATOMIC_RELEASE); /* what d is, first: pairs with dcache_peek */
	d->flags |= DENTRY_HASHED;
}

/* Lock. hash_next stays: a reader may stand here. */
static void hash_remove(struct dentry *d)
{
	struct dentry **b = bucket_of(dcache.table, d->parent, d->hash);

	while (*b != d)
		b = &(*b)->hash_next;
	WRITE_ONCE(*b, d->hash_next);
	d->flags &= (uint16_t)~DENTRY_HASHED;
}

/* Lock. */
static void lru_remove(struct dentry *d)
{
	if (!list_empty(&d->lru)) {
		list_remove(&d->lru);
		dcache.nr_lru--;
	}
}

/* Lock. */
static void lru_add(struct dentry *d)
{
	if (list_empty(&d->lru)) {
		list_push_back(&dcache.lru, &d->lru);
		dcache.nr_lru++;
	}
}

/* Lock. If nobody uses it, it is the caller's to free, and in no table any more. */
static bool claim(struct dentry *d)
{
	unsigned none = 0;

	if (!__atomic_compare_exchange_n(&d->refs, &none, DENTRY_GONE, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	lru_remove(d);
	if (d->flags & DENTRY_HASHED)
		hash_remove(d);
	dcache.count--;
	return true;
}

static void free_dentry(struct rcu_head *h)
{
	kfree(container_of(h, struct dentry, rcu));
}

/* It was claimed. Returns the parent, whose reference it held. No lock. */
static struct dentry *dentry_free(struct dentry *d)
{
	struct dentry *parent = d->parent;

	if (d->inode != NULL)
		inode_put(d->inode);
	name_drop(d, d->name);
	rcu_free_later(&d->rcu, free_dentry);
	return parent;
}

/* Lock. The next one to go, claimed, or NULL. Each is looked at twice at most: *bound counts. */
static struct dentry *next_victim(size_t nr_keep, size_t *bound)
{
	while (dcache.nr_lru > nr_keep && (*bound)-- > 0) {
		struct dentry *d = list_first(&dcache.lru, struct dentry, lru);

		lru_remove(d);
		if (d->used) {
			d->used = false;
			lru_add(d);
		} else if (claim(d)) {
			return d;
		}
	}
	return NULL;
}

static NOINLINE void evict_round(void)
{
	size_t bound, nr_keep = dcache.nr_lru_max - dcache.nr_lru_max / 8;
	struct dentry *d;

	bound = READ_ONCE(dcache.nr_lru) * 2;
	do {
		spin_lock(&dcache.lock);
		d = next_victim(nr_keep, &bound);
		spin_unlock(&dcache.lock);
		if (d != NULL)
			dentry_put(dentry_free(d));
	} while (d != NULL);
}

static bool is_kept(const struct dentry *d)
{
	return (READ_ONCE(d->flags) & DENTRY_HASHED) && READ_ONCE(d->lru.next) != &d->lru;
}

/* The last reference went. d may be freed by others from now on, but not before this CPU has left the kernel. Returns
 * a reference that goes with it, or NULL. */
static struct dentry *unused(struct dentry *d)
{
	bool too_many, gone = false;

	if (is_kept(d))
		return NULL;
	spin_lock(&dcache.lock);
	if (!(d->flags & DENTRY_HASHED))
		gone = claim(d);
	else if (READ_ONCE(d->refs) == 0)
		lru_add(d);
	too_many = dcache.nr_lru > dcache.nr_lru_max;
	spin_unlock(&dcache.lock);
	if (gone)
		return dentry_free(d);
	if (too_many)
		evict_round();
	return NULL;
}

void dentry_put(struct dentry *d)
{
	while (d != NULL) {
		ASSERT((READ_ONCE(d->refs) & ~DENTRY_GONE) > 0);
		if (!refs_put(&d->refs))
			return;
		d = unused(d);
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
		text = long_name_create(len);
		if (text == NULL) {
			kfree(d);
			return NULL;
		}
	}
	d->inline_name[DENTRY_INLINE_NAME - 1] = '\0';
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
	d->used = false;
	list_init(&d->lru);
	return d;
}

struct dentry *dentry_create_root(struct inode *inode, const char *anon_name)
{
	struct dentry *d = dentry_alloc(anon_name ? anon_name : "/", anon_name ? strlen(anon_name) : 1);

	if (d == NULL)
		return NULL;
	d->inode = inode;
	d->flags = DENTRY_ROOT | (anon_name ? DENTRY_ANON : 0);
	spin_lock(&dcache.lock);
	dcache.count++;
	spin_unlock(&dcache.lock);
	return d;
}

/* Never beyond the NUL that each text ends with, even while it is exchanged for another one. */
static bool has_name(const struct dentry *d, const char *name, size_t len)
{
	const char *have = __atomic_load_n(&d->name, __ATOMIC_ACQUIRE);

	for (size_t i = 0; i < len; i++)
		if (READ_ONCE(have[i]) != name[i])
			return false;
	return READ_ONCE(have[len]) == '\0';
}

struct dentry *dcache_peek(const struct dentry *parent, const char *name, size_t len, uint32_t hash)
{
	struct buckets *t = __atomic_load_n(&dcache.table, __ATOMIC_ACQUIRE);
	struct dentry *d;

	if (unlikely(t == NULL))
		return NULL;
	d = __atomic_load_n(bucket_of(t, parent, hash), __ATOMIC_ACQUIRE);
	while (d != NULL && !(READ_ONCE(d->hash) == hash && READ_ONCE(d->parent) == parent && has_name(d, name, len)))
		d = __atomic_load_n(&d->hash_next, __ATOMIC_ACQUIRE);
	if (d != NULL && !READ_ONCE(d->used))
		WRITE_ONCE(d->used, true);
	return d;
}

struct dentry *dcache_find(struct dentry *parent, const char *name, size_t len, uint32_t hash)
{
	uint32_t shape;
	struct dentry *d;

	if (likely(tree_shape(&shape))) {
		d = dcache_peek(parent, name, len, hash);
		if (likely(d == NULL || dentry_try_get(d))) {
			if (likely(tree_shape_is(shape)))
				return d;
			dentry_put(d);
		}
	}
	spin_lock(&dcache.lock); /* what is in the hash is not gone */
	d = dcache_peek(parent, name, len, hash);
	if (d != NULL)
		dentry_get(d);
	spin_unlock(&dcache.lock);
	return d;
}

/* Lock. */
static void hash_leave(struct dentry *d)
{
	if (d->flags & DENTRY_HASHED)
		hash_remove(d);
}

/* Lock. In place of what the name was before; that is the caller's to free if it was claimed. */
static struct dentry *insert_instead(struct dentry *d)
{
	struct dentry *old = dcache_peek(d->parent, d->name, d->name_len, d->hash);
	bool claimed = false;

	if (old != NULL) {
		hash_remove(old);
		claimed = claim(old);
	}
	hash_insert(d);
	return claimed ? old : NULL;
}

struct dentry *dcache_add(struct dentry *parent, const char *name, size_t len, uint32_t hash, struct inode *inode)
{
	struct buckets *t = READ_ONCE(dcache.table);
	struct dentry *d, *old;

	if (unlikely(t == NULL || READ_ONCE(dcache.count) > t->mask) && !grow())
		return NULL;
	d = dentry_alloc(name, len);
	if (d == NULL)
		return NULL;
	d->parent = dentry_get(parent);
	d->hash = hash;
	d->inode = inode;
	spin_lock(&dcache.lock);
	dcache.count++;
	old = insert_instead(d);
	spin_unlock(&dcache.lock);
	if (old != NULL)
		dentry_put(dentry_free(old));
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
	bool claimed = false;

	spin_lock(&dcache.lock);
	if (d->flags & DENTRY_HASHED) {
		hash_remove(d);
		claimed = claim(d);
	}
	spin_unlock(&dcache.lock);
	if (claimed)
		dentry_put(dentry_free(d));
}

int dcache_move(struct dentry *d, struct dentry *parent, const char *name, size_t len)
{
	const char *old_name = d->name;
	struct dentry *old_parent = d->parent;
	char *text = d->inline_name;

	if (len >= sizeof(d->inline_name)) {
		text = long_name_create(len);
		if (text == NULL)
			return -ENOMEM;
	}
	dentry_get(parent);
	tree_change_begin();
	hash_leave(d);
	memcpy(text, name, len);
	text[len] = '\0';
	__atomic_store_n(&d->name, text, __ATOMIC_RELEASE);
	d->name_len = (uint16_t)len;
	WRITE_ONCE(d->hash, dcache_hash_name(name, len));
	WRITE_ONCE(d->parent, parent);
	hash_insert(d);
	tree_change_end();
	name_drop(d, old_name);
	dentry_put(old_parent);
	return 0;
}

void dcache_exchange(struct dentry *a, struct dentry *b)
{
	char text[DENTRY_INLINE_NAME];
	struct dentry *parent;
	const char *name;
	uint16_t len;
	uint32_t hash;

	tree_change_begin();
	hash_leave(a);
	hash_leave(b);
	parent = a->parent;
	name = a->name;
	len = a->name_len;
	hash = a->hash;
	memcpy(text, a->inline_name, sizeof(text));
	memcpy(a->inline_name, b->inline_name, sizeof(a->inline_name));
	memcpy(b->inline_name, text, sizeof(b->inline_name));
	WRITE_ONCE(a->parent, b->parent);
	WRITE_ONCE(a->hash, b->hash);
	a->name_len = b->name_len;
	WRITE_ONCE(a->name, b->name == b->inline_name ? a->inline_name : b->name);
	WRITE_ONCE(b->parent, parent);
	WRITE_ONCE(b->hash, hash);
	b->name_len = len;
	WRITE_ONCE(b->name, name == a->inline_name ? b->inline_name : name);
	hash_insert(a);
	hash_insert(b);
	tree_change_end();
}

/* Lock. Something unused of sb (NULL: of any), claimed, or NULL. */
static struct dentry *claim_any(const struct superblock *sb)
{
	list_for_each (d, &dcache.lru, lru, struct dentry)
		if ((sb == NULL || (d->parent != NULL && d->parent->inode != NULL && d->parent->inode->sb == sb)) &&
		    claim(d))
			return d;
	return NULL;
}

void dcache_shrink(struct superblock *sb)
{
	struct dentry *d;

	/* A parent becomes a leaf, and joins the list's end, when its last child goes. */
	do {
		spin_lock(&dcache.lock);
		d = claim_any(sb);
		spin_unlock(&dcache.lock);
		if (d != NULL)
			dentry_put(dentry_free(d));
	} while (d != NULL);
}

size_t dcache_count(void)
{
	return READ_ONCE(dcache.count);
}
