/* SPDX-License-Identifier: MIT */
/*
 * dirops.c - see dirops.h. The name cache follows what the file system did, under the folder's lock.
 * Lock order: folder before what is in it; two folders (rename) ancestor first, and only under rename_lock, which keeps
 * ancestry from changing meanwhile.
 */
#include <errno.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/dcache.h"
#include "kernel/fs/dirops.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/walk.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

static struct mutex rename_lock = MUTEX_INIT;

int dir_may_create(const struct path *dir)
{
	if (mount_is_read_only(dir->mount))
		return -EROFS;
	if (dir->dentry->flags & DENTRY_DEAD)
		return -ENOENT;
	return inode_permission(path_inode(dir), MAY_WRITE | MAY_EXEC);
}

/* The file system made inode under the name that w stands at: the cache learns it. */
static int instantiate(struct walk *w, struct dentry *known, struct inode *inode, struct dentry **out)
{
	struct dentry *d;

	if (known != NULL) {
		dcache_unhash(known);
		dentry_put(known);
	}
	d = dcache_add(w->at.dentry, w->name, w->len, w->hash, inode);
	if (d == NULL) {
		inode_put(inode);
		return -ENOMEM;
	}
	if (!inode->sb->dcache_stable)
		d->valid_until_ns = clock_monotonic_ns() + inode->sb->dcache_ttl_ns;
	if (out != NULL)
		*out = d;
	else
		dentry_put(d);
	return 0;
}

/*
 * Goes to the folder of a name to be made, locks it, and checks that the name is free and may be made.
 * *known: the negative dentry, or NULL. On success the caller unlocks and ends the walk.
 */
static int create_begin(struct walk *w, int dirfd, const char *kpath, bool is_dir, struct dentry **known)
{
	int err = walk_start(w, dirfd, kpath, 0, 0);

	if (err != 0)
		return err;
	err = walk_to_last(w);
	if (err != 0)
		goto err_walk;
	if (w->last != WALK_NAME) {
		err = -EEXIST;
		goto err_walk;
	}
	*known = NULL;
	mutex_lock(&path_inode(&w->at)->lock);
	err = lookup_child(w->at.dentry, w->name, w->len, w->hash, true, known);
	if (err == -ENOENT)
		err = 0;
	if (err == 0 && *known != NULL && (*known)->inode != NULL)
		err = -EEXIST;
	else if (err == 0 && w->want_dir && !is_dir)
		err = -ENOENT;
	if (err == 0)
		err = dir_may_create(&w->at);
	if (err == 0)
		return 0;
	dentry_put(*known);
	mutex_unlock(&path_inode(&w->at)->lock);
err_walk:
	walk_end(w);
	return err;
}

static void create_end(struct walk *w)
{
	mutex_unlock(&path_inode(&w->at)->lock);
	walk_end(w);
}

static int create_node(struct walk *w, struct dentry *known, uint32_t mode, uint64_t rdev, struct dentry **out)
{
	struct inode *dir = path_inode(&w->at);
	struct inode *made = NULL;
	int err = -EPERM;

	mode &= ~fs_current()->umask | S_IFMT;
	if (dir->ops->create != NULL)
		err = dir->ops->create(dir, w->name, w->len, mode, rdev, &made);
	if (err != 0) {
		dentry_put(known);
		return err;
	}
	notify_name(dir, w->name, w->len, IN_CREATE | (S_ISDIR(mode) ? IN_ISDIR : 0), 0);
	return instantiate(w, known, made, out);
}

int dir_create_file(struct walk *w, struct dentry *known, uint32_t mode, struct dentry **out)
{
	return create_node(w, known, S_IFREG | (mode & 07777), 0, out);
}

int vfs_mknod(int dirfd, const char *kpath, uint32_t mode, uint64_t rdev)
{
	struct walk w;
	struct dentry *known;
	int err = create_begin(&w, dirfd, kpath, S_ISDIR(mode), &known);

	if (err != 0)
		return err;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !capable(CAP_MKNOD)) {
		dentry_put(known);
		err = -EPERM;
	} else {
		err = create_node(&w, known, mode, rdev, NULL);
	}
	create_end(&w);
	return err;
}

int vfs_mkdir(int dirfd, const char *kpath, uint32_t mode)
{
	return vfs_mknod(dirfd, kpath, S_IFDIR | (mode & 01777), 0);
}

int vfs_symlink(const char *target, int dirfd, const char *kpath)
{
	struct walk w;
	struct dentry *known;
	struct inode *dir, *made = NULL;
	int err = target[0] == '\0' ? -ENOENT : create_begin(&w, dirfd, kpath, false, &known);

	if (err != 0)
		return err;
	dir = path_inode(&w.at);
	err = dir->ops->symlink != NULL ? dir->ops->symlink(dir, w.name, w.len, target, &made) : -EPERM;
	if (err != 0) {
		dentry_put(known);
	} else {
		notify_name(dir, w.name, w.len, IN_CREATE, 0);
		err = instantiate(&w, known, made, NULL);
	}
	create_end(&w);
	return err;
}

int vfs_link(int old_dirfd, const char *old_path, unsigned lookup_flags, int new_dirfd, const char *new_path)
{
	struct walk w;
	struct path old;
	struct dentry *known;
	struct inode *dir, *target;
	int err = vfs_lookup(old_dirfd, old_path, lookup_flags, &old);

	if (err != 0)
		return err;
	err = create_begin(&w, new_dirfd, new_path, false, &known);
	if (err != 0)
		goto out;
	dir = path_inode(&w.at);
	target = path_inode(&old);
	if (old.mount != w.at.mount)
		err = -EXDEV;
	else if (S_ISDIR(target->mode) || dir->ops->link == NULL)
		err = -EPERM;
	else if (target->nlink == 0 && !(old.dentry->flags & DENTRY_LINKABLE))
		err = -ENOENT; /* its last name is gone for good */
	else
		err = dir->ops->link(dir, w.name, w.len, target);
	if (err != 0) {
		dentry_put(known);
	} else {
		dentry_clear_flags(old.dentry, DENTRY_LINKABLE);
		notify_inode(target, IN_ATTRIB);
		notify_name(dir, w.name, w.len, IN_CREATE, 0);
		err = instantiate(&w, known, inode_get(target), NULL);
	}
	create_end(&w);
out:
	path_put(&old);
	return err;
}

/* May `victim` leave the folder `dir`? */
static int may_remove(const struct path *dir, const struct dentry *victim)
{
	int err = inode_permission(path_inode(dir), MAY_WRITE | MAY_EXEC);

	if (err != 0)
		return err;
	return dir_sticky_allows(path_inode(dir), victim->inode) ? 0 : -EPERM;
}

static void notify_removed(const struct walk *w, struct inode *victim, bool was_last)
{
	bool is_dir = S_ISDIR(victim->mode);

	if (!is_dir)
		notify_inode(victim, IN_ATTRIB); /* the number of names */
	notify_name(path_inode(&w->at), w->name, w->len, IN_DELETE | (is_dir ? IN_ISDIR : 0), 0);
	if (was_last)
		notify_gone(victim);
}

static int remove_locked(struct walk *w, bool rmdir)
{
	struct inode *dir = path_inode(&w->at);
	struct dentry *d = NULL;
	int err = mount_is_read_only(w->at.mount) ? -EROFS : 0;

	if (err == 0)
		err = lookup_child(w->at.dentry, w->name, w->len, w->hash, true, &d);
	if (err == 0 && d->inode == NULL)
		err = -ENOENT;
	if (err != 0) {
		dentry_put(d);
		return err;
	}
	struct inode *victim = d->inode;
	bool is_dir = S_ISDIR(victim->mode), is_last = is_dir || victim->nlink <= 1;

	if (!rmdir && w->want_dir)
		err = is_dir ? -EISDIR : -ENOTDIR;
	if (err == 0)
		err = may_remove(&w->at, d);
	if (err == 0 && rmdir != is_dir)
		err = rmdir ? -ENOTDIR : -EISDIR;
	if (err == 0 && d->nr_mounts > 0)
		err = -EBUSY;
	if (err == 0 && dir->ops->unlink == NULL)
		err = -EPERM;
	if (err == 0) {
		/* Nothing may be made in a folder while it is being removed. */
		if (is_dir)
			mutex_lock(&victim->lock);
		err = dir->ops->unlink(dir, w->name, w->len, victim);
		if (err == 0) {
			if (is_dir)
				dentry_set_flags(d, DENTRY_DEAD);
			dcache_unhash(d);
		}
		if (is_dir)
			mutex_unlock(&victim->lock);
	}
	if (err == 0)
		notify_removed(w, victim, is_last);
	dentry_put(d);
	return err;
}

static int remove_name(int dirfd, const char *kpath, bool rmdir)
{
	struct walk w;
	int err = walk_start(&w, dirfd, kpath, 0, 0);

	if (err != 0)
		return err;
	err = walk_to_last(&w);
	if (err == 0 && w.last != WALK_NAME) {
		if (!rmdir)
			err = -EISDIR;
		else if (w.last == WALK_DOT)
			err = -EINVAL;
		else
			err = w.last == WALK_DOTDOT ? -ENOTEMPTY : -EBUSY;
	}
	if (err == 0) {
		mutex_lock(&path_inode(&w.at)->lock);
		err = remove_locked(&w, rmdir);
		mutex_unlock(&path_inode(&w.at)->lock);
	}
	walk_end(&w);
	return err;
}

int vfs_unlink(int dirfd, const char *kpath)
{
	return remove_name(dirfd, kpath, false);
}

int vfs_rmdir(int dirfd, const char *kpath)
{
	return remove_name(dirfd, kpath, true);
}

static bool is_within(const struct dentry *d, const struct dentry *ancestor)
{
	for (; d != NULL; d = d->parent)
		if (d == ancestor)
			return true;
	return false;
}

/* Is the move allowed? n is negative or NULL when the new name is free. */
static int rename_check(struct walk *from, struct walk *to, const struct dentry *o, const struct dentry *n,
			unsigned flags)
{
	bool o_dir = S_ISDIR(o->inode->mode);
	bool n_there = n != NULL && n->inode != NULL;
	bool n_dir = n_there && S_ISDIR(n->inode->mode);
	int err;

	if (n_there && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!n_there && (flags & RENAME_EXCHANGE))
		return -ENOENT;
	if (flags & RENAME_EXCHANGE) {
		if ((from->want_dir && !o_dir) || (to->want_dir && !n_dir))
			return -ENOTDIR;
	} else if (!o_dir && (from->want_dir || to->want_dir)) {
		return -ENOTDIR;
	}
	if (is_within(to->at.dentry, o))
		return -EINVAL;
	if (n_there && is_within(from->at.dentry, n))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	err = may_remove(&from->at, o);
	if (err == 0)
		err = n_there ? may_remove(&to->at, n) : dir_may_create(&to->at);
	if (err != 0)
		return err;
	if (n_there && !(flags & RENAME_EXCHANGE) && o_dir != n_dir)
		return o_dir ? -ENOTDIR : -EISDIR;
	if (o->nr_mounts > 0 || (n_there && n->nr_mounts > 0))
		return -EBUSY;
	/* A folder that changes its parent changes its "..". */
	if (from->at.dentry != to->at.dentry) {
		if (o_dir && (err = inode_permission(o->inode, MAY_WRITE)) != 0)
			return err;
		if ((flags & RENAME_EXCHANGE) && n_dir && (err = inode_permission(n->inode, MAY_WRITE)) != 0)
			return err;
	}
	return path_inode(&from->at)->ops->rename == NULL ? -EPERM : 0;
}

static void rename_in_cache(struct walk *to, struct dentry *o, struct dentry *n, unsigned flags)
{
	if (flags & RENAME_EXCHANGE) {
		dcache_exchange(o, n);
		return;
	}
	if (n != NULL) {
		if (n->inode != NULL && S_ISDIR(n->inode->mode))
			dentry_set_flags(n, DENTRY_DEAD);
		dcache_unhash(n);
	}
	if (dcache_move(o, to->at.dentry, to->name, to->len) != 0)
		dcache_unhash(o); /* the next lookup asks the file system */
}

/* replaced: what had the new name, or NULL. */
static void notify_renamed(const struct walk *from, const struct walk *to, struct inode *moved, struct inode *replaced)
{
	uint32_t is_dir = S_ISDIR(moved->mode) ? IN_ISDIR : 0, cookie;

	if (notify_nr_watches == 0)
		return;
	cookie = notify_new_cookie();
	notify_name(path_inode(&from->at), from->name, from->len, IN_MOVED_FROM | is_dir, cookie);
	notify_name(path_inode(&to->at), to->name, to->len, IN_MOVED_TO | is_dir, cookie);
	notify_inode(moved, IN_MOVE_SELF);
	if (replaced != NULL) {
		if (!S_ISDIR(replaced->mode))
			notify_inode(replaced, IN_ATTRIB);
		if (S_ISDIR(replaced->mode) || replaced->nlink <= 1)
			notify_gone(replaced);
	}
}

static int rename_locked(struct walk *from, struct walk *to, unsigned flags)
{
	struct inode *odir = path_inode(&from->at), *ndir = path_inode(&to->at);
	struct dentry *o = NULL, *n = NULL;
	int err = lookup_child(from->at.dentry, from->name, from->len, from->hash, true, &o);

	if (err == 0 && o->inode == NULL)
		err = -ENOENT;
	if (err == 0) {
		err = lookup_child(to->at.dentry, to->name, to->len, to->hash, true, &n);
		if (err == -ENOENT)
			err = 0;
	}
	if (err == 0)
		err = rename_check(from, to, o, n, flags);
	if (err == 0 && n != NULL && n->inode == o->inode)
		goto out; /* two names of one file: rename(2) does nothing */
	if (err == 0)
		err = odir->ops->rename(odir, from->name, from->len, ndir, to->name, to->len, flags);
	if (err == 0) {
		struct inode *replaced = n != NULL && !(flags & RENAME_EXCHANGE) ? n->inode : NULL;

		notify_renamed(from, to, o->inode, replaced);
		rename_in_cache(to, o, n, flags);
	}
out:
	dentry_put(o);
	dentry_put(n);
	return err;
}

static void lock_folders(struct dentry *a, struct dentry *b)
{
	if (a->inode == b->inode) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&rename_lock);
	if (is_within(a, b)) {
		struct dentry *t = a;
		a = b;
		b = t;
	}
	mutex_lock(&a->inode->lock);
	mutex_lock(&b->inode->lock);
}

static void unlock_folders(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->inode->lock);
	if (a->inode == b->inode)
		return;
	mutex_unlock(&b->inode->lock);
	mutex_unlock(&rename_lock);
}

int vfs_rename(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags)
{
	struct walk from, to;
	int err;

	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
	    (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = walk_start(&from, old_dirfd, old_path, 0, 0);
	if (err != 0)
		return err;
	err = walk_to_last(&from);
	if (err != 0)
		goto out_from;
	err = walk_start(&to, new_dirfd, new_path, 0, 0);
	if (err != 0)
		goto out_from;
	err = walk_to_last(&to);
	if (err != 0)
		goto out_to;
	if (from.at.mount != to.at.mount)
		err = -EXDEV;
	else if (from.last != WALK_NAME || to.last != WALK_NAME)
		err = from.last == WALK_NAME && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	else if (mount_is_read_only(from.at.mount))
		err = -EROFS;
	if (err != 0)
		goto out_to;
	lock_folders(from.at.dentry, to.at.dentry);
	err = rename_locked(&from, &to, flags);
	unlock_folders(from.at.dentry, to.at.dentry);
out_to:
	walk_end(&to);
out_from:
	walk_end(&from);
	return err;
}

/* Boot only: no permission checks, mode as given. */
int vfs_mkdir_p(const char *kpath, uint32_t mode)
{
	char part[256];

	for (const char *s = kpath;;) {
		struct walk w;
		struct dentry *d = NULL;
		struct inode *made = NULL;
		int err;

		while (*s == '/')
			s++;
		if (*s == '\0')
			return 0;
		while (*s != '\0' && *s != '/')
			s++;
		if ((size_t)(s - kpath) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, kpath, (size_t)(s - kpath));
		part[s - kpath] = '\0';

		err = walk_start(&w, -1, part, 0, 0);
		if (err != 0)
			return err;
		err = walk_to_last(&w);
		if (err == 0 && w.last == WALK_NAME) {
			struct inode *dir = path_inode(&w.at);
			mutex_lock(&dir->lock);
			err = lookup_child(w.at.dentry, w.name, w.len, w.hash, true, &d);
			if (err == -ENOENT || (err == 0 && d->inode == NULL)) {
				err = dir->ops->create != NULL
					      ? dir->ops->create(dir, w.name, w.len, S_IFDIR | mode, 0, &made)
					      : -EROFS;
				if (err == 0)
					err = instantiate(&w, d, made, NULL);
				else
					dentry_put(d);
			} else {
				dentry_put(d);
			}
			mutex_unlock(&dir->lock);
		}
		walk_end(&w);
		if (err != 0)
			return err;
	}
}
