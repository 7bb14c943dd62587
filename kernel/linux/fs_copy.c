/* SPDX-License-Identifier: MIT */
/* fs_copy.c - sendfile, copy_file_range, splice: bytes from file to file through a kernel buffer. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "kernel/fs/rw.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"

#define BUFFER_ORDER 4
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)

/* One end of a copy. pos < 0: the file's own position, or none (pipes). */
struct end {
	struct file *f;
	int64_t pos;
	int64_t *user_pos; /* where the advanced position goes, or NULL */
};

static ssize_t move(struct end *e, char *buf, size_t bytes, bool read)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = read, .kernel = true};
	ssize_t n;

	if (e->pos < 0)
		return read ? vfs_read(e->f, &uio) : vfs_write(e->f, &uio);
	n = read ? vfs_pread(e->f, &uio, e->pos) : vfs_pwrite(e->f, &uio, e->pos);
	if (n > 0)
		e->pos += n;
	return n;
}

/* What was read and could not be written goes back: only an input that can seek is exact then. */
static void unread(struct end *in, size_t bytes)
{
	if (bytes == 0)
		return;
	if (in->pos >= 0)
		in->pos -= (int64_t)bytes;
	else if (in->f->mode & FILE_SEEKABLE)
		(void)!vfs_seek(in->f, -(int64_t)bytes, SEEK_CUR);
}

static ssize_t write_all(struct end *out, char *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = move(out, buf + done, bytes - done, false);
		if (n <= 0)
			return done > 0 ? (ssize_t)done : n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* once: one buffer full at most, for inputs that block when they are empty. */
static ssize_t copy(struct end *in, struct end *out, size_t bytes, bool once)
{
	char *buf = page_alloc(BUFFER_ORDER, 0);
	size_t done = 0;
	ssize_t err = 0;

	if (buf == NULL)
		return -ENOMEM;
	bytes = MIN(bytes, RW_MAX_BYTES);
	while (done < bytes) {
		ssize_t got = move(in, buf, MIN(bytes - done, BUFFER_BYTES), true);
		ssize_t put;
		if (got <= 0) {
			err = got;
			break;
		}
		put = write_all(out, buf, (size_t)got);
		if (put > 0)
			done += (size_t)put;
		if (put < got) {
			unread(in, (size_t)(got - MAX(put, 0)));
			err = MIN(put, 0);
			break;
		}
		if (once)
			break;
	}
	page_free(buf, BUFFER_ORDER);
	return done > 0 ? (ssize_t)done : err;
}

static int end_open(struct end *e, int fd, int64_t *user_pos)
{
	e->f = fd_get(fd);
	e->pos = -1;
	e->user_pos = user_pos;
	if (e->f == NULL)
		return -EBADF;
	if (user_pos == NULL)
		return 0;
	if (!(e->f->mode & FILE_SEEKABLE))
		return -ESPIPE;
	if (get_user_u64((uint64_t *)&e->pos, user_pos) != 0)
		return -EFAULT;
	return e->pos < 0 ? -EINVAL : 0;
}

static ssize_t end_close(struct end *e, ssize_t result)
{
	if (e->f == NULL)
		return result;
	file_put(e->f);
	if (result > 0 && e->user_pos != NULL && put_user_u64(e->user_pos, (uint64_t)e->pos) != 0)
		return -EFAULT;
	return result;
}

long sys_sendfile(int out_fd, int in_fd, int64_t *offset, size_t bytes)
{
	struct end in = {0}, out = {0};
	ssize_t n = end_open(&in, in_fd, offset);

	if (n == 0)
		n = end_open(&out, out_fd, NULL);
	if (n == 0 && (!(in.f->mode & FILE_READ) || !(out.f->mode & FILE_WRITE)))
		n = -EBADF;
	if (n == 0 && (!(in.f->mode & FILE_SEEKABLE) || (out.f->flags & O_APPEND)))
		n = -EINVAL;
	if (n == 0)
		n = copy(&in, &out, bytes, false);
	return end_close(&out, end_close(&in, n));
}

long sys_copy_file_range(int in_fd, int64_t *in_off, int out_fd, int64_t *out_off, size_t bytes, unsigned flags)
{
	struct end in = {0}, out = {0};
	ssize_t n = end_open(&in, in_fd, in_off);

	if (n == 0)
		n = end_open(&out, out_fd, out_off);
	if (n == 0 && flags != 0)
		n = -EINVAL;
	if (n == 0 && (!(in.f->mode & FILE_READ) || !(out.f->mode & FILE_WRITE) || (out.f->flags & O_APPEND)))
		n = -EBADF;
	if (n == 0 && (S_ISDIR(file_inode(in.f)->mode) || S_ISDIR(file_inode(out.f)->mode)))
		n = -EISDIR;
	if (n == 0 && (!S_ISREG(file_inode(in.f)->mode) || !S_ISREG(file_inode(out.f)->mode)))
		n = -EINVAL;
	if (n == 0 && file_inode(in.f) == file_inode(out.f)) {
		int64_t from = in.pos >= 0 ? in.pos : in.f->pos, to = out.pos >= 0 ? out.pos : out.f->pos;
		if (from < to + (int64_t)MIN(bytes, RW_MAX_BYTES) && to < from + (int64_t)MIN(bytes, RW_MAX_BYTES))
			n = -EINVAL;
	}
	if (n == 0)
		n = copy(&in, &out, bytes, false);
	return end_close(&out, end_close(&in, n));
}

static ssize_t splice(struct end *in, struct end *out, size_t bytes)
{
	if (!(in->f->mode & FILE_READ) || !(out->f->mode & FILE_WRITE))
		return -EBADF;
	if ((!S_ISFIFO(file_inode(in->f)->mode) && !S_ISFIFO(file_inode(out->f)->mode)) || (out->f->flags & O_APPEND))
		return -EINVAL;
	return copy(in, out, bytes, true);
}

long sys_splice(int in_fd, int64_t *in_off, int out_fd, int64_t *out_off, size_t bytes, unsigned flags)
{
	struct end in = {0}, out = {0};
	ssize_t n = end_open(&in, in_fd, in_off);

	(void)flags; /* all are hints but SPLICE_F_NONBLOCK, which O_NONBLOCK of the ends decides here */
	if (n == 0)
		n = end_open(&out, out_fd, out_off);
	if (n == 0)
		n = splice(&in, &out, bytes);
	return end_close(&out, end_close(&in, n));
}

static int end_open_at(struct end *e, int fd, int64_t pos)
{
	int err = end_open(e, fd, NULL);

	if (err != 0 || pos == -1)
		return err;
	e->pos = pos;
	if (!(e->f->mode & FILE_SEEKABLE))
		return -ESPIPE;
	return pos < 0 ? -EINVAL : 0;
}

long splice_at(int in_fd, int64_t in_off, int out_fd, int64_t out_off, size_t bytes, unsigned flags)
{
	struct end in = {0}, out = {0};
	ssize_t n = end_open_at(&in, in_fd, in_off);

	(void)flags;
	if (n == 0)
		n = end_open_at(&out, out_fd, out_off);
	if (n == 0)
		n = splice(&in, &out, bytes);
	return end_close(&out, end_close(&in, n));
}
