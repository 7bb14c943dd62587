/* SPDX-License-Identifier: MIT */
/*
 * dcache.h - the cache of names: (parent, name) -> inode, or the knowledge that there is none.
 * Invariant: a dentry in the hash has its parent referenced; so every directory on the way to a cached name is cached,
 * and only leaves are ever evicted. Private to kernel/fs.
 * Future lock: one per hash bucket for changes; lookups read without (dentries are then freed after a grace period).
 */
#ifndef CAY_KERNEL_FS_DCACHE_H
#define CAY_KERNEL_FS_DCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/list.h"

struct inode;
struct mount;
struct superblock;

#define DENTRY_INLINE_NAME 40

#define DENTRY_HASHED   (1u << 0) /* can be found by name */
#define DENTRY_ROOT     (1u << 1) /* root of a superblock, or nameless */
#define DENTRY_DEAD     (1u << 2) /* directory that was removed: nothing can be created in it */
#define DENTRY_USED     (1u << 4) /* found since the last eviction round */
#define DENTRY_LINKABLE (1u << 3) /* O_TMPFILE: linkat(2) may give it its first name */
#define DENTRY_ANON     (1u << 5) /* no place in any tree; the name is the whole text ("pipe:[12]") */

struct dentry {
	struct dentry *hash_next;
	struct dentry *parent; /* counted; NULL for DENTRY_ROOT */
	struct inode *inode;   /* counted; NULL: negative */
	const char *name;
	uint32_t hash;
	uint16_t name_len;
	uint16_t flags;
	unsigned refs;
	unsigned nr_mounts;
	struct mount *mounted;   /* one of them, or NULL: saves mount_find the search */
	uint64_t valid_until_ns; /* when the superblock is not stable */
	struct list lru;         /* queued when it had no references at some moment; lazily removed */
	char inline_name[DENTRY_INLINE_NAME];
};

static inline struct dentry *dentry_get(struct dentry *d)
{
	d->refs++;
	return d;
}

void dentry_put(struct dentry *d); /* NULL is allowed */

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
/* Adds a name that is not in the cache. inode may be NULL (negative); its reference is taken over on success.
 * NULL without memory. One reference for the caller. */
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

#endif
