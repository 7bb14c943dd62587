/* SPDX-License-Identifier: MIT */
/*
 * pseudo.h - file systems that are made up: devfs, procfs, sysfs. The tree is constant tables of nodes, so it costs
 * nothing until somebody looks; a folder may add names that come and go (processes, descriptors).
 * A node stands for many files when its folder is dynamic; `id` (a thread, a descriptor...) says which one is meant.
 */
#ifndef CAY_KERNEL_FS_PSEUDO_H
#define CAY_KERNEL_FS_PSEUDO_H

#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"

struct pseudo_node;

/* What a dynamic folder found: the node and id of the entry. */
struct pseudo_found {
	const struct pseudo_node *node;
	uint64_t id;
};

#define PSEUDO_NAME_MAX 16

/* All callbacks get the id of their inode; those of a static tree have id 0. Errors are -errno. NULL: the node has no
 * such thing. */
struct pseudo_node {
	const char *name;
	uint32_t mode; /* with type bits */
	/* folder: children NULL-name-terminated, then dynamic ones */
	const struct pseudo_node *children;
	int (*lookup)(uint64_t id, const char *name, size_t len, struct pseudo_found *out);
	/* Name of the first dynamic entry at or after *cursor, which becomes its own position; false at the end. */
	bool (*next)(uint64_t id, uint64_t *cursor, char name[PSEUDO_NAME_MAX], struct pseudo_found *out);
	unsigned (*nr_folders)(uint64_t id); /* dynamic ones, for its link count; NULL: not counted */
	/* regular file: made anew when read from position 0 */
	int (*show)(uint64_t id, struct text *t);
	const char *text;                                          /* instead of show; or the target of a symlink */
	int (*write)(uint64_t id, const char *data, size_t bytes); /* whole value in one call */
	/* symlink */
	int (*link)(uint64_t id, char *buf, size_t size); /* length */
	int (*follow)(uint64_t id, struct path *out);
	/* device */
	const struct file_ops *device_ops;
	int (*device_open)(struct file *f);
	uint64_t rdev;
	uint64_t (*number)(uint64_t id); /* instead of rdev */
	/* who owns it; NULL: root */
	int (*owner)(uint64_t id, uint32_t *uid, uint32_t *gid);
};

/* The node of an inode of such a file system, and which of its files; NULL for any other inode. */
const struct pseudo_node *pseudo_node_of(struct inode *i, uint64_t *id);

/* stable: no names come and go. NULL without memory. */
MUST_CHECK struct superblock *pseudo_create(const char *type, uint64_t dev, const struct pseudo_node *root,
					    bool stable);

#define PSEUDO_DIR(dir_name, nodes)                                                                                    \
	{                                                                                                              \
		.name = (dir_name), .mode = S_IFDIR | 0555, .children = (nodes)                                        \
	}
#define PSEUDO_FILE(file_name, fn)                                                                                     \
	{                                                                                                              \
		.name = (file_name), .mode = S_IFREG | 0444, .show = (fn)                                              \
	}
#define PSEUDO_TEXT(file_name, contents)                                                                               \
	{                                                                                                              \
		.name = (file_name), .mode = S_IFREG | 0444, .text = (contents)                                        \
	}
#define PSEUDO_LINK(link_name, target)                                                                                 \
	{                                                                                                              \
		.name = (link_name), .mode = S_IFLNK | 0777, .text = (target)                                          \
	}
#define PSEUDO_END                                                                                                     \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

#endif
