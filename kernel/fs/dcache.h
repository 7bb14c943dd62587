/* SPDX-License-Identifier: MIT */
/*
 * dcache.h - the cache of names: (parent, name) -> inode, or the knowledge that there is none.
 * Invariant: a dentry in the hash has its parent referenced; so every directory on the way to a cached name is cached,
 * and only leaves are ever evicted. Private to kernel/fs.
 *
 * Locks: one spin lock over changes: what is in the hash, names and places of dentries, the list of those that nobody
 * uses. Looking up takes none: the hash is read under RCU, and dentries, their texts and inodes are freed when no
 * reader has them any more. A dentry's inode never changes. What moves in the tree of names, or is mounted in it,
 * counts up tree_shape: a reader that finds it unchanged at the end saw each dentry where it was. References are
 * atomic. 0 is no end: the dentry waits in the cache, and dentry_try_get may take one again. The one who changes 0 to
 * DENTRY_GONE frees it.
 */
#ifndef CAY_KERNEL_FS_DCACHE_H
#define CAY_KERNEL_FS_DCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sched/rcu.h"
#include "kernel/sched/refs.h"
#include "kernel/sched/seqcount.h"
#include "lib/compiler.h"
#include "lib/list.h"

struct inode;
struct mount;
struct superblock;

#define DENTRY_INLINE_NAME 40

#define DENTRY_HASHED   (1u << 0) /* can be found by name */
#define DENTRY_ROOT     (1u << 1) /* root of a superblock, or nameless */
#define DENTRY_DEAD     (1u << 2) /* directory that was removed: nothing can be created in it */
#define DENTRY_LINKABLE (1u << 3) /* O_TMPFILE: linkat(2) may give it its first name */
#define DENTRY_ANON     (1u << 5) /* no place in any tree; the name is the whole text ("pipe:[12]") */

#define DENTRY_GONE 0x80000000u /* in refs: being freed */

struct dentry {
	struct dentry *hash_next;
	struct dentry *parent; /* counted; NULL for DENTRY_ROOT */
	struct inode *inode;   /* counted; NULL: negative. Never changes */
	const char *name;      /* ends with a NUL, whatever a reader meets */
	uint32_t hash;
	uint16_t name_len;
	uint16_t flags; /* under the lock */
	unsigned refs;
	unsigned nr_mounts;      /* on it, in any mount of its superblock; the kernel lock */
	struct mount *mounted;   /* one of them, or NULL: saves mount_find the search */
	uint64_t valid_until_ns; /* when the superblock is not stable */
	union {
		struct list lru;     /* queued when it had no references at some moment; lazily removed */
		struct rcu_head rcu; /* DENTRY_GONE */
	};
	bool used;                            /* found since the last eviction round */
	char inline_name[DENTRY_INLINE_NAME]; /* the last byte is always 0 */
};

static inline struct dentry *dentry_get(struct dentry *d)
{
	refs_get(&d->refs);
	return d;
}

/* For an RCU reader that found it: false when it is being freed. */
MUST_CHECK static inline bool dentry_try_get(struct dentry *d)
{
	unsigned n = __atomic_load_n(&d->refs, __ATOMIC_RELAXED);

	if (!SPIN_NEEDS_ATOMIC) {
		d->refs++;
		return true;
	}
	while (n < DENTRY_GONE)
		if (__atomic_compare_exchange_n(&d->refs, &n, n + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

void dentry_put(struct dentry *d); /* NULL is allowed */
void dentry_set_flags(struct dentry *d, unsigned flags);
void dentry_clear_flags(struct dentry *d, unsigned flags);

/* A root, or with a name an anonymous dentry. Takes over the inode's reference on success; one reference for the
 * caller. */
MUST_CHECK struct dentry *dentry_create_root(struct inode *inode, const char *anon_name);

uint32_t dcache_hash_name(const char *name, size_t len);
/* Mixes one more character; start with DCACHE_HASH_SEED, end with dcache_hash_end: for path walks that hash while they
 * scan. */
#define DCACHE_HASH_SEED 0x811c9dc5u
static inline uint32_t dcache_hash_step(uint32_t h, unsigned char c)
{
	return (h ^ c) * 0x01000193u;
}

/* A counted reference, or NULL when nothing is known. */
MUST_CHECK struct dentry *dcache_find(struct dentry *parent, const char *name, size_t len, uint32_t hash);
/* For an RCU reader (rcu.h): not counted; NULL also for no reason. Counts only if tree_shape is still the same. */
struct dentry *dcache_peek(const struct dentry *parent, const char *name, size_t len, uint32_t hash);
/* Adds a name, in place of what the cache knew of it. inode may be NULL (negative); its reference is taken over on
 * success. NULL without memory. One reference for the caller. */
MUST_CHECK struct dentry *dcache_add(struct dentry *parent, const char *name, size_t len, uint32_t hash,
				     struct inode *inode);
/* readdir met this name: remember it, unless something is known already. The inode's reference stays the caller's. */
void dcache_prefill(struct dentry *parent, const char *name, size_t len, struct inode *inode);
/* Forgets the name; the dentry lives as long as it is referenced. Harmless when not hashed. */
void dcache_unhash(struct dentry *d);
/* rename: d becomes `name` in parent. Whatever was cached there must have been unhashed. 0 or -ENOMEM (nothing
 * changed). */
MUST_CHECK int dcache_move(struct dentry *d, struct dentry *parent, const char *name, size_t len);
/* Exchanges names and places of two dentries. */
void dcache_exchange(struct dentry *a, struct dentry *b);
/* Evicts what is not referenced: all of it when sb is NULL, else that superblock's. */
void dcache_shrink(struct superblock *sb);
size_t dcache_count(void);

/*
 * The shape of the tree of names. tree_shape: false while it changes; else tree_shape_is(shape) says later whether it
 * has changed since. Writers are short, hold the cache's lock in between, and do not block.
 */
extern struct seqcount dcache_tree;
MUST_CHECK static inline bool tree_shape(uint32_t *shape)
{
	*shape = __atomic_load_n(&dcache_tree.seq, __ATOMIC_ACQUIRE);
	return (*shape & 1) == 0;
}
static inline bool tree_shape_is(uint32_t shape)
{
	return !seq_read_retry(&dcache_tree, shape);
}
void tree_change_begin(void);
void tree_change_end(void);

#endif
