/* SPDX-License-Identifier: MIT */
/* ramfs_priv.h - shared by ramfs.c (names, attributes) and ramfs_file.c (contents). */
#ifndef CAY_KERNEL_FS_RAMFS_PRIV_H
#define CAY_KERNEL_FS_RAMFS_PRIV_H

#include "kernel/fs/nametable.h"
#include "kernel/fs/pagetree.h"
#include "kernel/fs/ramfs.h"
#include "kernel/fs/xattrs.h"

struct timestamp {
	int64_t sec;
	uint32_t nsec;
};

struct ramfs_inode {
	struct inode i; /* first: inode_free */
	struct ramfs_space *space;
	struct spinlock lock; /* contents of files, and times; ramfs_file.c */
	struct timestamp atime, mtime, ctime, btime;
	struct xattrs *xattrs; /* NULL until the first is set */
	union {
		struct {
			struct pagetree pages; /* of void *: direct-map addresses; each holds one page reference */
			uint64_t nr_pages;
		};
		struct {
			struct nametable names; /* values: struct inode *, one reference each */
			struct inode *parent;   /* for the number of ".."; not counted */
		};
		char *target;
	};
};

static inline struct ramfs_inode *ramfs_of(struct inode *i)
{
	return container_of(i, struct ramfs_inode, i);
}

struct timestamp timestamp_now(void);

extern const struct file_ops ramfs_file_ops;
/* i->lock held. */
int ramfs_file_truncate(struct ramfs_inode *r, uint64_t size);
void ramfs_file_free(struct ramfs_inode *r);

#endif
