/* SPDX-License-Identifier: MIT */
/* pipe_splice.c - tee(2) and vmsplice(2). Bytes are copied: pages of a pipe are never shared with the program. */
#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>

#include "kernel/fs/pipe_priv.h"
#include "kernel/fs/rw.h"
#include "kernel/linux/iovec.h"
#include "kernel/linux/sys.h"

#define SPLICE_FLAGS      0xfu /* SPLICE_F_MOVE, NONBLOCK, MORE, GIFT */
#define SPLICE_F_NONBLOCK 2u

/* Until there is something to copy: 1 at the end of the input, 0, or -errno. */
static int wait_for_input(struct pipe *in, bool nonblock)
{
	while (pipe_ring_used(&in->ring) == 0) {
		if (in->nr_writers == 0)
			return 1;
		if (nonblock)
			return -EAGAIN;
		if (wait_event_interruptible(&in->rd_wq,
					     pipe_ring_used(&in->ring) > 0 || READ_ONCE(in->nr_writers) == 0) != 0)
			return -ERESTARTSYS;
	}
	return 0;
}

static int wait_for_output(struct pipe *out, bool nonblock)
{
	while (out->nr_readers > 0 && pipe_ring_room(&out->ring) == 0) {
		if (nonblock)
			return -EAGAIN;
		if (wait_event_interruptible(&out->wr_wq,
					     pipe_ring_room(&out->ring) > 0 || READ_ONCE(out->nr_readers) == 0) != 0)
			return -ERESTARTSYS;
	}
	return out->nr_readers > 0 ? 0 : -EPIPE;
}

static long do_tee(struct pipe *in, struct pipe *out, size_t bytes, bool nonblock)
{
	ssize_t n = 0;

	while (n == 0) {
		int state = wait_for_input(in, nonblock);
		if (state == 0)
			state = wait_for_output(out, nonblock);
		if (state != 0)
			return state > 0 ? 0 : state == -EPIPE ? pipe_broken() : state;
		/* Two locks, by address; the other order cannot be taken by a tee the other way round. */
		mutex_lock(in < out ? &in->lock : &out->lock);
		mutex_lock(in < out ? &out->lock : &in->lock);
		n = pipe_ring_copy(&out->ring, &in->ring, 0, bytes);
		mutex_unlock(&in->lock);
		mutex_unlock(&out->lock);
	}
	if (n > 0)
		waitq_wake(&out->rd_wq, POLLIN | POLLRDNORM);
	return n;
}

long sys_tee(int in_fd, int out_fd, size_t bytes, unsigned flags)
{
	struct file *in, *out;
	long result = -EBADF;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (bytes == 0)
		return 0;
	in = fd_get(in_fd);
	out = fd_get(out_fd);
	if (in != NULL && out != NULL && (in->mode & FILE_READ) && (out->mode & FILE_WRITE)) {
		struct pipe *from = pipe_of(in), *to = pipe_of(out);
		bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK);
		result = from == NULL || to == NULL || from == to ? -EINVAL : do_tee(from, to, bytes, nonblock);
	}
	file_put(in);
	file_put(out);
	return result;
}

long sys_vmsplice(int fd, const void *iov_user, unsigned long nr, unsigned flags)
{
	struct iovec_copy iov;
	struct file *f;
	long n;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	f = fd_get(fd);
	if (f == NULL || pipe_of(f) == NULL) {
		file_put(f);
		return -EBADF;
	}
	bool reads = f->mode & FILE_READ;
	n = iovec_from_user(&iov, iov_user, nr, reads);
	if (n == 0) {
		n = reads ? vfs_read(f, &iov.uio) : vfs_write(f, &iov.uio);
		iovec_free(&iov);
	}
	file_put(f);
	return n;
}
