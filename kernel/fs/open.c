/* SPDX-License-Identifier: MIT */
/* open.c - from a path to an open file: what open(2) says about flags, in one place for all file systems. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "kernel/fs/attr.h"
#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/dirops.h"
#include "kernel/fs/file_priv.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/open.h"
#include "kernel/fs/walk.h"
#include "kernel/fs/walk_quick.h"
#include "lib/string.h"

#pragma weak fifo_open
#pragma weak chrdev_open

static const struct file_ops no_ops = {0}; /* O_PATH */

/* O_* of the access mode to MAY_*. Access mode 3 asks for both rights and gives neither (open(2), "File access mode").
 */
static int access_mask(int o_flags)
{
	static const int mask[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	int m = mask[o_flags & O_ACCMODE];

	return o_flags & O_TRUNC ? m | MAY_WRITE : m;
}

static unsigned file_mode_bits(int o_flags)
{
	static const unsigned bits[4] = {FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0};

	return bits[o_flags & O_ACCMODE];
}

static int open_node(struct inode *i, struct file *f)
{
	if (i->sb->opens_special)
		return i->ops->open(i, f);
	if (S_ISFIFO(i->mode))
		return fifo_open != NULL ? fifo_open(i, f) : -ENXIO;
	if (S_ISSOCK(i->mode))
		return -ENXIO;
	if (i->ops->open != NULL)
		return i->ops->open(i, f);
	if (S_ISCHR(i->mode) && i->file_ops == NULL)
		return chrdev_open != NULL ? chrdev_open(i, f) : -ENXIO;
	f->ops = i->file_ops;
	return f->ops != NULL ? 0 : -ENXIO;
}

/* Takes over p's references in any case. */
static int open_owned(struct path *p, int o_flags, struct file **out)
{
	struct inode *i = path_inode(p);
	unsigned status = (unsigned)o_flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	unsigned mode = o_flags & O_PATH ? FILE_PATH_ONLY : file_mode_bits(o_flags);
	struct file *f;
	int err = 0;

	if (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISBLK(i->mode))
		mode |= FILE_SEEKABLE;
	/* Visible to the file system during open: an overlay need not copy what is thrown away; a terminal may be
	 * taken. */
	f = file_alloc(inode_get(i), mode, status | ((unsigned)o_flags & (O_TRUNC | O_NOCTTY)));
	if (f == NULL) {
		inode_put(i);
		path_put(p);
		return -ENOMEM;
	}
	f->dentry = p->dentry;
	f->mount = p->mount;
	if (o_flags & O_PATH) {
		f->ops = &no_ops;
	} else {
		err = open_node(i, f);
		if (err != 0)
			f->ops = NULL; /* there is nothing to release */
		else
			notify_file(f, IN_OPEN);
		/* No setattr: the user's stdout. */
		if (err == 0 && (o_flags & O_TRUNC) && S_ISREG(i->mode) && i->ops->setattr != NULL) {
			err = inode_truncate(i, 0);
			if (err == 0)
				notify_file(f, IN_MODIFY);
		}
	}
	f->flags = status;
	if (err != 0) {
		file_put(f);
		return err;
	}
	*out = f;
	return 0;
}

int open_checked(const struct path *p, int o_flags, struct file **out)
{
	struct path own = path_get(p);

	return open_owned(&own, o_flags, out);
}

static int may_open(const struct path *p, int o_flags, bool created)
{
	struct inode *i = path_inode(p);
	int mask = access_mask(o_flags);

	if (S_ISLNK(i->mode) && !(o_flags & O_PATH))
		return -ELOOP;
	if ((o_flags & O_DIRECTORY) && !S_ISDIR(i->mode))
		return -ENOTDIR;
	if (o_flags & O_PATH)
		return 0;
	if (S_ISDIR(i->mode) && ((mask & MAY_WRITE) || (o_flags & O_CREAT)))
		return -EISDIR;
	if (created)
		return 0;
	if ((o_flags & O_NOATIME) && !inode_is_owner(i))
		return -EPERM;
	return path_permission(p, mask);
}

int vfs_open_path(const struct path *p, int o_flags, struct file **out)
{
	int err = may_open(p, o_flags, false);

	return err != 0 ? err : open_checked(p, o_flags, out);
}

/* O_TMPFILE: a file in the folder's file system, with no name. */
static int open_tmpfile(struct walk *w, int o_flags, uint32_t mode, struct file **out)
{
	struct inode *i = NULL;
	struct path dir;
	struct dentry *d;
	int err;

	if (!(file_mode_bits(o_flags) & FILE_WRITE))
		return -EINVAL;
	err = walk_finish(w, true, &dir);
	if (err != 0)
		return err;
	if (!S_ISDIR(path_inode(&dir)->mode))
		err = -ENOTDIR;
	if (err == 0)
		err = dir_may_create(&dir);
	if (err == 0 && path_inode(&dir)->ops->tmpfile == NULL)
		err = -EOPNOTSUPP;
	if (err == 0)
		err = path_inode(&dir)->ops->tmpfile(path_inode(&dir), S_IFREG | (mode & 07777 & ~fs_current()->umask),
						     &i);
	if (err == 0) {
		d = dentry_create_root(i, "/tmp/#tmpfile (deleted)");
		if (d == NULL) {
			inode_put(i);
			err = -ENOMEM;
		} else {
			struct path p = {.mount = dir.mount, .dentry = d};
			if (!(o_flags & O_EXCL))
				dentry_set_flags(d, DENTRY_LINKABLE);
			err = open_checked(&p, o_flags & ~(O_TMPFILE & ~O_DIRECTORY), out);
			if (err == 0)
				(*out)->flags |= O_TMPFILE;
			dentry_put(d);
		}
	}
	path_put(&dir);
	return err;
}

/* The last component of an O_CREAT open: found or made. *out is counted; WALK_ON: it was a symlink. */
#define WALK_ON 1
static int find_or_create(struct walk *w, int o_flags, uint32_t mode, struct path *out, bool *created)
{
	struct inode *dir = path_inode(&w->at);
	struct dentry *d = NULL;
	int err;

	if (w->last != WALK_NAME) { /* "/", dots, or a magic link's target: there, whatever it is */
		if (o_flags & O_EXCL)
			return -EEXIST;
		if (w->last != WALK_NONE)
			return -EISDIR;
		*out = path_get(&w->at);
		return 0;
	}
	if (w->want_dir)
		return -EISDIR;
	err = walk_child(w, &d);
	if (err == -ENOENT || (err == 0 && d->inode == NULL)) {
		dentry_put(d);
		d = NULL;
		mutex_lock(&dir->lock);
		err = lookup_child(w->at.dentry, w->name, w->len, w->hash, true, &d);
		if (err == -ENOENT || (err == 0 && d->inode == NULL)) {
			err = dir_may_create(&w->at);
			if (err != 0)
				dentry_put(d);
			else
				err = dir_create_file(w, d, mode, &d);
			*created = err == 0;
		}
		mutex_unlock(&dir->lock);
	}
	if (err != 0)
		return err;
	if (!*created && (o_flags & O_EXCL)) {
		dentry_put(d);
		return -EEXIST;
	}
	if (S_ISLNK(d->inode->mode)) {
		err = o_flags & O_NOFOLLOW ? -ELOOP : walk_link(w, d->inode);
		dentry_put(d);
		return err != 0 ? err : WALK_ON;
	}
	*out = (struct path){.mount = mount_get(w->at.mount), .dentry = d};
	mount_cross_down(out);
	return 0;
}

int open_at(int dirfd, const char *kpath, int o_flags, uint32_t mode, unsigned resolve, struct file **out)
{
	struct walk w;
	struct path p;
	bool created = false;
	int err;

	if (o_flags & O_PATH)
		o_flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		o_flags |= O_LARGEFILE;
	if ((o_flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if ((o_flags & __O_TMPFILE) && !(o_flags & O_DIRECTORY))
		return -EINVAL;
	err = walk_start(&w, dirfd, kpath, 0, resolve);
	if (err != 0)
		goto out;
	if (o_flags & __O_TMPFILE) {
		err = open_tmpfile(&w, o_flags, mode, out);
		walk_end(&w);
		return err;
	}
	if (o_flags & O_CREAT) {
		do {
			err = walk_to_last(&w);
			if (err == 0)
				err = find_or_create(&w, o_flags, mode, &p, &created);
		} while (err == WALK_ON);
	} else {
		err = walk_finish(&w, !(o_flags & O_NOFOLLOW), &p);
	}
	if (err == 0) {
		err = may_open(&p, o_flags, created);
		if (err == 0)
			err = open_owned(&p, created ? o_flags & ~O_TRUNC : o_flags, out);
		else
			path_put(&p);
	}
	walk_end(&w);
out:
	if (err == -ENOENT && !(o_flags & O_CREAT))
		vfs_note_missing(kpath);
	return err;
}

/* Of a path that a quick lookup found. */
static bool try_get(const struct path *p)
{
	if (!dentry_try_get(p->dentry))
		return false;
	if (refs_try_get(&p->mount->refs))
		return true;
	dentry_put(p->dentry);
	return false;
}

int open_quick(int dirfd, const char *kpath, int o_flags, struct file **out)
{
	struct path p;
	int err;

	if ((o_flags & ~(O_CLOEXEC | O_LARGEFILE | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)) != 0)
		return QUICK_UNKNOWN;
	o_flags |= O_LARGEFILE;
	err = quick_lookup(dirfd, kpath, o_flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	if (err == 0 && (!S_ISREG(path_inode(&p)->mode) || !path_inode(&p)->ops->open_unlocked))
		err = QUICK_UNKNOWN;
	if (err == 0)
		err = may_open(&p, o_flags, false);
	if (err == 0 && !try_get(&p))
		err = QUICK_UNKNOWN;
	if (err == 0)
		err = open_owned(&p, o_flags, out);
	if (err == -ENOENT)
		vfs_note_missing(kpath);
	return err;
}

int vfs_open(int dirfd, const char *kpath, int o_flags, uint32_t mode, struct file **out)
{
	return open_at(dirfd, kpath, o_flags, mode, 0, out);
}

int vfs_open_inode(struct inode *i, int o_flags, const char *name, struct file **out)
{
	struct mount *m = mount_anon();
	struct dentry *d = dentry_create_root(inode_get(i), name);
	int err;

	if (d == NULL) {
		inode_put(i);
		mount_put(m);
		return -ENOMEM;
	}
	struct path p = {.mount = m, .dentry = d};
	err = open_checked(&p, o_flags | O_LARGEFILE, out);
	path_put(&p);
	return err;
}
