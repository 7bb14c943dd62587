/* SPDX-License-Identifier: MIT */
/*
 * ramfs.c - a file system in memory (tmpfs): folders, links, attributes. Contents of files: ramfs_file.c.
 * A folder's table holds one reference on each inode that it names; an inode without names and users frees itself.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/fs/cred.h"
#include "kernel/fs/ramfs_priv.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

/* Only pages of contents count against the size limit. Of inodes there may be one for each page of RAM: with their
 * names they take a quarter of it then. More names of the same inodes are bounded by the kernel's memory. All is
 * -ENOSPC. */
#define DIRENT_SIZE 20 /* st_size of a folder, per entry, as tmpfs shows it */

struct timestamp timestamp_now(void)
{
	uint64_t now = clock_realtime_ns();

	return (struct timestamp){(int64_t)(now / NSEC_PER_SEC), (uint32_t)(now % NSEC_PER_SEC)};
}

struct ramfs_space *ramfs_space_create(uint64_t max_bytes, uint64_t first_ino)
{
	struct ramfs_space *s = kzalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->refs = 1;
	spin_init(&s->lock, "ramfs space");
	s->max_pages = max_bytes != 0 ? (max_bytes + PAGE_SIZE - 1) / PAGE_SIZE : page_nr_total() / 2;
	s->max_inodes = (unsigned)MIN(page_nr_total(), (size_t)UINT32_MAX - 1);
	s->last_ino = first_ino - 1;
	return s;
}

void ramfs_space_put(struct ramfs_space *s)
{
	if (--s->refs == 0)
		kfree(s);
}

static const struct inode_ops dir_ops, file_inode_ops, symlink_ops;
static const struct file_ops dir_file_ops;

struct inode *ramfs_new_inode(struct ramfs_space *s, struct superblock *sb, const struct inode *dir, uint32_t mode,
			      uint64_t rdev)
{
	struct ramfs_inode *r = kzalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	if (s->refs > s->max_inodes) {
		kfree(r);
		return NULL;
	}
	inode_init(&r->i, sb, mode);
	inode_init_owner(&r->i, dir);
	s->refs++;
	r->space = s;
	spin_init(&r->lock, "ramfs inode");
	r->i.ino = ++s->last_ino;
	r->i.rdev = rdev;
	r->i.nlink = 0;
	r->atime = r->mtime = r->ctime = r->btime = timestamp_now();
	if (S_ISDIR(mode)) {
		nametable_init(&r->names);
		r->i.ops = &dir_ops;
		r->i.file_ops = &dir_file_ops;
		r->i.nlink = 2;
	} else if (S_ISLNK(mode)) {
		r->i.ops = &symlink_ops;
	} else {
		r->i.ops = &file_inode_ops;
		if (S_ISREG(mode))
			r->i.file_ops = &ramfs_file_ops;
	}
	return &r->i;
}

struct inode *ramfs_new_symlink(struct ramfs_space *s, struct superblock *sb, const struct inode *dir,
				const char *target)
{
	struct inode *i = ramfs_new_inode(s, sb, dir, S_IFLNK | 0777, 0);

	if (i == NULL)
		return NULL;
	ramfs_of(i)->target = kstrdup(target);
	if (ramfs_of(i)->target == NULL) {
		inode_put(i);
		return NULL;
	}
	i->size = strlen(target);
	return i;
}

static void ramfs_evict(struct inode *i)
{
	struct ramfs_inode *r = ramfs_of(i);

	if (S_ISDIR(i->mode)) {
		struct name_entry *e;
		while ((e = nametable_next(&r->names, 0)) != NULL) {
			inode_put(e->value);
			nametable_remove(&r->names, e);
		}
		nametable_free(&r->names);
	} else if (S_ISLNK(i->mode)) {
		kfree(r->target);
	} else if (S_ISREG(i->mode)) {
		ramfs_file_free(r);
	}
	xattrs_free(&r->xattrs);
	ramfs_space_put(r->space);
	inode_free(i);
}

static void dir_changed(struct ramfs_inode *dir)
{
	dir->mtime = dir->ctime = timestamp_now();
	dir->i.size = (2 + (uint64_t)dir->names.count) * DIRENT_SIZE;
}

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct name_entry *e = nametable_find(&ramfs_of(dir)->names, name, len);

	if (e == NULL)
		return -ENOENT;
	*out = inode_get(e->value);
	return 0;
}

/* Gives i a name. The table takes over the caller's reference; *out gets another. */
static int dir_enter(struct inode *dir, const char *name, size_t len, struct inode *i, struct inode **out)
{
	struct ramfs_inode *d = ramfs_of(dir);

	if (i == NULL)
		return -ENOSPC;
	if (nametable_add(&d->names, name, len, i) == NULL) {
		inode_put(i);
		return -ENOSPC;
	}
	if (S_ISDIR(i->mode)) {
		ramfs_of(i)->parent = dir;
		dir->nlink++;
	} else {
		i->nlink++;
	}
	dir_changed(d);
	*out = inode_get(i);
	return 0;
}

static int dir_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	return dir_enter(dir, name, len, ramfs_new_inode(ramfs_of(dir)->space, dir->sb, dir, mode, rdev), out);
}

static int dir_symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	return dir_enter(dir, name, len, ramfs_new_symlink(ramfs_of(dir)->space, dir->sb, dir, target), out);
}

static int dir_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
	*out = ramfs_new_inode(ramfs_of(dir)->space, dir->sb, dir, mode, 0);
	return *out != NULL ? 0 : -ENOSPC;
}

static int dir_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	struct inode *again;
	int err = dir_enter(dir, name, len, inode_get(target), &again);

	if (err != 0)
		return err;
	inode_put(again);
	ramfs_of(target)->ctime = timestamp_now();
	return 0;
}

/* The entry goes; the inode loses a link and the table's reference. */
static void dir_leave(struct inode *dir, struct name_entry *e)
{
	struct inode *i = e->value;

	nametable_remove(&ramfs_of(dir)->names, e);
	if (S_ISDIR(i->mode)) {
		i->nlink = 0;
		dir->nlink--;
	} else {
		i->nlink--;
	}
	ramfs_of(i)->ctime = timestamp_now();
	dir_changed(ramfs_of(dir));
	inode_put(i);
}

static bool dir_is_full(struct inode *i)
{
	return S_ISDIR(i->mode) && ramfs_of(i)->names.count > 0;
}

static int dir_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct name_entry *e = nametable_find(&ramfs_of(dir)->names, name, len);

	if (e == NULL || e->value != victim)
		return -ENOENT;
	if (dir_is_full(victim))
		return -ENOTEMPTY;
	dir_leave(dir, e);
	return 0;
}

static void set_parent(struct inode *i, struct inode *from, struct inode *to)
{
	if (!S_ISDIR(i->mode))
		return;
	ramfs_of(i)->parent = to;
	from->nlink--;
	to->nlink++;
}

static int dir_rename(struct inode *odir, const char *oname, size_t olen, struct inode *ndir, const char *nname,
		      size_t nlen, unsigned flags)
{
	struct name_entry *o = nametable_find(&ramfs_of(odir)->names, oname, olen);
	struct name_entry *n = nametable_find(&ramfs_of(ndir)->names, nname, nlen);
	struct inode *moving;

	if (o == NULL)
		return -ENOENT;
	moving = o->value;
	if (flags & RENAME_EXCHANGE) {
		if (n == NULL)
			return -ENOENT;
		o->value = n->value;
		n->value = moving;
		set_parent(moving, odir, ndir);
		set_parent(o->value, ndir, odir);
	} else if (n != NULL) {
		struct inode *victim = n->value;
		if (dir_is_full(victim))
			return -ENOTEMPTY;
		/* The new name takes the moving inode's reference; the victim goes with the old name's entry. */
		n->value = moving;
		o->value = victim;
		set_parent(moving, odir, ndir);
		set_parent(victim, ndir, odir);
		dir_leave(odir, o);
	} else {
		if (nametable_add(&ramfs_of(ndir)->names, nname, nlen, moving) == NULL)
			return -ENOSPC;
		nametable_remove(&ramfs_of(odir)->names, o);
		set_parent(moving, odir, ndir);
	}
	dir_changed(ramfs_of(odir));
	dir_changed(ramfs_of(ndir));
	ramfs_of(moving)->ctime = timestamp_now();
	return 0;
}

/* Positions: 0 ".", 1 "..", then slot + 2. */
static int dir_readdir(struct file *f, struct dirent_sink *sink)
{
	struct ramfs_inode *d = ramfs_of(f->inode);
	struct name_entry *e;

	if (f->pos == 0) {
		if (!sink->emit(sink, ".", 1, d->i.ino, S_IFDIR >> 12, 1))
			return 0;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!sink->emit(sink, "..", 2, d->parent ? d->parent->ino : d->i.ino, S_IFDIR >> 12, 2))
			return 0;
		f->pos = 2;
	}
	while (f->pos - 2 < UINT32_MAX && (e = nametable_next(&d->names, (uint32_t)(f->pos - 2))) != NULL) {
		struct inode *i = e->value;
		int64_t next = (int64_t)e->slot + 3;
		if (!sink->emit(sink, e->name, e->len, i->ino, (i->mode & S_IFMT) >> 12, next))
			return 0;
		f->pos = next;
	}
	return 0;
}

static int dir_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0;
}

static void get_attributes(struct ramfs_inode *r, struct kstat *st)
{
	const struct inode *i = &r->i;

	st->ino = i->ino;
	st->size = S_ISDIR(i->mode) ? (2 + (uint64_t)r->names.count) * DIRENT_SIZE : i->size;
	st->blocks = S_ISREG(i->mode) ? r->nr_pages * (PAGE_SIZE / 512) : 0;
	st->rdev = i->rdev;
	st->mode = i->mode;
	st->nlink = i->nlink;
	st->uid = i->uid;
	st->gid = i->gid;
	st->atime.sec = r->atime.sec;
	st->atime.nsec = r->atime.nsec;
	st->mtime.sec = r->mtime.sec;
	st->mtime.nsec = r->mtime.nsec;
	st->ctime.sec = r->ctime.sec;
	st->ctime.nsec = r->ctime.nsec;
	st->btime.sec = r->btime.sec;
	st->btime.nsec = r->btime.nsec;
}

static int ramfs_getattr(struct inode *i, struct kstat *st)
{
	struct ramfs_inode *r = ramfs_of(i);

	spin_lock(&r->lock);
	get_attributes(r, st);
	spin_unlock(&r->lock);
	return 0;
}

/* A reader does not wait: whoever has the lock makes it ask again. */
static bool ramfs_getattr_quick(struct inode *i, struct kstat *st)
{
	struct ramfs_inode *r = ramfs_of(i);

	if (!spin_trylock(&r->lock))
		return false;
	get_attributes(r, st);
	spin_unlock(&r->lock);
	return true;
}

static int ramfs_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	struct ramfs_inode *r = ramfs_of(i);

	if (which & ATTR_SIZE) {
		int err = S_ISREG(i->mode) ? ramfs_file_truncate(r, st->size) : -EINVAL;
		if (err != 0)
			return err;
	}
	if (which & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (st->mode & 07777);
	if (which & ATTR_UID)
		i->uid = st->uid;
	if (which & ATTR_GID)
		i->gid = st->gid;
	spin_lock(&r->lock);
	if (which & ATTR_ATIME)
		r->atime = (struct timestamp){st->atime.sec, st->atime.nsec};
	if (which & ATTR_MTIME)
		r->mtime = (struct timestamp){st->mtime.sec, st->mtime.nsec};
	if (which & ATTR_CTIME)
		r->ctime = (struct timestamp){st->ctime.sec, st->ctime.nsec};
	spin_unlock(&r->lock);
	return 0;
}

void ramfs_set_times(struct inode *i, const struct kstat *st)
{
	struct ramfs_inode *r = ramfs_of(i);

	r->atime = (struct timestamp){st->atime.sec, st->atime.nsec};
	r->mtime = (struct timestamp){st->mtime.sec, st->mtime.nsec};
	r->ctime = (struct timestamp){st->ctime.sec, st->ctime.nsec};
	r->btime = (struct timestamp){st->btime.sec, st->btime.nsec};
}

static int ramfs_readlink(struct inode *i, char *buf, size_t size)
{
	size_t len = MIN((size_t)i->size, size);

	memcpy(buf, ramfs_of(i)->target, len);
	return (int)len;
}

static int64_t ramfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	return xattrs_get(&ramfs_of(i)->xattrs, name, buf, size);
}

static int ramfs_setxattr(struct inode *i, const char *name, const void *buf, size_t size, int flags)
{
	return xattrs_set(&ramfs_of(i)->xattrs, name, buf, size, flags);
}

static int64_t ramfs_listxattr(struct inode *i, char *buf, size_t size)
{
	return xattrs_list(&ramfs_of(i)->xattrs, buf, size);
}

static int ramfs_removexattr(struct inode *i, const char *name)
{
	return xattrs_remove(&ramfs_of(i)->xattrs, name);
}

static int ramfs_statfs(struct inode *i, void *out)
{
	struct ramfs_space *s = ramfs_of(i)->space;
	struct statfs *st = out;

	st->f_type = TMPFS_MAGIC;
	st->f_bsize = st->f_frsize = PAGE_SIZE;
	st->f_blocks = s->max_pages;
	st->f_bfree = st->f_bavail = s->max_pages - MIN(s->max_pages, s->used_pages);
	st->f_files = s->max_inodes;
	st->f_ffree = s->max_inodes - MIN(s->max_inodes, s->refs - 1);
	st->f_namelen = 255;
	return 0;
}

static const struct inode_ops dir_ops = {
	.lookup = dir_lookup,
	.create = dir_create,
	.tmpfile = dir_tmpfile,
	.symlink = dir_symlink,
	.link = dir_link,
	.unlink = dir_unlink,
	.rename = dir_rename,
	.getattr = ramfs_getattr,
	.getattr_quick = ramfs_getattr_quick,
	.setattr = ramfs_setattr,
	.statfs = ramfs_statfs,
	.getxattr = ramfs_getxattr,
	.setxattr = ramfs_setxattr,
	.listxattr = ramfs_listxattr,
	.removexattr = ramfs_removexattr,
	.evict = ramfs_evict,
};

static const struct file_ops dir_file_ops = {
	.readdir = dir_readdir,
	.fsync = dir_fsync,
};

static const struct inode_ops file_inode_ops = {
	.open_unlocked = true,
	.getattr = ramfs_getattr,
	.getattr_quick = ramfs_getattr_quick,
	.setattr = ramfs_setattr,
	.statfs = ramfs_statfs,
	.getxattr = ramfs_getxattr,
	.setxattr = ramfs_setxattr,
	.listxattr = ramfs_listxattr,
	.removexattr = ramfs_removexattr,
	.evict = ramfs_evict,
};

static const struct inode_ops symlink_ops = {
	.readlink = ramfs_readlink,
	.getattr = ramfs_getattr,
	.getattr_quick = ramfs_getattr_quick,
	.setattr = ramfs_setattr,
	.statfs = ramfs_statfs,
	.getxattr = ramfs_getxattr,
	.setxattr = ramfs_setxattr,
	.listxattr = ramfs_listxattr,
	.removexattr = ramfs_removexattr,
	.evict = ramfs_evict,
};

static void free_superblock(struct rcu_head *h)
{
	kfree(container_of(h, struct superblock, rcu));
}

static void ramfs_destroy(struct superblock *sb)
{
	ramfs_space_put(sb->priv);
	rcu_free_later(&sb->rcu, free_superblock);
}

struct superblock *ramfs_create(const char *type, uint64_t max_bytes)
{
	struct superblock *sb = kzalloc(sizeof(*sb));
	struct ramfs_space *s = ramfs_space_create(max_bytes, 1);

	if (sb != NULL && s != NULL) {
		sb->type = type;
		sb->dev = vfs_new_dev();
		sb->dcache_negative = true;
		sb->dcache_stable = true;
		sb->priv = s;
		sb->destroy = ramfs_destroy;
		sb->root = ramfs_new_inode(s, sb, NULL, S_IFDIR | 0755, 0);
		if (sb->root != NULL)
			return sb;
	}
	if (s != NULL)
		ramfs_space_put(s);
	kfree(sb);
	return NULL;
}
