/* SPDX-License-Identifier: MIT */
/* op_rw.c - reading and writing files: plain, vectored, with registered buffers; and doing nothing. */
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <poll.h>

#include "kernel/fs/rw.h"
#include "kernel/uring/uring_priv.h"

static int nop_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	(void)r;
	return sqe->rw_flags != 0 ? -EINVAL : 0;
}

static int nop_issue(struct uring_req *r, bool nowait)
{
	(void)r;
	(void)nowait;
	return 0;
}

const struct uring_op uring_op_nop = {.prepare = nop_prepare, .issue = nop_issue};

static int rw_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	r->rw.addr = sqe->addr;
	r->rw.len = sqe->len;
	r->rw.pos = (int64_t)sqe->off;
	r->rw.rwf = (uint32_t)sqe->rw_flags;
	r->rw.vectored = false;
	return 0;
}

static int fixed_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (!fixed_buffer_covers(r->ring, sqe->buf_index, sqe->addr, sqe->len))
		return -EFAULT;
	return rw_prepare(r, sqe);
}

static int vectored_prepare(struct uring_req *r, const struct io_uring_sqe *sqe, bool read)
{
	int err = rw_prepare(r, sqe);

	if (sqe->flags & IOSQE_BUFFER_SELECT)
		return -EINVAL;
	r->rw.vectored = true;
	return err != 0 ? err : iovec_from_user(&r->rw.iov, (const void *)sqe->addr, sqe->len, read);
}

static int readv_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	return vectored_prepare(r, sqe, true);
}

static int writev_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	return vectored_prepare(r, sqe, false);
}

static void vectored_cleanup(struct uring_req *r)
{
	iovec_free(&r->rw.iov);
}

static ssize_t transfer(struct uring_req *r, struct uio *uio)
{
	struct file *f = r->file;
	bool at_pos = r->rw.pos != -1 && (f->mode & FILE_SEEKABLE);

	if (at_pos && r->rw.pos < 0)
		return -EINVAL;
	if (uio->to_user)
		return at_pos ? vfs_pread(f, uio, r->rw.pos) : vfs_read(f, uio);
	ssize_t n = at_pos ? vfs_pwrite(f, uio, r->rw.pos) : vfs_write(f, uio);
	bool sync = (f->flags & O_SYNC) == O_SYNC || (r->rw.rwf & RWF_SYNC);
	if (n > 0 && f->ops->fsync != NULL && (sync || (f->flags & O_DSYNC) || (r->rw.rwf & RWF_DSYNC))) {
		int err = f->ops->fsync(f, !sync);
		n = err != 0 ? err : n;
	}
	return n;
}

/* A file that cannot be polled is one on a disk: it makes its reader wait for a bounded time, which is not waiting. */
static int rw_issue(struct uring_req *r, bool nowait, bool read)
{
	struct uio_seg seg = {(void *)r->rw.addr, r->rw.len};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = MIN(r->rw.len, RW_MAX_BYTES)};
	ssize_t n;

	if (r->rw.rwf & ~(uint32_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT))
		return -EOPNOTSUPP;
	if (r->flags & IOSQE_BUFFER_SELECT) {
		uint32_t len = r->rw.len;
		int err = group_take(r, &len);
		if (err != 0)
			return err;
		seg = (struct uio_seg){(void *)r->buffer.addr, len};
		uio.resid = MIN(len, RW_MAX_BYTES);
	} else if (r->rw.vectored) {
		uio = r->rw.iov.uio;
	}
	uio.to_user = read;
	uio.nowait = nowait || (r->rw.rwf & RWF_NOWAIT);
	size_t want = uio.resid;
	n = transfer(r, &uio);
	r->failed = n != (ssize_t)want;
	/* O_NONBLOCK is not asked: a request is not a call that somebody waits in. */
	if (n == -EAGAIN && (r->rw.rwf & RWF_NOWAIT))
		r->no_wait = true;
	return (int)n;
}

static int read_issue(struct uring_req *r, bool nowait)
{
	return rw_issue(r, nowait, true);
}

static int write_issue(struct uring_req *r, bool nowait)
{
	return rw_issue(r, nowait, false);
}

const struct uring_op uring_op_read = {.needs_file = true,
				       .selects_buffer = true,
				       .poll_in = POLLIN | POLLRDNORM,
				       .prepare = rw_prepare,
				       .issue = read_issue};
const struct uring_op uring_op_write = {
	.needs_file = true, .poll_in = POLLOUT | POLLWRNORM, .prepare = rw_prepare, .issue = write_issue};
const struct uring_op uring_op_read_fixed = {
	.needs_file = true, .poll_in = POLLIN | POLLRDNORM, .prepare = fixed_prepare, .issue = read_issue};
const struct uring_op uring_op_write_fixed = {
	.needs_file = true, .poll_in = POLLOUT | POLLWRNORM, .prepare = fixed_prepare, .issue = write_issue};
const struct uring_op uring_op_readv = {.needs_file = true,
					.poll_in = POLLIN | POLLRDNORM,
					.prepare = readv_prepare,
					.issue = read_issue,
					.cleanup = vectored_cleanup};
const struct uring_op uring_op_writev = {.needs_file = true,
					 .poll_in = POLLOUT | POLLWRNORM,
					 .prepare = writev_prepare,
					 .issue = write_issue,
					 .cleanup = vectored_cleanup};
