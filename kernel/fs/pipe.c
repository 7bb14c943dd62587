/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - pipe(2): reading, writing, polling. Opening by name is fifo.c.
 * A write of at most PIPE_BUF bytes goes in as one piece; a longer one goes in as room comes up, interleaved with
 * others. Locks: pipe.lock over the ring (copying may fault and block); waits happen without it, and look at the ring's
 * fill and the numbers of readers and writers as they are at the moment. Those change under the kernel lock.
 */
#include "kernel/fs/pipe.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <limits.h>
#include <linux/limits.h>
#include <linux/fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "kernel/fs/pipe_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"

#define PIPE_DEFAULT_PAGES 16
#define PIPE_MAX_BYTES     (1u << 20) /* /proc/sys/fs/pipe-max-size */

struct pipe *pipe_create(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	if (pipe_ring_init(&p->ring, PIPE_DEFAULT_PAGES) != 0) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->lock);
	waitq_init(&p->rd_wq);
	waitq_init(&p->wr_wq);
	waitq_init(&p->open_wq);
	return p;
}

void pipe_destroy(struct pipe *p)
{
	pipe_ring_free(&p->ring);
	kfree(p);
}

long pipe_broken(void)
{
	siginfo_t info = {.si_signo = SIGPIPE, .si_code = SI_USER};
	bool entered = kernel_enter();

	info.si_pid = process_current()->pid;
	info.si_uid = process_current()->cred.uid;
	signal_send_thread(thread_current(), &info);
	file_leave(entered);
	return -EPIPE;
}

/* Nothing to read: 0 to try again after a wait, EOF as 1, else -errno. Called and returns with the lock held. */
static int wait_for_bytes(struct file *f, struct pipe *p, const struct uio *uio)
{
	if (READ_ONCE(p->nr_writers) == 0)
		return 1;
	if (file_nowait(f, uio))
		return -EAGAIN;
	mutex_unlock(&p->lock);
	int err = wait_event_interruptible(&p->rd_wq, pipe_ring_used(&p->ring) > 0 || READ_ONCE(p->nr_writers) == 0);
	mutex_lock(&p->lock);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static ssize_t pipe_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct pipe *p = f->priv;
	ssize_t n;
	int err = 0;

	(void)pos;
	if (uio->resid == 0)
		return 0;
	mutex_lock(&p->lock);
	while (pipe_ring_used(&p->ring) == 0 && err == 0)
		err = wait_for_bytes(f, p, uio);
	n = err > 0 ? 0 : err;
	if (err == 0)
		n = pipe_ring_get(&p->ring, uio, uio->resid);
	mutex_unlock(&p->lock);
	if (n > 0)
		waitq_wake(&p->wr_wq, POLLOUT | POLLWRNORM);
	return n;
}

/* Room that a write of `bytes` more needs before it may go on. */
static size_t room_needed(size_t bytes)
{
	return bytes <= PIPE_BUF ? bytes : 1;
}

static int wait_for_room(struct file *f, struct pipe *p, const struct uio *uio, size_t need)
{
	if (file_nowait(f, uio))
		return -EAGAIN;
	mutex_unlock(&p->lock);
	int err =
		wait_event_interruptible(&p->wr_wq, pipe_ring_room(&p->ring) >= need || READ_ONCE(p->nr_readers) == 0);
	mutex_lock(&p->lock);
	return err == -EINTR ? -ERESTARTSYS : err;
}

static ssize_t write_locked(struct file *f, struct pipe *p, struct uio *uio)
{
	/* Atomic or not is decided by the whole request, not by what is left of it. */
	size_t need = room_needed(uio->resid);
	ssize_t total = 0, n = 0;

	while (uio->resid > 0) {
		if (READ_ONCE(p->nr_readers) == 0) {
			n = -EPIPE;
			break;
		}
		if (pipe_ring_room(&p->ring) < need) {
			n = wait_for_room(f, p, uio, need);
			if (n != 0)
				break;
			continue;
		}
		n = pipe_ring_put(&p->ring, uio, uio->resid);
		if (n <= 0)
			break;
		total += n;
		waitq_wake(&p->rd_wq, POLLIN | POLLRDNORM);
	}
	return total > 0 ? total : n;
}

static ssize_t pipe_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct pipe *p = f->priv;
	bool broken;
	ssize_t n;

	(void)pos;
	if (uio->resid == 0)
		return 0;
	mutex_lock(&p->lock);
	n = write_locked(f, p, uio);
	/* The signal comes also when part was written before the last reader went. */
	broken = uio->resid > 0 && READ_ONCE(p->nr_readers) == 0;
	mutex_unlock(&p->lock);
	if (broken && (n == -EPIPE || n > 0))
		pipe_broken();
	return n;
}

static uint32_t pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;
	uint32_t mask = 0;

	if (f->mode & FILE_READ) {
		poll_wait(f, &p->rd_wq, pt);
		/* Before the look at the bytes: the last writer leaves after it has written. */
		unsigned nr_writers = __atomic_load_n(&p->nr_writers, __ATOMIC_ACQUIRE);
		if (pipe_ring_used(&p->ring) > 0)
			mask |= POLLIN | POLLRDNORM;
		/* A FIFO reader that has not seen a writer yet waits for the first; f->pos: see fifo.c. */
		if (nr_writers == 0 && f->pos != (int64_t)p->writers_seen)
			mask |= POLLHUP;
	}
	if (f->mode & FILE_WRITE) {
		poll_wait(f, &p->wr_wq, pt);
		if (pipe_ring_room(&p->ring) >= PIPE_BUF)
			mask |= POLLOUT | POLLWRNORM;
		if (READ_ONCE(p->nr_readers) == 0)
			mask |= POLLERR;
	}
	return mask;
}

static int64_t pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pipe *p = f->priv;

	if (cmd == FIONREAD)
		return put_user_u32((void *)arg, (uint32_t)pipe_ring_used(&p->ring));
	return -ENOTTY;
}

void pipe_leave(struct pipe *p, unsigned mode)
{
	if (mode & FILE_READ)
		WRITE_ONCE(p->nr_readers, p->nr_readers - 1);
	if (mode & FILE_WRITE)
		__atomic_store_n(&p->nr_writers, p->nr_writers - 1, __ATOMIC_RELEASE); /* pairs with pipe_poll */
	if (p->nr_readers == 0)
		waitq_wake(&p->wr_wq, POLLOUT | POLLWRNORM | POLLERR);
	if (p->nr_writers == 0)
		waitq_wake(&p->rd_wq, POLLIN | POLLRDNORM | POLLHUP);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->priv;

	pipe_leave(p, f->mode);
	if (p->nr_readers == 0 && p->nr_writers == 0)
		fifo_forget(p);
}

const struct file_ops pipe_ops = {
	.own_lock = true,
	.has_async = true,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

struct pipe *pipe_of(struct file *f)
{
	return f->ops == &pipe_ops ? f->priv : NULL;
}

/* Both ends of a new pipe, one inode. */
static int make_ends(unsigned flags, struct file *ends[2])
{
	struct pipe *p = pipe_create();

	if (p == NULL)
		return -ENOMEM;
	p->nr_readers = p->nr_writers = p->writers_seen = 1;
	ends[0] = file_anon(&pipe_ops, p, FILE_READ, O_RDONLY | flags, "pipe", S_IFIFO | 0600);
	ends[1] = file_anon(&pipe_ops, p, FILE_WRITE, O_WRONLY | flags, "pipe", S_IFIFO | 0600);
	if (ends[0] == NULL || ends[1] == NULL) {
		p->nr_readers = ends[0] != NULL;
		p->nr_writers = ends[1] != NULL;
		if (ends[0] == NULL && ends[1] == NULL)
			pipe_destroy(p);
		file_put(ends[0]); /* the pipe goes with its only end */
		file_put(ends[1]);
		return -ENFILE;
	}
	ends[0]->pos = -1; /* a writer was seen: see pipe_poll */
	inode_put(ends[1]->inode);
	ends[1]->inode = inode_get(ends[0]->inode);
	p->anonymous = true;
	fifo_name(p, ends[0]->inode);
	return 0;
}

long sys_pipe2(int *fds_user, int flags)
{
	struct file *ends[2];
	int fd[2];

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (flags & O_DIRECT)
		return -EINVAL; /* packet mode is not there: say so, as a kernel without it does */
	int err = make_ends((unsigned)flags & O_NONBLOCK, ends);
	if (err != 0)
		return err;
	fd[0] = fd_install(ends[0], 0, flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(ends[0]);
		file_put(ends[1]);
		return fd[0];
	}
	fd[1] = fd_install(ends[1], 0, flags & O_CLOEXEC);
	if (fd[1] < 0) {
		fd_close(fd[0]);
		file_put(ends[1]);
		return fd[1];
	}
	if (copy_to_user(fds_user, fd, sizeof(fd)) != 0) {
		fd_close(fd[0]);
		fd_close(fd[1]);
		return -EFAULT;
	}
	return 0;
}

long sys_pipe(int *fds_user)
{
	return sys_pipe2(fds_user, 0);
}

long pipe_set_size(struct file *f, unsigned long bytes)
{
	struct pipe *p = pipe_of(f);
	size_t nr_pages = 1;

	if (p == NULL)
		return -EBADF;
	if (bytes > INT_MAX)
		return -EINVAL;
	while (nr_pages * PAGE_SIZE < bytes)
		nr_pages *= 2;
	if (nr_pages * PAGE_SIZE > PIPE_MAX_BYTES)
		return -EPERM;
	mutex_lock(&p->lock);
	int err = pipe_ring_resize(&p->ring, (unsigned)nr_pages);
	mutex_unlock(&p->lock);
	if (err != 0)
		return err;
	waitq_wake(&p->wr_wq, POLLOUT | POLLWRNORM);
	return (long)(nr_pages * PAGE_SIZE);
}

long pipe_get_size(struct file *f)
{
	struct pipe *p = pipe_of(f);

	return p != NULL ? (long)pipe_ring_capacity(&p->ring) : -EBADF;
}
