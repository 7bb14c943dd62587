/* SPDX-License-Identifier: MIT */
/*
 * walk.c - see walk.h. Symlinks do not recurse: the rest of the interrupted string goes on a small stack.
 * Lock order: one folder's inode.lock at a time, taken only on a cache miss, held over the file system's lookup.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/walk.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

void path_put(struct path *p)
{
	dentry_put(p->dentry);
	mount_put(p->mount);
	p->dentry = NULL;
	p->mount = NULL;
}

struct path path_get(const struct path *p)
{
	return (struct path){.mount = mount_get(p->mount), .dentry = dentry_get(p->dentry)};
}

struct inode *path_inode(const struct path *p)
{
	return p->dentry->inode;
}

static bool path_is(const struct path *a, const struct path *b)
{
	return a->dentry == b->dentry && a->mount == b->mount;
}

static void path_set(struct path *p, const struct path *to)
{
	struct path was = *p;

	*p = path_get(to);
	path_put(&was);
}

/* Takes over d. */
static void path_descend(struct path *p, struct dentry *d)
{
	dentry_put(p->dentry);
	p->dentry = d;
}

/* Asks the file system. The folder's lock is held. */
static int lookup_slow(struct dentry *dir, const char *name, size_t len, uint32_t hash, struct dentry *known,
		       struct dentry **out)
{
	struct inode *di = dir->inode;
	struct superblock *sb = di->sb;
	struct inode *found = NULL;
	struct dentry *d;
	int err = -ENOENT;

	if (!(dir->flags & DENTRY_DEAD))
		err = di->ops->lookup(di, name, len, &found);
	if (known != NULL) {
		if (err == 0 && found == known->inode) {
			inode_put(found);
			known->valid_until_ns = clock_monotonic_ns() + sb->dcache_ttl_ns;
			*out = known;
			return 0;
		}
		dcache_unhash(known);
		dentry_put(known);
	}
	if (err == -ENOENT && !sb->dcache_negative)
		return err;
	if (err != 0 && err != -ENOENT)
		return err;
	d = dcache_add(dir, name, len, hash, found);
	if (d == NULL) {
		inode_put(found);
		return -ENOMEM;
	}
	if (!sb->dcache_stable)
		d->valid_until_ns = clock_monotonic_ns() + sb->dcache_ttl_ns;
	*out = d;
	return 0;
}

int lookup_child(struct dentry *dir, const char *name, size_t len, uint32_t hash, bool locked, struct dentry **out)
{
	struct inode *di = dir->inode;
	struct dentry *d = dcache_find(dir, name, len, hash);
	int err;

	if (likely(d != NULL)) {
		if (di->sb->dcache_stable || d->nr_mounts > 0 || clock_monotonic_ns() < d->valid_until_ns) {
			*out = d;
			return 0;
		}
	}
	if (di->ops->lookup == NULL) {
		dentry_put(d);
		return -ENOTDIR;
	}
	if (locked)
		return lookup_slow(dir, name, len, hash, d, out);
	mutex_lock(&di->lock);
	if (d == NULL) {
		/* Somebody may have asked while this thread waited for the lock. */
		d = dcache_find(dir, name, len, hash);
		if (d != NULL && di->sb->dcache_stable) {
			mutex_unlock(&di->lock);
			*out = d;
			return 0;
		}
	}
	err = lookup_slow(dir, name, len, hash, d, out);
	mutex_unlock(&di->lock);
	return err;
}

static int check_folder(const struct path *at)
{
	struct inode *i = path_inode(at);

	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	return inode_permission(i, MAY_EXEC);
}

int walk_start(struct walk *w, int dirfd, const char *kpath, unsigned lookup_flags, unsigned resolve)
{
	struct fs_context *fs = fs_current();
	struct file *f;
	int err;

	if (kpath[0] == '\0' && !(lookup_flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (kpath[0] == '/' && (resolve & RESOLVE_BENEATH))
		return -EXDEV;
	if (kpath[0] == '/' && !(resolve & RESOLVE_IN_ROOT)) {
		w->at = path_get(&fs->root);
	} else if (dirfd == AT_FDCWD) {
		w->at = path_get(&fs->cwd);
	} else {
		f = fd_get_any(dirfd);
		if (f == NULL)
			return -EBADF;
		if (kpath[0] != '\0' && !S_ISDIR(file_inode(f)->mode))
			err = -ENOTDIR;
		else
			err = file_path(f, &w->at);
		file_put(f);
		if (err != 0)
			return err;
	}
	w->root = path_get(resolve & RESOLVE_IN_ROOT ? &w->at : &fs->root);
	w->start = w->at;
	w->rest = kpath;
	w->last = WALK_NONE;
	w->want_dir = false;
	w->resolve = resolve;
	w->nr_links = 0;
	w->nr_frames = 0;
	w->nr_pending = 0;
	return 0;
}

static void pop_frame(struct walk *w)
{
	struct walk_frame *fr = &w->frames[--w->nr_frames];

	w->rest = fr->rest;
	if (fr->rest[0] != '\0')
		w->nr_pending--;
	inode_put(fr->link);
	kfree(fr->text);
}

void walk_end(struct walk *w)
{
	while (w->nr_frames > 0)
		pop_frame(w);
	path_put(&w->at);
	path_put(&w->root);
}

static int walk_dotdot(struct walk *w)
{
	struct mount *before = w->at.mount;

	if ((w->resolve & RESOLVE_BENEATH) && path_is(&w->at, &w->start))
		return -EXDEV;
	for (;;) {
		if (path_is(&w->at, &w->root))
			break;
		if (w->at.dentry != w->at.mount->root) {
			if (w->at.dentry->parent != NULL)
				path_descend(&w->at, dentry_get(w->at.dentry->parent));
			break;
		}
		if (!mount_cross_up(&w->at))
			break;
	}
	mount_cross_down(&w->at);
	return (w->resolve & RESOLVE_NO_XDEV) && w->at.mount != before ? -EXDEV : 0;
}

/* The text of a symlink into a frame on top of what is left. */
static int push_text(struct walk *w, struct inode *link)
{
	struct walk_frame *fr = &w->frames[w->nr_frames];
	char *text = __atomic_load_n(&link->link_text, __ATOMIC_ACQUIRE);

	fr->link = NULL;
	fr->text = NULL;
	if (text == NULL) {
		int len;
		char *buf;
		if (link->ops->readlink == NULL)
			return -EINVAL;
		buf = kmalloc(PATH_MAX);
		if (buf == NULL)
			return -ENOMEM;
		len = link->ops->readlink(link, buf, PATH_MAX - 1);
		if (len < 0) {
			kfree(buf);
			return len;
		}
		buf[len] = '\0';
		text = kstrdup(buf);
		kfree(buf);
		if (text == NULL)
			return -ENOMEM;
		if (link->sb->dcache_stable && link->link_text == NULL)
			__atomic_store_n(&link->link_text, text, __ATOMIC_RELEASE); /* pairs with walk_quick.c */
		else
			fr->text = text;
	}
	if (fr->text == NULL)
		fr->link = inode_get(link);
	fr->rest = w->rest;
	if (fr->rest[0] != '\0')
		w->nr_pending++;
	w->nr_frames++;
	w->rest = text;
	return 0;
}

int walk_link(struct walk *w, struct inode *link)
{
	const char *text;
	int err;

	if (++w->nr_links > WALK_LINKS_MAX || (w->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (link->ops->follow != NULL) {
		struct path to;
		if (w->resolve & RESOLVE_NO_MAGICLINKS)
			return -ELOOP;
		if (w->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
			return -EXDEV;
		err = link->ops->follow(link, &to);
		if (err != 0)
			return err;
		path_put(&w->at);
		w->at = to;
		w->last = WALK_NONE;
		return 0;
	}
	err = push_text(w, link);
	if (err != 0)
		return err;
	text = w->rest;
	if (text[0] == '\0')
		return -ENOENT;
	if (text[0] == '/') {
		if (w->resolve & RESOLVE_BENEATH)
			return -EXDEV;
		if ((w->resolve & RESOLVE_NO_XDEV) && w->at.mount != w->root.mount)
			return -EXDEV;
		path_set(&w->at, &w->root);
		w->last = WALK_NONE;
	}
	return 0;
}

/* Enters an intermediate component. */
static int walk_through(struct walk *w)
{
	struct mount *before = w->at.mount;
	struct dentry *d = NULL;
	int err;

	if (w->last == WALK_DOT)
		return 0;
	if (w->last == WALK_DOTDOT)
		return walk_dotdot(w);
	err = walk_child(w, &d);
	if (err != 0)
		return err;
	if (d->inode == NULL) {
		dentry_put(d);
		return -ENOENT;
	}
	if (S_ISLNK(d->inode->mode)) {
		err = walk_link(w, d->inode);
		dentry_put(d);
		return err;
	}
	path_descend(&w->at, d);
	if (d->nr_mounts > 0) {
		mount_cross_down(&w->at);
		if ((w->resolve & RESOLVE_NO_XDEV) && w->at.mount != before)
			return -EXDEV;
	}
	return 0;
}

int walk_to_last(struct walk *w)
{
	for (;;) {
		const char *s = w->rest;
		uint32_t h = DCACHE_HASH_SEED;
		int err;

		while (*s == '/')
			s++;
		if (*s == '\0') {
			w->rest = s;
			if (w->nr_pending == 0)
				return 0;
			pop_frame(w);
			continue;
		}
		err = check_folder(&w->at);
		if (err != 0)
			return err;

		w->name = s;
		for (; *s != '\0' && *s != '/'; s++)
			h = dcache_hash_step(h, (unsigned char)*s);
		w->len = (size_t)(s - w->name);
		w->hash = h;
		if (w->len > NAME_MAX)
			return -ENAMETOOLONG;
		w->last = WALK_NAME;
		if (w->name[0] == '.' && w->len <= 2) {
			if (w->len == 1)
				w->last = WALK_DOT;
			else if (w->name[1] == '.')
				w->last = WALK_DOTDOT;
		}
		const char *slash = s;
		while (*s == '/')
			s++;
		w->rest = s;
		if (*s == '\0' && w->nr_pending == 0) {
			w->want_dir |= s != slash;
			return 0;
		}
		err = walk_through(w);
		if (err != 0)
			return err;
	}
}

int walk_child(struct walk *w, struct dentry **out)
{
	return lookup_child(w->at.dentry, w->name, w->len, w->hash, false, out);
}

int walk_finish(struct walk *w, bool follow, struct path *out)
{
	for (;;) {
		struct mount *before;
		struct dentry *d = NULL;
		int err = walk_to_last(w);

		if (err != 0)
			return err;
		before = w->at.mount;
		if (w->last == WALK_DOTDOT) {
			err = walk_dotdot(w);
			if (err != 0)
				return err;
		}
		if (w->last != WALK_NAME) {
			if (w->want_dir && !S_ISDIR(path_inode(&w->at)->mode))
				return -ENOTDIR;
			*out = path_get(&w->at);
			return 0;
		}
		err = walk_child(w, &d);
		if (err != 0)
			return err;
		if (d->inode == NULL) {
			dentry_put(d);
			return -ENOENT;
		}
		if (S_ISLNK(d->inode->mode) && (follow || w->want_dir)) {
			err = walk_link(w, d->inode);
			dentry_put(d);
			if (err != 0)
				return err;
			continue;
		}
		out->mount = mount_get(w->at.mount);
		out->dentry = d;
		if (d->nr_mounts > 0) {
			mount_cross_down(out);
			if ((w->resolve & RESOLVE_NO_XDEV) && out->mount != before) {
				path_put(out);
				return -EXDEV;
			}
		}
		if (w->want_dir && !S_ISDIR(path_inode(out)->mode)) {
			path_put(out);
			return -ENOTDIR;
		}
		return 0;
	}
}

int vfs_lookup(int dirfd, const char *kpath, unsigned lookup_flags, struct path *out)
{
	struct walk w;
	int err = walk_start(&w, dirfd, kpath, lookup_flags, 0);

	if (err != 0)
		return err;
	err = walk_finish(&w, (lookup_flags & LOOKUP_FOLLOW) != 0, out);
	walk_end(&w);
	if (err == 0 && (lookup_flags & LOOKUP_DIRECTORY) && !S_ISDIR(path_inode(out)->mode)) {
		path_put(out);
		err = -ENOTDIR;
	}
	return err;
}
