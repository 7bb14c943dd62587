/* SPDX-License-Identifier: MIT */
/*
 * walk.h - path lookup, step by step: for the calls that need the last component and its folder (open, mkdir,
 * rename...). Private to kernel/fs. Usage: walk_start, then walk_to_last and walk_child / walk_link, or walk_finish;
 * always walk_end. A hit in the name cache allocates nothing and does not block.
 */
#ifndef CAY_KERNEL_FS_WALK_H
#define CAY_KERNEL_FS_WALK_H

#include "kernel/fs/vfs.h"

#define WALK_LINKS_MAX 40 /* as Linux: path_resolution(7) */

enum walk_last {
	WALK_NAME,   /* name, len, hash are the last component, not looked up yet */
	WALK_DOT,    /* "." */
	WALK_DOTDOT, /* ".." */
	WALK_NONE    /* nothing left: `at` is the result ("/", or a magic link's target) */
};

/* A string being walked was interrupted by a symlink: what is left of it, and who owns the link's text. */
struct walk_frame {
	const char *rest;
	struct inode *link; /* counted; owns the text, or NULL */
	char *text;         /* else the text itself, to be freed */
};

struct walk {
	struct path at;    /* counted: the folder reached */
	struct path root;  /* counted */
	struct path start; /* not counted: RESOLVE_BENEATH's limit */
	const char *rest;
	enum walk_last last;
	const char *name;
	size_t len;
	uint32_t hash;
	bool want_dir;    /* a slash followed the last component */
	unsigned resolve; /* RESOLVE_* of openat2(2) */
	unsigned nr_links;
	unsigned nr_frames, nr_pending; /* pending: frames with something left */
	struct walk_frame frames[WALK_LINKS_MAX];
};

/* 0, -ENOENT (empty path, unless LOOKUP_EMPTY), -EBADF, -ENOTDIR, -ENOMEM. After an error walk_end is not needed. */
MUST_CHECK int walk_start(struct walk *w, int dirfd, const char *kpath, unsigned lookup_flags, unsigned resolve);
/* Consumes all but the last component. -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -EXDEV (resolve), or the file
 * system's. */
MUST_CHECK int walk_to_last(struct walk *w);
/* Looks the last component up in `at` (checked: a folder one may search). *out is counted and may be negative;
 * -ENOENT without *out when a negative one was not worth keeping. Does not cross mounts. */
MUST_CHECK int walk_child(struct walk *w, struct dentry **out);
/* link is the symlink just found as last component: walk_to_last continues into it. Magic links leave last = WALK_NONE.
 */
MUST_CHECK int walk_link(struct walk *w, struct inode *link);
/* From walk_start to the end. *out is counted. */
MUST_CHECK int walk_finish(struct walk *w, bool follow, struct path *out);
void walk_end(struct walk *w);

/* One name in one folder, through the cache: as walk_child. The caller holds dir->inode->lock when locked is true. */
MUST_CHECK int lookup_child(struct dentry *dir, const char *name, size_t len, uint32_t hash, bool locked,
			    struct dentry **out);

#endif
