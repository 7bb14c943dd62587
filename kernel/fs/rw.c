/* SPDX-License-Identifier: MIT */
/* rw.c - see rw.h. The position lock is held over a transfer at the shared position, as POSIX wants for regular files.
 */
#include <asm/resource.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/async.h"
#include "kernel/fs/attr.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/rw.h"
#include "kernel/fs/vfs.h"
#include "kernel/sched/thread.h"

static ssize_t check_read(struct file *f)
{
	if (!(f->mode & FILE_READ))
		return -EBADF;
	if (f->ops->read != NULL)
		return 0;
	return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
}

static ssize_t check_write(struct file *f)
{
	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	return f->ops->write != NULL ? 0 : -EINVAL;
}

/* A regular file may not grow beyond RLIMIT_FSIZE, nor its offsets beyond 63 bits. May shorten the transfer. */
static ssize_t limit_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct process *p = process_current();
	uint64_t max = INT64_MAX;

	if (!S_ISREG(f->inode->mode))
		return 0;
	if (p != NULL && p->rlimit[RLIMIT_FSIZE].cur < max)
		max = p->rlimit[RLIMIT_FSIZE].cur;
	if ((uint64_t)pos >= max && uio->resid > 0)
		return -EFBIG;
	uio->resid = MIN(uio->resid, max - (uint64_t)pos);
	return 0;
}

static ssize_t note_read(const struct file *f, ssize_t n)
{
	struct io_counts *c = &thread_current()->io;

	c->reads++;
	if (n > 0) {
		c->read_bytes += (uint64_t)n;
		notify_file(f, IN_ACCESS);
	}
	return n;
}

static ssize_t note_write(const struct file *f, ssize_t n)
{
	struct io_counts *c = &thread_current()->io;

	c->writes++;
	if (n > 0) {
		c->written_bytes += (uint64_t)n;
		notify_file(f, IN_MODIFY);
	}
	return n;
}

static ssize_t write_at(struct file *f, struct uio *uio, int64_t pos)
{
	ssize_t n = limit_write(f, uio, pos);

	if (n == 0)
		n = f->ops->write(f, uio, pos);
	if (n > 0)
		inode_drop_privilege_bits(file_inode(f));
	return note_write(f, n);
}

ssize_t vfs_read(struct file *f, struct uio *uio)
{
	ssize_t n = check_read(f);

	if (n != 0)
		return n;
	if (!(f->mode & FILE_SEEKABLE))
		return note_read(f, f->ops->read(f, uio, 0));
	mutex_lock(&f->pos_lock);
	n = f->ops->read(f, uio, f->pos);
	if (n > 0)
		f->pos += n;
	mutex_unlock(&f->pos_lock);
	return note_read(f, n);
}

ssize_t vfs_write(struct file *f, struct uio *uio)
{
	ssize_t n = check_write(f);
	int64_t pos;

	if (n != 0)
		return n;
	if (!(f->mode & FILE_SEEKABLE)) {
		n = f->ops->write(f, uio, 0);
		async_wrote(f, n >= 0 && uio->resid == 0);
		return note_write(f, n);
	}
	mutex_lock(&f->pos_lock);
	pos = (f->flags & O_APPEND) ? (int64_t)f->inode->size : f->pos;
	n = write_at(f, uio, pos);
	if (n > 0)
		f->pos = uio->append_end != 0 ? (int64_t)uio->append_end : pos + n;
	mutex_unlock(&f->pos_lock);
	return n;
}

ssize_t vfs_pread(struct file *f, struct uio *uio, int64_t pos)
{
	ssize_t n = f->mode & FILE_SEEKABLE ? check_read(f) : -ESPIPE;

	return n != 0 ? n : note_read(f, f->ops->read(f, uio, pos));
}

ssize_t vfs_pwrite(struct file *f, struct uio *uio, int64_t pos)
{
	ssize_t n = f->mode & FILE_SEEKABLE ? check_write(f) : -ESPIPE;

	return n != 0 ? n : write_at(f, uio, pos);
}

ssize_t vfs_read_kernel(struct file *f, void *buf, size_t bytes, int64_t pos)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = true, .kernel = true};

	if (f->ops->read == NULL)
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	return f->ops->read(f, &uio, pos);
}

/* The whole file is data, with a hole at its end: for file systems that do not know better. */
static int64_t seek_data_hole(int64_t off, int whence, int64_t size)
{
	if (off < 0 || off >= size)
		return -ENXIO;
	return whence == SEEK_DATA ? off : size;
}

static int64_t seek_locked(struct file *f, int64_t off, int whence)
{
	int64_t size = (int64_t)f->inode->size;
	int64_t base = 0, to;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		/* Folders have no size to seek from that means anything to readdir; files of unstable systems ask anew.
		 */
		if (!f->inode->sb->dcache_stable) {
			struct kstat st;
			int err = vfs_getattr(f->inode, &st);
			if (err != 0)
				return err;
			size = (int64_t)st.size;
		}
		base = size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		to = f->ops->seek != NULL ? f->ops->seek(f, off, whence) : seek_data_hole(off, whence, size);
		if (to >= 0)
			f->pos = to;
		return to;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &to))
		return -EOVERFLOW;
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

int64_t vfs_seek(struct file *f, int64_t off, int whence)
{
	int64_t to;

	if (!(f->mode & FILE_SEEKABLE)) /* devices may still define what seeking means */
		return f->ops->seek != NULL ? f->ops->seek(f, off, whence) : -ESPIPE;
	mutex_lock(&f->pos_lock);
	to = seek_locked(f, off, whence);
	mutex_unlock(&f->pos_lock);
	return to;
}
