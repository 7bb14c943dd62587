/* SPDX-License-Identifier: MIT */
/*
 * mount.h - the tree of mounts. Private to kernel/fs and the mount system calls.
 * Changes are made under the kernel lock and change tree_shape (dcache.h); RCU readers read mounts and their places
 * without it, only at dentries with nr_mounts > 0, and look at tree_shape at the end. References are atomic; the last
 * one goes under the kernel lock, which mount_put takes for that.
 */
#ifndef CAY_KERNEL_FS_MOUNT_H
#define CAY_KERNEL_FS_MOUNT_H

#include "kernel/fs/vfs.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/refs.h"

#define MOUNT_RDONLY (1u << 0)

struct mount {
	unsigned refs;
	unsigned flags;
	struct superblock *sb;
	struct dentry *root;       /* counted */
	struct mount *parent;      /* counted; NULL for the first and for detached ones */
	struct dentry *mountpoint; /* counted, in parent */
	char *source;
	struct list link; /* all that are attached, in the order they were made */
	struct rcu_head rcu;
};

static inline struct mount *mount_get(struct mount *m)
{
	refs_get(&m->refs);
	return m;
}
void mount_put(struct mount *m); /* NULL is allowed */

/* The mount that covers (m, d), or NULL. Not counted. */
struct mount *mount_find(const struct mount *m, const struct dentry *d);
/* Replaces *p by the root of what is mounted on it, through all layers. */
void mount_cross_down(struct path *p);
/* If *p is the root of a mount that has a parent: moves to the mount point and returns true. */
bool mount_cross_up(struct path *p);

/* Mounts sb on `at`, with root dentry root (counted, taken over; NULL = sb's own root). 0, -ENOMEM, -ENOTDIR (folder
 * and file do not mix). */
MUST_CHECK int mount_attach(struct superblock *sb, struct dentry *root, const struct path *at, unsigned flags,
			    const char *source);
/* 0; -EINVAL when p is not the root of a mount; -EBUSY. lazy: detach now, free when the last user is gone. */
MUST_CHECK int mount_detach(const struct path *p, bool lazy);

static inline bool mount_is_read_only(const struct mount *m)
{
	return m->sb->read_only || (m->flags & MOUNT_RDONLY);
}

/* sync(2): asks every file system; errors are the file systems' to remember. */
void mount_sync_all(void);

/* For anonymous files' paths. */
MUST_CHECK struct mount *mount_anon(void);

#endif
