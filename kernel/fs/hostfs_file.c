/* SPDX-License-Identifier: MIT */
/*
 * hostfs_file.c - open regular files of a share. An OPEN travels with the READ of the file's beginning and, where the
 * host may change it, with its attributes: one round trip for all. None of it needs the kernel lock.
 */
#include <errno.h>
#include <linux/fcntl.h>

#include "abi/hostfs.h"
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"

/* Files up to this are read whole when they are opened; of larger ones the head, which tells loaders what the file is.
 */
#define SMALL_BYTES 65536u
#define HEAD_BYTES  4096u

struct hostfs_file {
	uint64_t fh;
	struct hostfs_ahead *ahead; /* NULL: not readable, or no memory */
	struct mutex ahead_lock;    /* tried, never waited for: a fault may read the file while its reader faults */
};

static struct hostfs_file *file_priv(struct file *f)
{
	return f->priv;
}

static void release_done(struct fsq_call *c);

struct release_call {
	struct fsq_call call;
	struct fuse_release_in arg;
};

static void release_done(struct fsq_call *c)
{
	kfree(container_of(c, struct release_call, call));
}

void hostfs_release_handle(uint32_t opcode, uint64_t fh)
{
	struct release_call *r = kmalloc(sizeof(*r));
	struct release_call here;
	bool wait = r == NULL;

	if (wait)
		r = &here;
	r->arg = (struct fuse_release_in){.fh = fh};
	fsq_begin(&r->call, opcode, 0);
	fsq_in(&r->call, &r->arg, sizeof(r->arg));
	fsq_out_header(&r->call);
	r->call.done = wait ? NULL : release_done;
	fsq_submit(&r->call);
	/* The server learns of it with the next request, unless this thread has to wait. */
	if (wait)
		(void)!fsq_wait(&r->call);
}

static ssize_t read(struct file *f, struct uio *uio, int64_t pos)
{
	struct hostfs_inode *h = hostfs_of(f->inode);
	struct hostfs_file *p = file_priv(f);
	ssize_t done = 0, n = 0;
	bool eof = false;

	if (p->ahead != NULL && mutex_trylock(&p->ahead_lock)) {
		while (uio->resid > 0 && !eof) {
			n = hostfs_ahead_read(p->ahead, h, p->fh, uio, pos + done, &eof);
			if (n <= 0)
				break;
			done += n;
		}
		mutex_unlock(&p->ahead_lock);
	}
	if (n >= 0 && !eof && uio->resid > 0) {
		n = hostfs_read_direct(p->fh, uio, pos + done);
		if (n > 0)
			done += n;
	}
	return done > 0 ? done : n;
}

static ssize_t write(struct file *f, struct uio *uio, int64_t pos)
{
	struct hostfs_inode *h = hostfs_of(f->inode);
	unsigned flags = f->flags & (O_APPEND | O_SYNC | O_DSYNC);
	ssize_t n;

	hostfs_data_changed(h);
	n = hostfs_write_direct(file_priv(f)->fh, uio, pos, flags);
	hostfs_data_changed(h); /* what was read ahead meanwhile may be half of it */
	if (n > 0) {
		hostfs_inode_grow(h, uio->append_end != 0 ? uio->append_end : (uint64_t)(pos + n));
		/* The host knows the times. */
		hostfs_inode_expire(h);
	}
	return n;
}

static int64_t seek(struct file *f, int64_t off, int whence)
{
	struct fuse_lseek_in a = {.fh = file_priv(f)->fh, .offset = (uint64_t)off, .whence = (uint32_t)whence};
	struct fuse_lseek_out reply;
	struct fsq_call c;
	int err;

	fsq_begin(&c, FUSE_LSEEK, hostfs_of(f->inode)->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	err = fsq_call(&c);
	return err != 0 ? err : (int64_t)reply.offset;
}

static int map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	return hostfs_map(hostfs_of(f->inode), file_priv(f)->fh, pgoff, nr, write, run);
}

static int fsync(struct file *f, bool data_only)
{
	struct fuse_fsync_in a = {.fh = file_priv(f)->fh, .fsync_flags = data_only ? FUSE_FSYNC_FDATASYNC : 0};
	struct fsq_call c;

	fsq_begin(&c, FUSE_FSYNC, hostfs_of(f->inode)->node);
	fsq_in(&c, &a, sizeof(a));
	return fsq_call(&c);
}

static int fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct hostfs_inode *h = hostfs_of(f->inode);
	struct fuse_fallocate_in a = {
		.fh = file_priv(f)->fh, .offset = (uint64_t)off, .length = (uint64_t)len, .mode = (uint32_t)mode};
	struct fsq_call c;
	int err;

	hostfs_data_changed(h);
	fsq_begin(&c, FUSE_FALLOCATE, h->node);
	fsq_in(&c, &a, sizeof(a));
	err = fsq_call(&c);
	hostfs_data_changed(h);
	hostfs_inode_expire(h);
	return err;
}

static bool is_for_reading(const struct file *f)
{
	return (f->flags & (O_ACCMODE | O_TRUNC | O_DIRECT)) == O_RDONLY && (f->mode & FILE_READ);
}

static void release(struct file *f)
{
	struct hostfs_file *p = file_priv(f);

	if (!is_for_reading(f) || p->ahead == NULL || !hostfs_kept_put(hostfs_of(f->inode), p->fh, p->ahead)) {
		hostfs_ahead_destroy(p->ahead);
		hostfs_release_handle(FUSE_RELEASE, p->fh);
	}
	kfree(p);
}

static const struct file_ops hostfs_file_ops = {
	.own_lock = true,
	.own_release = true,
	.read = read,
	.write = write,
	.seek = seek,
	.map = map,
	.map_is_costly = true,
	.fsync = fsync,
	.fallocate = fallocate,
	.release = release,
};

/* How much of the file comes with the OPEN. One byte more than a small file has, so that its end is known too. */
static uint32_t first_bytes(const struct file *f, const struct hostfs_inode *h)
{
	if (!(f->mode & FILE_READ) || (f->flags & (O_TRUNC | O_DIRECT)) || h->i.size == 0 || h->written_by_mapping)
		return 0;
	return h->i.size < SMALL_BYTES ? (uint32_t)h->i.size + 1 : HEAD_BYTES;
}

/* Attributes of what was just opened, in flight. */
struct attr_call {
	struct fsq_call call;
	struct fuse_getattr_in arg;
	struct fuse_attr_out reply;
};

static void prepare_attr(struct attr_call *c, struct hostfs_inode *h)
{
	c->arg = (struct fuse_getattr_in){.getattr_flags = FUSE_GETATTR_FH, .fh = CAY_HOSTFS_FH_LAST};
	fsq_begin(&c->call, FUSE_GETATTR, h->node);
	fsq_in(&c->call, &c->arg, sizeof(c->arg));
	fsq_out(&c->call, &c->reply, sizeof(c->reply));
}

/* OPEN, with what travels along. Sets p->fh. */
static int ask_open(struct hostfs_inode *h, struct file *f, struct hostfs_file *p)
{
	struct fuse_open_in a = {.flags = f->flags & O_ACCMODE};
	bool want_attr = !h->i.sb->dcache_stable;
	uint32_t first = first_bytes(f, h);
	struct fuse_open_out reply;
	struct fsq_call c, *read = NULL;
	struct attr_call attr;
	int err;

	fsq_begin(&c, FUSE_OPEN, h->node);
	fsq_in(&c, &a, sizeof(a));
	fsq_out(&c, &reply, sizeof(reply));
	if (want_attr)
		prepare_attr(&attr, h);
	if (f->mode & FILE_READ)
		p->ahead = hostfs_ahead_create(h, first, &read);
	fsq_submit_chain((struct fsq_call *const[]){&c, want_attr ? &attr.call : NULL, read}, 3);
	err = fsq_wait(&c);
	if (want_attr && fsq_wait(&attr.call) == 0)
		hostfs_inode_set_attr(h, &attr.reply.attr, attr.reply.attr_valid, attr.reply.attr_valid_nsec);
	p->fh = reply.fh;
	return err;
}

/* The handle that came with the file's creation. */
static bool take_spare(struct hostfs_inode *h, uint64_t *fh)
{
	bool there;

	if (likely(!READ_ONCE(h->has_spare_fh)))
		return false;
	spin_lock(&h->lock);
	there = h->has_spare_fh;
	h->has_spare_fh = false;
	*fh = h->spare_fh;
	spin_unlock(&h->lock);
	return there;
}

int hostfs_open_file(struct inode *i, struct file *f)
{
	struct hostfs_inode *h = hostfs_of(i);
	struct hostfs_file *p = kzalloc(sizeof(*p));
	struct fsq_call *none;
	int err = 0;

	if (p == NULL)
		return -ENOMEM;
	mutex_init(&p->ahead_lock);
	if (take_spare(h, &p->fh)) {
		if (f->mode & FILE_READ)
			p->ahead = hostfs_ahead_create(h, 0, &none);
	} else if (!is_for_reading(f) || !hostfs_kept_take(h, &p->fh, &p->ahead)) {
		err = ask_open(h, f, p);
	}
	if (err != 0) {
		hostfs_ahead_destroy(p->ahead);
		kfree(p);
		return err == -ESTALE ? -ENOENT : err;
	}
	f->priv = p;
	f->ops = &hostfs_file_ops;
	return 0;
}
