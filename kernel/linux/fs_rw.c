/* SPDX-License-Identifier: MIT */
/*
 * fs_rw.c - read, write and their vectored and positioned forms; lseek. They run without the kernel lock, and take it
 * for files that have no lock of their own (file_enter).
 */
#include <asm/resource.h>
#include <errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/uio.h>

#include "kernel/fs/rw.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/fs_calls.h"
#include "kernel/linux/iovec.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

_Static_assert(sizeof(struct iovec) == sizeof(struct uio_seg), "an iovec is used as a segment");

int iovec_from_user(struct iovec_copy *c, const void *user, unsigned long nr, bool to_user)
{
	uint64_t total = 0;

	c->segs = c->inline_segs;
	if (nr > UIO_MAXIOV)
		return -EINVAL;
	if (nr > ARRAY_SIZE(c->inline_segs)) {
		c->segs = kmalloc(nr * sizeof(*c->segs));
		if (c->segs == NULL)
			return -ENOMEM;
	}
	if (nr > 0 && copy_from_user(c->segs, user, nr * sizeof(*c->segs)) != 0) {
		iovec_free(c);
		return -EFAULT;
	}
	for (unsigned long n = 0; n < nr; n++) {
		if (c->segs[n].bytes > INT64_MAX - total) {
			iovec_free(c);
			return -EINVAL;
		}
		total += c->segs[n].bytes;
	}
	c->uio = (struct uio){
		.segs = c->segs, .nr_segs = (unsigned)nr, .resid = MIN(total, RW_MAX_BYTES), .to_user = to_user};
	return 0;
}

void iovec_free(struct iovec_copy *c)
{
	if (c->segs != c->inline_segs)
		kfree(c->segs);
}

/* O_SYNC, O_DSYNC, RWF_SYNC, RWF_DSYNC: the write is done when it is stored. */
static ssize_t sync_after_write(struct file *f, ssize_t n, bool sync, bool data_only)
{
	int err = 0;

	if (n > 0 && (sync || data_only) && f->ops->fsync != NULL)
		err = f->ops->fsync(f, !sync);
	return err != 0 ? err : n;
}

/* The file would grow beyond RLIMIT_FSIZE, or beyond what any file may have: only the former is a signal's business. */
static void too_big(void)
{
	siginfo_t info = {.si_signo = SIGXFSZ, .si_code = SI_KERNEL};
	bool entered;

	if (process_current()->rlimit[RLIMIT_FSIZE].cur >= INT64_MAX)
		return;
	entered = kernel_enter();
	signal_send_thread(thread_current(), &info);
	file_leave(entered);
}

/* pos < 0: at the file's position. */
static ssize_t transfer(struct file *f, struct uio *uio, int64_t pos)
{
	if (uio->to_user)
		return pos < 0 ? vfs_read(f, uio) : vfs_pread(f, uio, pos);

	ssize_t n = pos < 0 ? vfs_write(f, uio) : vfs_pwrite(f, uio, pos);
	if (unlikely(n == -EFBIG))
		too_big();
	if (unlikely(f->flags & O_SYNC))
		n = sync_after_write(f, n, (f->flags & O_SYNC) == O_SYNC, true);
	return n;
}

static long one_buffer(int fd, void *buf, size_t bytes, int64_t pos, bool to_user)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = MIN(bytes, RW_MAX_BYTES), .to_user = to_user};
	struct file *f = fd_get(fd);
	bool entered;
	ssize_t n;

	if (f == NULL)
		return -EBADF;
	entered = file_enter(f);
	n = transfer(f, &uio, pos);
	file_leave(entered);
	file_put(f);
	return n;
}

long sys_read(int fd, void *buf, size_t bytes)
{
	return one_buffer(fd, buf, bytes, -1, true);
}

long sys_write(int fd, const void *buf, size_t bytes)
{
	return one_buffer(fd, (void *)buf, bytes, -1, false);
}

long sys_pread64(int fd, void *buf, size_t bytes, int64_t pos)
{
	return pos < 0 ? -EINVAL : one_buffer(fd, buf, bytes, pos, true);
}

long sys_pwrite64(int fd, const void *buf, size_t bytes, int64_t pos)
{
	return pos < 0 ? -EINVAL : one_buffer(fd, (void *)buf, bytes, pos, false);
}

static long vectored(int fd, const void *iov, unsigned long nr, int64_t pos, int rwf, bool to_user)
{
	struct iovec_copy c;
	struct file *f;
	bool entered;
	ssize_t n;

	if ((rwf & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)) != 0)
		return -EOPNOTSUPP;
	f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	n = iovec_from_user(&c, iov, nr, to_user);
	if (n == 0) {
		entered = file_enter(f);
		n = transfer(f, &c.uio, pos);
		if (!to_user && (rwf & (RWF_DSYNC | RWF_SYNC)))
			n = sync_after_write(f, n, (rwf & RWF_SYNC) != 0, (rwf & RWF_DSYNC) != 0);
		file_leave(entered);
		iovec_free(&c);
	}
	file_put(f);
	return n;
}

long sys_readv(int fd, const void *iov, unsigned long nr)
{
	return vectored(fd, iov, nr, -1, 0, true);
}

long sys_writev(int fd, const void *iov, unsigned long nr)
{
	return vectored(fd, iov, nr, -1, 0, false);
}

/* On 64 bits the position is all in pos_lo; pos_hi is for 32-bit callers' sake. */
long sys_preadv(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi)
{
	(void)pos_hi;
	return (int64_t)pos_lo < 0 ? -EINVAL : vectored(fd, iov, nr, (int64_t)pos_lo, 0, true);
}

long sys_pwritev(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi)
{
	(void)pos_hi;
	return (int64_t)pos_lo < 0 ? -EINVAL : vectored(fd, iov, nr, (int64_t)pos_lo, 0, false);
}

long sys_preadv2(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi, int flags)
{
	(void)pos_hi;
	return (int64_t)pos_lo < -1 ? -EINVAL : vectored(fd, iov, nr, (int64_t)pos_lo, flags, true);
}

long sys_pwritev2(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi, int flags)
{
	(void)pos_hi;
	return (int64_t)pos_lo < -1 ? -EINVAL : vectored(fd, iov, nr, (int64_t)pos_lo, flags, false);
}

long sys_lseek(int fd, int64_t off, int whence)
{
	struct file *f = fd_get(fd);
	bool entered;
	int64_t pos;

	if (f == NULL)
		return -EBADF;
	entered = file_enter(f);
	pos = vfs_seek(f, off, whence);
	file_leave(entered);
	file_put(f);
	return pos;
}
