/* SPDX-License-Identifier: MIT */
/*
 * overlay_priv.h - shared by overlay.c (inodes: attributes, opening, copying up) and overlay_dir.c (names).
 *
 * An overlay inode stands on one lower inode and takes over from it piece by piece: `meta` when attributes were
 * changed, `upper` (a nameless ramfs inode) when contents were, `delta` when names in a folder were. What was changed
 * stays in memory because a changed inode holds a reference on itself (`pinned`) until its last name is gone;
 * lower->over leads back to it from every name that the lower file has, so hard links see one file. Things made in the
 * overlay are plain ramfs inodes, but for folders, which are overlay inodes with nothing below.
 */
#ifndef CAY_KERNEL_FS_OVERLAY_PRIV_H
#define CAY_KERNEL_FS_OVERLAY_PRIV_H

#include "kernel/fs/nametable.h"
#include "kernel/fs/ramfs.h"

struct overlay {
	struct superblock sb;
	struct superblock *lower;
	struct ramfs_space *space;
};

struct ov_inode {
	struct inode i;      /* first: inode_free */
	struct inode *lower; /* counted; NULL: made here */
	struct inode *upper; /* counted; NULL: contents are the lower's */
	bool pinned;
	struct kstat *meta;     /* times of its own; NULL: the data inode's */
	struct mutex copy_lock; /* one copy-up at a time; taken after i.lock */
	struct nametable delta; /* folders: tagged values, see overlay_dir.c */
};

static inline struct ov_inode *ov_of(struct inode *i)
{
	return container_of(i, struct ov_inode, i);
}

static inline struct overlay *overlay_of(const struct inode *i)
{
	return container_of(i->sb, struct overlay, sb);
}

extern const struct inode_ops ov_dir_ops, ov_file_ops, ov_symlink_ops;
extern const struct file_ops ov_dir_file_ops;

/* The overlay's inode for a lower one, whose reference is taken over in any case. NULL without memory. */
MUST_CHECK struct inode *ov_for_lower(struct superblock *sb, struct inode *lower);
/* A folder made here. */
MUST_CHECK struct inode *ov_new_dir(struct inode *parent, uint32_t mode);
/* A change was made that only memory knows. */
void ov_pin(struct ov_inode *o);
/* The last name is gone: what only memory knows goes with the last user. */
void ov_unpin(struct ov_inode *o);
bool ov_is(const struct inode *i); /* or a plain ramfs inode */
/* Attributes are the overlay's own from now on. 0 or the lower's error. */
MUST_CHECK int ov_own_meta(struct ov_inode *o);
void ov_touch_dir(struct inode *dir); /* mtime, ctime */

int ov_getattr(struct inode *i, struct kstat *st);
bool ov_getattr_quick(struct inode *i, struct kstat *st);
int ov_setattr(struct inode *i, const struct kstat *st, unsigned which);
int ov_statfs(struct inode *i, void *out);
void ov_evict(struct inode *i);
void ov_dir_free(struct ov_inode *o);

#endif
