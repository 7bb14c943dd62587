/* SPDX-License-Identifier: MIT */
/*
 * overlay_dir.c - names in overlay folders: what the lower folder has, changed by a table of differences.
 * A value of the table is an inode (counted) or nothing (the name is gone: a whiteout), and one bit that says that the
 * lower folder has the name as well, so that the entry must stay as a whiteout when the name goes.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/file_priv.h"
#include "kernel/fs/overlay_priv.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

#define HIDES_LOWER 1ul

static struct inode *entry_inode(const struct name_entry *e)
{
	return (struct inode *)((uintptr_t)e->value & ~HIDES_LOWER);
}

static bool entry_hides(const struct name_entry *e)
{
	return ((uintptr_t)e->value & HIDES_LOWER) != 0;
}

static void *entry_value(struct inode *i, bool hides)
{
	return (void *)((uintptr_t)i | (hides ? HIDES_LOWER : 0));
}

void ov_dir_free(struct ov_inode *o)
{
	struct name_entry *e;

	while ((e = nametable_next(&o->delta, 0)) != NULL) {
		inode_put(entry_inode(e));
		nametable_remove(&o->delta, e);
	}
	nametable_free(&o->delta);
}

static int lower_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct inode *lower = ov_of(dir)->lower;

	if (lower == NULL)
		return -ENOENT;
	return lower->ops->lookup(lower, name, len, out);
}

static int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct name_entry *e = nametable_find(&ov_of(dir)->delta, name, len);
	struct inode *lower;
	int err;

	if (e != NULL) {
		if (entry_inode(e) == NULL)
			return -ENOENT;
		*out = inode_get(entry_inode(e));
		return 0;
	}
	err = lower_lookup(dir, name, len, &lower);
	if (err != 0)
		return err;
	*out = ov_for_lower(dir->sb, lower);
	return *out != NULL ? 0 : -ENOMEM;
}

/* The name now means i (counted reference taken over on success; NULL = gone). hides: the lower folder has the name,
 * too. */
static int set_name(struct inode *dir, const char *name, size_t len, struct inode *i, bool hides)
{
	struct ov_inode *d = ov_of(dir);
	struct name_entry *e = nametable_find(&d->delta, name, len);

	if (e == NULL) {
		if (i == NULL && !hides)
			return 0;
		if (nametable_add(&d->delta, name, len, entry_value(i, hides)) == NULL)
			return -ENOSPC;
		ov_pin(d);
		return 0;
	}
	inode_put(entry_inode(e));
	if (i == NULL && !entry_hides(e))
		nametable_remove(&d->delta, e);
	else
		e->value = entry_value(i, entry_hides(e));
	return 0;
}

static bool is_hiding(struct inode *dir, const char *name, size_t len)
{
	struct name_entry *e = nametable_find(&ov_of(dir)->delta, name, len);
	struct inode *lower;

	if (e != NULL)
		return entry_hides(e);
	if (lower_lookup(dir, name, len, &lower) != 0)
		return false;
	inode_put(lower);
	return true;
}

/* A new inode (taken over) under a free name. */
static int enter_new(struct inode *dir, const char *name, size_t len, struct inode *i, struct inode **out)
{
	int err;

	if (i == NULL)
		return -ENOSPC;
	/* The name is free, so the lower folder does not have it, or a whiteout is there already and says so. */
	err = set_name(dir, name, len, inode_get(i), false);
	if (err != 0) {
		inode_put(i);
		inode_put(i);
		return err;
	}
	if (S_ISDIR(i->mode))
		dir->nlink++;
	else
		i->nlink++;
	ov_touch_dir(dir);
	*out = i;
	return 0;
}

static int dir_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct inode *i = S_ISDIR(mode) ? ov_new_dir(dir, mode)
					: ramfs_new_inode(overlay_of(dir)->space, dir->sb, dir, mode, rdev);

	return enter_new(dir, name, len, i, out);
}

static int dir_symlink(struct inode *dir, const char *name, size_t len, const char *target, struct inode **out)
{
	return enter_new(dir, name, len, ramfs_new_symlink(overlay_of(dir)->space, dir->sb, dir, target), out);
}

static int dir_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
	*out = ramfs_new_inode(overlay_of(dir)->space, dir->sb, dir, mode, 0);
	return *out != NULL ? 0 : -ENOSPC;
}

static int dir_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	int err = set_name(dir, name, len, inode_get(target), false);

	if (err != 0) {
		inode_put(target);
		return err;
	}
	target->nlink++;
	if (ov_is(target))
		ov_pin(ov_of(target)); /* the count is a change that must not be forgotten */
	ov_touch_dir(dir);
	return 0;
}

/* Looks for an entry of the lower folder that the table does not hide. */
struct empty_sink {
	struct dirent_sink sink;
	const struct nametable *delta;
	bool found;
};

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

static bool empty_emit(struct dirent_sink *s, const char *name, size_t len, uint64_t ino, unsigned d_type,
		       int64_t next_pos)
{
	struct empty_sink *e = container_of(s, struct empty_sink, sink);

	(void)ino;
	(void)d_type;
	(void)next_pos;
	if (is_dots(name, len) || nametable_find(e->delta, name, len) != NULL)
		return true;
	e->found = true;
	return false;
}

static int lower_dir_open(struct inode *lower, struct file **out)
{
	struct file *f = file_alloc(inode_get(lower), FILE_READ | FILE_SEEKABLE, O_RDONLY | O_DIRECTORY | O_LARGEFILE);
	int err;

	if (f == NULL) {
		inode_put(lower);
		return -ENOMEM;
	}
	f->ops = lower->file_ops;
	if (lower->ops->open != NULL && (err = lower->ops->open(lower, f)) != 0) {
		f->ops = NULL;
		file_put(f);
		return err;
	}
	*out = f;
	return 0;
}

/* 0 when the folder is empty, -ENOTEMPTY. */
static int check_empty(struct inode *dir)
{
	struct ov_inode *d = ov_of(dir);
	struct empty_sink s = {.sink = {empty_emit, NULL}, .delta = &d->delta};
	struct file *f;
	int64_t before;
	int err;

	for (struct name_entry *e = nametable_next(&d->delta, 0); e != NULL; e = nametable_next(&d->delta, e->slot + 1))
		if (entry_inode(e) != NULL)
			return -ENOTEMPTY;
	if (d->lower == NULL)
		return 0;
	err = lower_dir_open(d->lower, &f);
	if (err != 0)
		return err;
	do {
		before = f->pos;
		err = f->ops->readdir(f, &s.sink);
	} while (err == 0 && !s.found && f->pos != before);
	file_put(f);
	return s.found ? -ENOTEMPTY : err;
}

/* i lost a name. */
static void drop_link(struct inode *dir, struct inode *i)
{
	if (S_ISDIR(i->mode)) {
		i->nlink = 0;
		dir->nlink--;
	} else if (i->nlink > 0) {
		i->nlink--;
	}
	if (!ov_is(i))
		return;
	if (i->nlink == 0)
		ov_unpin(ov_of(i));
	else
		ov_pin(ov_of(i));
}

static int dir_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct name_entry *e = nametable_find(&ov_of(dir)->delta, name, len);
	int err = S_ISDIR(victim->mode) ? check_empty(victim) : 0;

	/* Without an entry the name is the lower folder's. */
	if (err == 0)
		err = set_name(dir, name, len, NULL, e == NULL);
	if (err != 0)
		return err;
	drop_link(dir, victim);
	ov_touch_dir(dir);
	return 0;
}

/* A folder's ".." counts as a link of the folder it is in. */
static void move_dir_link(struct inode *i, struct inode *from, struct inode *to)
{
	if (S_ISDIR(i->mode)) {
		from->nlink--;
		to->nlink++;
	}
}

static int exchange(struct inode *odir, const char *oname, size_t olen, struct inode *o, struct inode *ndir,
		    const char *nname, size_t nlen, struct inode *n)
{
	int err = set_name(odir, oname, olen, inode_get(n), is_hiding(odir, oname, olen));

	if (err != 0) {
		inode_put(n);
		return err;
	}
	err = set_name(ndir, nname, nlen, inode_get(o), is_hiding(ndir, nname, nlen));
	if (err != 0) {
		inode_put(o);
		(void)set_name(odir, oname, olen, inode_get(o), true); /* the entry exists: this cannot fail */
	}
	return err;
}

static int dir_rename(struct inode *odir, const char *oname, size_t olen, struct inode *ndir, const char *nname,
		      size_t nlen, unsigned flags)
{
	struct inode *moving, *victim = NULL;
	int err = dir_lookup(odir, oname, olen, &moving);

	if (err != 0)
		return err;
	err = dir_lookup(ndir, nname, nlen, &victim);
	if (err != 0 && (err != -ENOENT || (flags & RENAME_EXCHANGE)))
		goto out;
	err = 0;
	if (flags & RENAME_EXCHANGE) {
		err = exchange(odir, oname, olen, moving, ndir, nname, nlen, victim);
		if (err == 0) {
			move_dir_link(moving, odir, ndir);
			move_dir_link(victim, ndir, odir);
		}
	} else {
		bool o_hides = is_hiding(odir, oname, olen);
		if (victim != NULL && S_ISDIR(victim->mode))
			err = check_empty(victim);
		if (err == 0)
			err = set_name(ndir, nname, nlen, inode_get(moving), is_hiding(ndir, nname, nlen));
		else
			goto out;
		if (err != 0) {
			inode_put(moving);
			goto out;
		}
		err = set_name(odir, oname, olen, NULL, o_hides);
		if (victim != NULL)
			drop_link(ndir, victim);
		move_dir_link(moving, odir, ndir);
	}
	if (err == 0) {
		ov_touch_dir(odir);
		ov_touch_dir(ndir);
	}
out:
	inode_put(moving);
	inode_put(victim);
	return err;
}

/* An open folder. Positions: 0 ".", 1 "..", 2 + slot in the table, LOWER | position of the lower folder. */
#define POS_LOWER (1ll << 62)
struct ov_dirfile {
	struct file *lower;
	int64_t last_pos; /* where f->pos stands if nobody seeked: then the lower file stands right, whatever bits its
			     cookies use */
};

struct merge_sink {
	struct dirent_sink sink;
	struct dirent_sink *outer;
	struct file *f;
	bool full;
};

static bool merge_emit(struct dirent_sink *s, const char *name, size_t len, uint64_t ino, unsigned d_type,
		       int64_t next_pos)
{
	struct merge_sink *m = container_of(s, struct merge_sink, sink);
	struct file *f = m->f;

	if (!is_dots(name, len) && nametable_find(&ov_of(f->inode)->delta, name, len) == NULL) {
		if (!m->outer->emit(m->outer, name, len, ino, d_type, next_pos | POS_LOWER)) {
			m->full = true;
			return false;
		}
	}
	f->pos = next_pos | POS_LOWER;
	return true;
}

static void merge_found(struct dirent_sink *s, const char *name, size_t len, struct inode *lower)
{
	struct merge_sink *m = container_of(s, struct merge_sink, sink);
	struct inode *i;

	if (is_dots(name, len) || nametable_find(&ov_of(m->f->inode)->delta, name, len) != NULL)
		return;
	i = ov_for_lower(m->f->inode->sb, inode_get(lower));
	if (i != NULL) {
		m->outer->found(m->outer, name, len, i);
		inode_put(i);
	}
}

static int readdir_lower(struct file *f, struct dirent_sink *sink)
{
	struct merge_sink m = {.sink = {merge_emit, sink->found != NULL ? merge_found : NULL}, .outer = sink, .f = f};
	struct ov_inode *d = ov_of(f->inode);
	struct ov_dirfile *df = f->priv;
	int64_t before;
	int err = 0;

	if (d->lower == NULL)
		return 0;
	if (df == NULL) {
		df = kzalloc(sizeof(*df));
		if (df == NULL)
			return -ENOMEM;
		f->priv = df;
	}
	if (df->lower == NULL && (err = lower_dir_open(d->lower, &df->lower)) != 0)
		return err;
	if (f->pos != df->last_pos)
		df->lower->pos = f->pos & ~POS_LOWER;
	/* A batch may consist of hidden names only: go on until something came out, or there is nothing. */
	do {
		before = df->lower->pos;
		err = df->lower->ops->readdir(df->lower, &m.sink);
	} while (err == 0 && !m.full && df->lower->pos != before);
	df->last_pos = f->pos;
	return err;
}

static int dir_readdir(struct file *f, struct dirent_sink *sink)
{
	struct ov_inode *d = ov_of(f->inode);
	struct inode *up = f->dentry != NULL && f->dentry->parent != NULL ? f->dentry->parent->inode : f->inode;
	struct name_entry *e;

	if (f->pos == 0) {
		if (!sink->emit(sink, ".", 1, d->i.ino, S_IFDIR >> 12, 1))
			return 0;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!sink->emit(sink, "..", 2, up->ino, S_IFDIR >> 12, 2))
			return 0;
		f->pos = 2;
	}
	if (f->pos < POS_LOWER) {
		while (f->pos - 2 < UINT32_MAX && (e = nametable_next(&d->delta, (uint32_t)(f->pos - 2))) != NULL) {
			struct inode *i = entry_inode(e);
			int64_t next = (int64_t)e->slot + 3;
			if (i != NULL && !sink->emit(sink, e->name, e->len, i->ino, (i->mode & S_IFMT) >> 12, next))
				return 0;
			f->pos = next;
		}
		f->pos = POS_LOWER;
	}
	return readdir_lower(f, sink);
}

static int dir_fsync(struct file *f, bool data_only)
{
	(void)f;
	(void)data_only;
	return 0;
}

static void dir_release(struct file *f)
{
	struct ov_dirfile *df = f->priv;

	if (df != NULL) {
		file_put(df->lower);
		kfree(df);
	}
}

const struct file_ops ov_dir_file_ops = {
	.readdir = dir_readdir,
	.fsync = dir_fsync,
	.release = dir_release,
};

const struct inode_ops ov_dir_ops = {
	.lookup = dir_lookup,
	.create = dir_create,
	.tmpfile = dir_tmpfile,
	.symlink = dir_symlink,
	.link = dir_link,
	.unlink = dir_unlink,
	.rename = dir_rename,
	.getattr = ov_getattr,
	.getattr_quick = ov_getattr_quick,
	.setattr = ov_setattr,
	.statfs = ov_statfs,
	.evict = ov_evict,
};
