/* SPDX-License-Identifier: MIT */
/*
 * walk_quick.c - see walk_quick.h. What it steps on may be renamed, removed or unmounted meanwhile. Each step alone is
 * sound because dentries, inodes and mounts stay in memory as long as there is a reader; that they belonged together is
 * known at the end, if nothing has moved in the tree since the beginning (tree_shape). A name that was removed or made
 * meanwhile is found or not, as if the call had come a moment earlier or later.
 */
#include "kernel/fs/walk_quick.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/walk.h"
#include "kernel/time/clock.h"

#define TEXTS_MAX 8 /* symlinks within symlinks; more are walked slowly */

struct quick {
	struct mount *mount;
	struct dentry *at;
	struct path root;
	const char *rest;
	const char *interrupted[TEXTS_MAX]; /* what is left of texts that a symlink interrupted; none is empty */
	unsigned nr_interrupted, nr_links;
};

static struct inode *inode_at(const struct quick *q)
{
	return q->at->inode;
}

static int start(struct quick *q, int dirfd, const char *kpath)
{
	struct path cwd;
	struct file *f;

	if (!fs_context_peek(fs_current(), &q->root, &cwd))
		return QUICK_UNKNOWN;
	if (kpath[0] == '/') {
		cwd = q->root;
	} else if (dirfd != AT_FDCWD) {
		f = fd_peek(dirfd);
		if (f == NULL)
			return QUICK_UNKNOWN;
		cwd.dentry = __atomic_load_n(&f->dentry, __ATOMIC_ACQUIRE); /* pairs with file_path */
		cwd.mount = f->mount;
		if (cwd.dentry == NULL || !S_ISDIR(cwd.dentry->inode->mode))
			return QUICK_UNKNOWN;
	}
	q->mount = cwd.mount;
	q->at = cwd.dentry;
	q->rest = kpath;
	q->nr_interrupted = 0;
	q->nr_links = 0;
	return 0;
}

static int cross_down(struct quick *q)
{
	while (READ_ONCE(q->at->nr_mounts) > 0) {
		struct mount *m = __atomic_load_n(&q->at->mounted, __ATOMIC_ACQUIRE); /* pairs with mount_attach */

		if (m == NULL || READ_ONCE(m->parent) != q->mount)
			return QUICK_UNKNOWN; /* it may be mounted elsewhere only */
		q->mount = m;
		q->at = m->root;
	}
	return 0;
}

static int go_up(struct quick *q)
{
	while (q->at != q->root.dentry || q->mount != q->root.mount) {
		struct dentry *up;

		if (q->at != q->mount->root) {
			up = READ_ONCE(q->at->parent);
			if (up != NULL)
				q->at = up;
			break;
		}
		up = READ_ONCE(q->mount->mountpoint);
		if (up == NULL)
			break;
		q->at = up;
		q->mount = READ_ONCE(q->mount->parent);
		if (q->mount == NULL)
			return QUICK_UNKNOWN; /* it is just being detached */
	}
	return cross_down(q);
}

/* The text of a symlink comes before what is left. */
static int follow(struct quick *q, const struct inode *link)
{
	const char *text = __atomic_load_n(&link->link_text, __ATOMIC_ACQUIRE); /* pairs with push_text */

	if (text == NULL || link->ops->follow != NULL)
		return QUICK_UNKNOWN;
	if (++q->nr_links > WALK_LINKS_MAX)
		return -ELOOP;
	if (text[0] == '\0')
		return -ENOENT;
	if (q->rest[0] != '\0') {
		if (q->nr_interrupted == TEXTS_MAX)
			return QUICK_UNKNOWN;
		q->interrupted[q->nr_interrupted++] = q->rest;
	}
	q->rest = text;
	if (text[0] == '/') {
		q->mount = q->root.mount;
		q->at = q->root.dentry;
	}
	return 0;
}

static bool is_good(const struct superblock *sb, const struct dentry *d)
{
	return sb->dcache_stable || READ_ONCE(d->nr_mounts) > 0 || clock_monotonic_ns() < READ_ONCE(d->valid_until_ns);
}

/* A name in the folder reached. follow_it: if it is a symlink. */
static int enter(struct quick *q, const char *name, size_t len, uint32_t hash, bool follow_it)
{
	struct dentry *d = dcache_peek(q->at, name, len, hash);

	if (d == NULL || !is_good(inode_at(q)->sb, d))
		return QUICK_UNKNOWN;
	if (d->inode == NULL)
		return -ENOENT;
	if (follow_it && S_ISLNK(d->inode->mode))
		return follow(q, d->inode);
	q->at = d;
	return cross_down(q);
}

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The next component. *want_dir: a slash followed the last one. */
static int step(struct quick *q, bool follow_last, bool *want_dir)
{
	const char *s = q->rest, *name = s;
	uint32_t hash = DCACHE_HASH_SEED;
	bool is_last;
	size_t len;
	int err;

	if (!S_ISDIR(inode_at(q)->mode))
		return -ENOTDIR;
	err = inode_permission(inode_at(q), MAY_EXEC);
	if (err != 0)
		return err;
	for (; *s != '\0' && *s != '/'; s++)
		hash = dcache_hash_step(hash, (unsigned char)*s);
	len = (size_t)(s - name);
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	q->rest = s;
	while (*q->rest == '/')
		q->rest++;
	is_last = *q->rest == '\0' && q->nr_interrupted == 0;
	if (is_last)
		*want_dir |= q->rest != s;
	if (is_dots(name, len))
		return len == 1 ? 0 : go_up(q);
	return enter(q, name, len, hash, !is_last || follow_last || *want_dir);
}

static int walk(struct quick *q, bool follow_last)
{
	bool want_dir = false;
	int err = 0;

	while (err == 0) {
		while (*q->rest == '/')
			q->rest++;
		if (*q->rest != '\0')
			err = step(q, follow_last, &want_dir);
		else if (q->nr_interrupted > 0)
			q->rest = q->interrupted[--q->nr_interrupted];
		else
			break;
	}
	if (err == 0 && want_dir && !S_ISDIR(inode_at(q)->mode))
		err = -ENOTDIR;
	return err;
}

int quick_lookup(int dirfd, const char *kpath, unsigned lookup_flags, struct path *out)
{
	struct quick q;
	uint32_t shape;
	int err;

	if (kpath[0] == '\0' || !tree_shape(&shape))
		return QUICK_UNKNOWN;
	err = start(&q, dirfd, kpath);
	if (err == 0)
		err = walk(&q, (lookup_flags & LOOKUP_FOLLOW) != 0);
	if (err == 0 && (lookup_flags & LOOKUP_DIRECTORY) && !S_ISDIR(inode_at(&q)->mode))
		err = -ENOTDIR;
	*out = (struct path){q.mount, q.at};
	return tree_shape_is(shape) ? err : QUICK_UNKNOWN;
}
