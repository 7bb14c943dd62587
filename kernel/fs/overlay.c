/* SPDX-License-Identifier: MIT */
/*
 * overlay.c - a file system whose changes stay in memory: reads go to the lower one, the first write of a file copies
 * it. A file opened for reading gets the lower file's own operations, so mappings share the host's page cache; as with
 * overlayfs of Linux, who opened it before the first write goes on reading the old contents.
 * Extended attributes are not offered.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/fs/file_priv.h"
#include "kernel/fs/overlay_priv.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "lib/string.h"

#define COPY_ORDER 5            /* 128 KiB at a time */
#define FIRST_INO  (1ull << 48) /* of things made here: away from the lower numbers */

bool ov_is(const struct inode *i)
{
	return i->ops == &ov_dir_ops || i->ops == &ov_file_ops || i->ops == &ov_symlink_ops;
}

static struct ov_inode *ov_alloc(struct superblock *sb, uint32_t mode)
{
	struct ov_inode *o = kzalloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	inode_init(&o->i, sb, mode);
	mutex_init(&o->copy_lock);
	nametable_init(&o->delta);
	if (S_ISDIR(mode)) {
		o->i.ops = &ov_dir_ops;
		o->i.file_ops = &ov_dir_file_ops;
	} else {
		o->i.ops = S_ISLNK(mode) ? &ov_symlink_ops : &ov_file_ops;
	}
	return o;
}

static void take_lower_attributes(struct ov_inode *o)
{
	o->i.mode = o->lower->mode;
	o->i.uid = o->lower->uid;
	o->i.gid = o->lower->gid;
	o->i.size = o->lower->size;
}

struct inode *ov_for_lower(struct superblock *sb, struct inode *lower)
{
	struct ov_inode *o;

	if (lower->over != NULL) {
		struct inode *i = inode_get(lower->over);
		inode_put(lower);
		return i;
	}
	o = ov_alloc(sb, lower->mode);
	if (o == NULL) {
		inode_put(lower);
		return NULL;
	}
	o->lower = lower;
	lower->over = &o->i;
	take_lower_attributes(o);
	o->i.ino = lower->ino;
	o->i.rdev = lower->rdev;
	o->i.nlink = lower->nlink;
	return &o->i;
}

static void meta_now(struct kstat *st)
{
	uint64_t now = clock_realtime_ns();

	st->mtime.sec = (int64_t)(now / NSEC_PER_SEC);
	st->mtime.nsec = (uint32_t)(now % NSEC_PER_SEC);
	st->ctime = (__typeof__(st->ctime)){st->mtime.sec, st->mtime.nsec};
}

struct inode *ov_new_dir(struct inode *parent, uint32_t mode)
{
	struct ov_inode *o = ov_alloc(parent->sb, mode);

	if (o == NULL)
		return NULL;
	inode_init_owner(&o->i, parent);
	o->i.ino = ++overlay_of(parent)->space->last_ino;
	o->i.nlink = 2;
	o->meta = kzalloc(sizeof(*o->meta));
	if (o->meta == NULL) {
		kfree(o);
		return NULL;
	}
	meta_now(o->meta);
	o->meta->atime = o->meta->btime = (__typeof__(o->meta->atime)){o->meta->mtime.sec, o->meta->mtime.nsec};
	return &o->i;
}

void ov_pin(struct ov_inode *o)
{
	if (!o->pinned && o->lower != NULL) {
		o->pinned = true;
		inode_get(&o->i);
	}
}

void ov_unpin(struct ov_inode *o)
{
	if (o->pinned) {
		o->pinned = false;
		inode_put(&o->i);
	}
}

void ov_evict(struct inode *i)
{
	struct ov_inode *o = ov_of(i);

	if (o->lower != NULL) {
		o->lower->over = NULL;
		inode_put(o->lower);
	}
	inode_put(o->upper);
	ov_dir_free(o);
	kfree(o->meta);
	inode_free(i);
}

static struct inode *data_of(struct ov_inode *o)
{
	struct inode *upper = __atomic_load_n(&o->upper, __ATOMIC_ACQUIRE); /* pairs with copy_up */

	return upper != NULL ? upper : o->lower;
}

/* What the overlay itself decides, whatever lies below. */
static void fill_own(const struct inode *i, struct kstat *st)
{
	st->dev = i->sb->dev;
	st->ino = i->ino;
	st->nlink = i->nlink;
	st->mode = i->mode;
	st->uid = i->uid;
	st->gid = i->gid;
}

int ov_getattr(struct inode *i, struct kstat *st)
{
	struct ov_inode *o = ov_of(i);
	struct inode *data = data_of(o);

	if (data != NULL) {
		int err = vfs_getattr(data, st);
		if (err != 0)
			return err;
		if (data == o->lower && o->meta == NULL)
			take_lower_attributes(o);
	} else {
		st->size = 4096; /* a folder made here */
	}
	fill_own(i, st);
	if (o->meta != NULL) {
		st->atime = o->meta->atime;
		st->mtime = o->meta->mtime;
		st->ctime = o->meta->ctime;
		st->btime = o->meta->btime;
	}
	return 0;
}

static bool is_as_lower(const struct inode *i, const struct kstat *lower)
{
	return i->mode == lower->mode && i->uid == lower->uid && i->gid == lower->gid;
}

/* Whoever has no times of his own. */
bool ov_getattr_quick(struct inode *i, struct kstat *st)
{
	struct ov_inode *o = ov_of(i);
	struct inode *data = data_of(o);

	if (data == NULL || READ_ONCE(o->meta) != NULL || !vfs_getattr_quick(data, st))
		return false;
	/* What changed below must be taken over. */
	if (data == o->lower && (!is_as_lower(i, st) || i->size != st->size))
		return false;
	fill_own(i, st);
	return true;
}

int ov_own_meta(struct ov_inode *o)
{
	struct kstat st;
	int err;

	if (o->meta != NULL || o->upper != NULL)
		return 0;
	err = ov_getattr(&o->i, &st);
	if (err != 0)
		return err;
	o->meta = kmalloc(sizeof(*o->meta));
	if (o->meta == NULL)
		return -ENOMEM;
	*o->meta = st;
	ov_pin(o);
	return 0;
}

void ov_touch_dir(struct inode *dir)
{
	if (ov_own_meta(ov_of(dir)) == 0)
		meta_now(ov_of(dir)->meta);
}

/* Copies bytes of the lower file into upper, which is empty. */
static int copy_contents(struct inode *lower, struct inode *upper, uint64_t bytes)
{
	struct file *from = file_alloc(inode_get(lower), FILE_READ | FILE_SEEKABLE, O_RDONLY | O_LARGEFILE);
	struct file *to = file_alloc(inode_get(upper), FILE_WRITE | FILE_SEEKABLE, O_WRONLY | O_LARGEFILE);
	char *buf = page_alloc(COPY_ORDER, 0);
	int err = from != NULL && to != NULL && buf != NULL ? 0 : -ENOMEM;

	if (from == NULL)
		inode_put(lower);
	if (to == NULL)
		inode_put(upper);
	if (err == 0) {
		to->ops = upper->file_ops;
		from->ops = lower->file_ops;
		if (lower->ops->open != NULL) {
			err = lower->ops->open(lower, from);
			if (err != 0)
				from->ops = NULL;
		}
	}
	for (uint64_t pos = 0; err == 0 && pos < bytes;) {
		ssize_t n = vfs_read_kernel(from, buf, MIN(PAGE_SIZE << COPY_ORDER, bytes - pos), (int64_t)pos);
		if (n <= 0) {
			err = (int)n;
			break;
		}
		struct uio_seg seg = {buf, (size_t)n};
		struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = (size_t)n, .kernel = true};
		ssize_t put = to->ops->write(to, &uio, (int64_t)pos);
		if (put != n)
			err = put < 0 ? (int)put : -ENOSPC;
		pos += (uint64_t)n;
	}
	if (buf != NULL)
		page_free(buf, COPY_ORDER);
	file_put(from);
	file_put(to);
	return err;
}

/* Makes upper, with the first max_bytes of the contents. */
static int copy_up(struct ov_inode *o, uint64_t max_bytes)
{
	struct overlay *ov = overlay_of(&o->i);
	struct inode *upper;
	struct kstat st;
	int err = 0;

	mutex_lock(&o->copy_lock);
	if (o->upper == NULL) {
		err = ov_getattr(&o->i, &st);
		upper = err == 0 ? ramfs_new_inode(ov->space, &ov->sb, NULL, o->i.mode, 0) : NULL;
		if (err == 0 && upper == NULL)
			err = -ENOSPC;
		if (err == 0)
			err = copy_contents(o->lower, upper, MIN(st.size, max_bytes));
		if (err == 0) {
			upper->uid = o->i.uid;
			upper->gid = o->i.gid;
			ramfs_set_times(upper, &st);
			__atomic_store_n(&o->upper, upper, __ATOMIC_RELEASE); /* pairs with data_of */
			kfree(o->meta);
			o->meta = NULL;
			ov_pin(o);
		} else {
			inode_put(upper);
		}
	}
	mutex_unlock(&o->copy_lock);
	return err;
}

static int set_upper(struct ov_inode *o, const struct kstat *st, unsigned which)
{
	int err;

	mutex_lock(&o->upper->lock);
	err = o->upper->ops->setattr(o->upper, st, which);
	mutex_unlock(&o->upper->lock);
	if (err == 0 && (which & ATTR_SIZE)) {
		vmspace_file_truncated(o->upper, st->size);
		o->i.size = st->size;
	}
	return err;
}

int ov_setattr(struct inode *i, const struct kstat *st, unsigned which)
{
	struct ov_inode *o = ov_of(i);
	int err = 0;

	if ((which & ATTR_SIZE) && !S_ISREG(i->mode))
		return -EINVAL;
	if (which & ATTR_SIZE)
		err = copy_up(o, st->size);
	if (err == 0)
		err = o->upper != NULL ? set_upper(o, st, which) : ov_own_meta(o);
	if (err != 0)
		return err;
	if (which & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (st->mode & 07777);
	if (which & ATTR_UID)
		i->uid = st->uid;
	if (which & ATTR_GID)
		i->gid = st->gid;
	if (o->meta != NULL) {
		if (which & ATTR_ATIME)
			o->meta->atime = st->atime;
		if (which & ATTR_MTIME)
			o->meta->mtime = st->mtime;
		if (which & ATTR_CTIME)
			o->meta->ctime = st->ctime;
	}
	return 0;
}

static int file_open(struct inode *i, struct file *f)
{
	struct ov_inode *o = ov_of(i);
	struct inode *data;
	int err;

	if (!S_ISREG(i->mode))
		return -ENXIO; /* a device node of the host */
	if (f->mode & FILE_WRITE) {
		err = copy_up(o, f->flags & O_TRUNC ? 0 : UINT64_MAX);
		if (err != 0)
			return err;
	}
	data = data_of(o);
	inode_put(f->inode);
	f->inode = inode_get(data);
	if (data->ops->open != NULL)
		return data->ops->open(data, f);
	f->ops = data->file_ops;
	return f->ops != NULL ? 0 : -ENXIO;
}

static int symlink_readlink(struct inode *i, char *buf, size_t size)
{
	struct inode *lower = ov_of(i)->lower;

	return lower->ops->readlink(lower, buf, size);
}

int ov_statfs(struct inode *i, void *out)
{
	struct ramfs_space *s = overlay_of(i)->space;
	struct inode *low = overlay_of(i)->lower->root;
	struct statfs *st = out, below = {0};

	/* Used is what both layers hold, free is what memory can still take. */
	if (low->ops->statfs == NULL || low->ops->statfs(low, &below) != 0 || below.f_blocks < below.f_bfree)
		below.f_blocks = below.f_bfree = 0;
	st->f_type = OVERLAYFS_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = PAGE_SIZE;
	st->f_bfree = st->f_bavail = s->max_pages - MIN(s->max_pages, s->used_pages);
	st->f_blocks = s->max_pages + (below.f_blocks - below.f_bfree) * (uint64_t)below.f_frsize / PAGE_SIZE;
	st->f_files = page_nr_total();
	st->f_ffree = page_nr_free();
	st->f_namelen = 255;
	return 0;
}

const struct inode_ops ov_file_ops = {
	.open_unlocked = true,
	.getattr = ov_getattr,
	.getattr_quick = ov_getattr_quick,
	.setattr = ov_setattr,
	.open = file_open,
	.statfs = ov_statfs,
	.evict = ov_evict,
};

const struct inode_ops ov_symlink_ops = {
	.readlink = symlink_readlink,
	.getattr = ov_getattr,
	.getattr_quick = ov_getattr_quick,
	.setattr = ov_setattr,
	.statfs = ov_statfs,
	.evict = ov_evict,
};

struct superblock *overlay_create(struct superblock *lower)
{
	struct overlay *ov = kzalloc(sizeof(*ov));

	if (ov == NULL)
		return NULL;
	ov->space = ramfs_space_create(0, FIRST_INO);
	ov->lower = lower;
	ov->sb.type = "overlay";
	ov->sb.dev = vfs_new_dev();
	ov->sb.dcache_negative = lower->dcache_negative;
	ov->sb.dcache_stable = lower->dcache_stable;
	ov->sb.dcache_ttl_ns = lower->dcache_ttl_ns;
	if (ov->space != NULL)
		ov->sb.root = ov_for_lower(&ov->sb, inode_get(lower->root));
	if (ov->sb.root != NULL)
		return &ov->sb;
	if (ov->space != NULL)
		ramfs_space_put(ov->space);
	kfree(ov);
	return NULL;
}
