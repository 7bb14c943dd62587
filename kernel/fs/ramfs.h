/* SPDX-License-Identifier: MIT */
/*
 * ramfs.h - inodes whose contents are in memory: tmpfs, and what an overlay writes.
 * A space is an amount of memory and a supply of inode numbers; it may serve inodes of another file system's
 * superblock.
 */
#ifndef CAY_KERNEL_FS_RAMFS_H
#define CAY_KERNEL_FS_RAMFS_H

#include "kernel/fs/vfs.h"

struct ramfs_space {
	unsigned refs; /* inodes, and whoever made it */
	unsigned max_inodes;
	uint64_t max_pages;
	uint64_t used_pages; /* under `lock`; the rest under the kernel lock */
	struct spinlock lock;
	uint64_t last_ino;
};

/* max_bytes 0: half of RAM. NULL without memory. */
MUST_CHECK struct ramfs_space *ramfs_space_create(uint64_t max_bytes, uint64_t first_ino);
void ramfs_space_put(struct ramfs_space *s);

/* A new inode (mode with type bits), owned by the current process as in `dir` (set-group-ID; may be NULL). nlink is 0
 * for files until somebody gives it a name. -ENOMEM, -ENOSPC as NULL. For folders the ramfs operations, too. */
MUST_CHECK struct inode *ramfs_new_inode(struct ramfs_space *s, struct superblock *sb, const struct inode *dir,
					 uint32_t mode, uint64_t rdev);
MUST_CHECK struct inode *ramfs_new_symlink(struct ramfs_space *s, struct superblock *sb, const struct inode *dir,
					   const char *target);
void ramfs_set_times(struct inode *i, const struct kstat *st); /* copies all four */

#endif
