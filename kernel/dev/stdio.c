/* SPDX-License-Identifier: MIT */
/*
 * stdio.c - files over the stdio device.
 *
 * The device answers READ and WRITE at once; waiting is done here, with one POLL in flight per descriptor and direction
 * that all waiters share. Invariant for poll and epoll: whenever somebody is registered on a descriptor and it was seen
 * not ready, or its state may have changed, such a POLL is in flight; its end wakes them.
 * Locks: stdio_dir.lock orders the transfers of one direction (a large write stays in one piece) and guards its buffer.
 */
#include "kernel/dev/stdio.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "kernel/dev/stdio_queue.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/vfs.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "lib/fmt.h"
#include "lib/string.h"

enum direction { DIR_IN, DIR_OUT, DIR_NR };
static const short dir_events[DIR_NR] = {POLLIN, POLLOUT};

/* Data goes through a buffer: a page, and for larger transfers BIG_BYTES once there was one. */
#define BIG_ORDER 4
#define BIG_BYTES (PAGE_SIZE << BIG_ORDER)

struct stdio_dir {
	struct mutex lock;
	void *buffer;
	size_t buffer_bytes;
	struct stdio_call poll; /* its fd and direction are fixed at init */
};

struct stdio_fd {
	unsigned nr;
	struct cay_stdio_stat stat; /* at start; only size and mtime of a regular file change */
	bool always_ready;          /* regular files, /dev/null: no poll, as on Linux */
	unsigned nr_files;          /* open files over it */
	struct waitq wq;            /* poll, and blocked readers and writers */
	struct stdio_dir dir[DIR_NR];
	struct inode inode;
};

static struct stdio_fd fds[CAY_STDIO_FDS];

static struct stdio_fd *stdio_fd_of(struct file *f)
{
	return f->priv;
}

/* Event context. */
static void poll_done(struct stdio_call *c)
{
	struct stdio_fd *s = c->ctx;
	int64_t revents = READ_ONCE(c->status.result);

	waitq_wake(&s->wq, revents > 0 ? (uint32_t)revents : POLLERR);
}

/* Makes sure that a change to ready in this direction wakes wq. */
static int keep_polling(struct stdio_fd *s, enum direction d)
{
	return s->dir[d].poll.in_flight ? 0 : stdio_start(&s->dir[d].poll);
}

/* After something changed the state of direction d: see the invariant above. */
static void state_changed(struct stdio_fd *s, enum direction d)
{
	if (!s->always_ready && !list_empty(&s->wq.waiters))
		(void)!keep_polling(s, d); /* an error means no device: every other call says so */
}

/* Sleeps until direction d of s may be ready. 0 or -ERESTARTSYS. */
static int wait_ready(struct stdio_fd *s, enum direction d)
{
	int err = keep_polling(s, d);

	if (err == 0)
		err = wait_event_interruptible(&s->wq, !READ_ONCE(s->dir[d].poll.in_flight));
	return err == -EINTR ? -ERESTARTSYS : err;
}

/* A buffer for up to `bytes`, under dir.lock. Returns its size, 0 without memory. */
static size_t get_buffer(struct stdio_dir *dir, size_t bytes)
{
	void *big;

	if (dir->buffer_bytes == BIG_BYTES || (bytes <= PAGE_SIZE && dir->buffer != NULL))
		return dir->buffer_bytes;
	big = bytes > PAGE_SIZE ? page_alloc(BIG_ORDER, 0) : NULL;
	if (big != NULL) {
		if (dir->buffer != NULL)
			page_free(dir->buffer, 0);
		dir->buffer = big;
		dir->buffer_bytes = BIG_BYTES;
	} else if (dir->buffer == NULL) {
		dir->buffer = page_alloc(0, 0);
		dir->buffer_bytes = dir->buffer != NULL ? PAGE_SIZE : 0;
	}
	return dir->buffer_bytes;
}

/* A non-blocking call does not wait for the lock of a blocked one either. */
static int lock_dir(struct stdio_dir *dir, bool nowait)
{
	if (nowait && mutex_is_taken(&dir->lock))
		return -EAGAIN;
	mutex_lock(&dir->lock);
	return 0;
}

/* What there is now, at most one buffer of it; -EAGAIN: nothing. */
static ssize_t read_once(struct file *f, struct stdio_fd *s, struct uio *uio)
{
	struct stdio_dir *dir = &s->dir[DIR_IN];
	ssize_t n = lock_dir(dir, file_nowait(f, uio));
	size_t want;

	if (n != 0)
		return n;
	want = MIN(uio->resid, get_buffer(dir, uio->resid));
	if (want == 0)
		n = -ENOMEM;
	else
		n = stdio_call(s->nr, CAY_STDIO_READ, -1, 0, dir->buffer, (uint32_t)want, true);
	if (n > (ssize_t)want)
		n = -EIO;
	if (n > 0)
		n = uio_move(dir->buffer, (size_t)n, uio);
	mutex_unlock(&dir->lock);
	return n;
}

/* Sleeps without the lock: of several readers each can be interrupted. */
static ssize_t read_waiting(struct file *f, struct stdio_fd *s, struct uio *uio)
{
	for (;;) {
		ssize_t n = s->stat.is_tty ? tty_check_read(&stdio_tty) : 0;

		if (n == 0)
			n = read_once(f, s, uio);
		if (n != -EAGAIN || file_nowait(f, uio))
			return n;
		n = wait_ready(s, DIR_IN);
		if (n != 0)
			return n;
	}
}

static ssize_t stdio_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct stdio_fd *s = stdio_fd_of(f);
	ssize_t total = 0;

	(void)pos;
	if (uio->resid == 0)
		return 0;
	/* A regular file fills the whole request, the others return what there is. */
	do {
		ssize_t n = read_waiting(f, s, uio);
		if (n <= 0) {
			total = total > 0 ? total : n;
			break;
		}
		total += n;
	} while (S_ISREG(s->stat.mode) && uio->resid > 0);
	state_changed(s, DIR_IN);
	return total;
}

/* Sends the first `bytes` of the buffer; a short count when it would wait and may not, or was interrupted. */
static ssize_t write_buffer(struct stdio_fd *s, struct stdio_dir *dir, size_t bytes, bool nowait)
{
	size_t sent = 0;

	while (sent < bytes) {
		int64_t n = stdio_call(s->nr, CAY_STDIO_WRITE, -1, 0, (char *)dir->buffer + sent,
				       (uint32_t)(bytes - sent), false);
		if (n == -EAGAIN && !nowait)
			n = wait_ready(s, DIR_OUT);
		if (n < 0)
			return sent > 0 ? (ssize_t)sent : n;
		if (n > (int64_t)(bytes - sent))
			return -EIO;
		sent += (size_t)n;
	}
	return (ssize_t)sent;
}

static ssize_t write_locked(struct file *f, struct stdio_fd *s, struct stdio_dir *dir, struct uio *uio)
{
	ssize_t total = 0;

	while (uio->resid > 0) {
		size_t room = get_buffer(dir, uio->resid);
		if (room == 0)
			return total > 0 ? total : -ENOMEM;
		ssize_t part = uio_move(dir->buffer, MIN(uio->resid, room), uio);
		if (part <= 0)
			return total > 0 ? total : part;
		ssize_t n = write_buffer(s, dir, (size_t)part, file_nowait(f, uio));
		if (n < 0)
			return total > 0 ? total : n;
		total += n;
		if (n < part)
			break;
	}
	return total;
}

static ssize_t stdio_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct stdio_fd *s = stdio_fd_of(f);
	struct stdio_dir *dir = &s->dir[DIR_OUT];
	ssize_t n;

	(void)pos;
	if (uio->resid == 0)
		return 0;
	n = s->stat.is_tty ? stdio_tty_check_write(s->nr) : 0;
	if (n == 0)
		n = lock_dir(dir, file_nowait(f, uio));
	if (n != 0)
		return n;
	n = write_locked(f, s, dir, uio);
	mutex_unlock(&dir->lock);
	state_changed(s, DIR_OUT);
	return n == -EPIPE ? pipe_broken() : n;
}

static uint32_t stdio_poll(struct file *f, struct poll_table *pt)
{
	struct stdio_fd *s = stdio_fd_of(f);
	short wanted = (short)((f->mode & FILE_READ ? POLLIN : 0) | (f->mode & FILE_WRITE ? POLLOUT : 0));

	poll_wait(f, &s->wq, pt);
	int64_t ready = stdio_call(s->nr, CAY_STDIO_POLL, wanted, 0, NULL, 0, false);
	if (ready < 0)
		return POLLERR;
	for (unsigned d = 0; d < DIR_NR; d++)
		if ((wanted & dir_events[d]) && !(ready & dir_events[d]))
			state_changed(s, d);
	if (ready & POLLIN)
		ready |= POLLRDNORM;
	if (ready & POLLOUT)
		ready |= POLLWRNORM;
	return (uint32_t)ready;
}

static int64_t stdio_seek(struct file *f, int64_t off, int whence)
{
	struct stdio_fd *s = stdio_fd_of(f);

	/* No device but a file or a disk has a position: not worth a request to hear -ESPIPE. */
	if (!S_ISREG(s->stat.mode) && !S_ISBLK(s->stat.mode) && !s->always_ready)
		return -ESPIPE;
	return stdio_call(s->nr, CAY_STDIO_SEEK, off, whence, NULL, 0, false);
}

static int64_t stdio_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct stdio_fd *s = stdio_fd_of(f);

	if (s->stat.is_tty)
		return stdio_tty_ioctl(s->nr, cmd, arg);
	if (cmd == FIONREAD && !s->always_ready)
		return stdio_tty_ioctl(s->nr, cmd, arg);
	return -ENOTTY;
}

static int stdio_fsync(struct file *f, bool data_only)
{
	(void)data_only;
	return (int)stdio_call(stdio_fd_of(f)->nr, CAY_STDIO_SYNC, 0, 0, NULL, 0, false);
}

static void stdio_release(struct file *f)
{
	struct stdio_fd *s = stdio_fd_of(f);

	/* When the program ends the VMM closes them all; no need to ask for each. */
	if (--s->nr_files == 0 && !init_process->exiting)
		(void)!stdio_call(s->nr, CAY_STDIO_CLOSE, 0, 0, NULL, 0, false); /* nobody is left to tell */
}

static const struct file_ops stdio_ops = {
	.has_async = true,
	.read = stdio_read,
	.write = stdio_write,
	.seek = stdio_seek,
	.poll = stdio_poll,
	.ioctl = stdio_ioctl,
	.fsync = stdio_fsync,
	.release = stdio_release,
};

/* Without poll: epoll refuses it with EPERM, poll finds it always ready. */
static const struct file_ops stdio_ready_ops = {
	.read = stdio_read,
	.write = stdio_write,
	.seek = stdio_seek,
	.ioctl = stdio_ioctl,
	.fsync = stdio_fsync,
	.release = stdio_release,
};

static int stdio_getattr(struct inode *i, struct kstat *st)
{
	struct stdio_fd *s = i->priv;
	struct cay_stdio_stat now = s->stat;

	if (S_ISREG(now.mode)) {
		int64_t err = stdio_call(s->nr, CAY_STDIO_STAT, 0, 0, &now, sizeof(now), true);
		if (err < 0)
			return (int)err;
	}
	*st = (struct kstat){
		.ino = now.ino,
		.size = now.size,
		.blocks = (now.size + 511) / 512,
		.rdev = now.rdev,
		.mode = s->stat.mode,
		.nlink = 1,
		.uid = i->uid,
		.gid = i->gid,
		.blksize = s->stat.is_tty ? 1024 : PAGE_SIZE,
	};
	st->mtime.sec = now.mtime_ns / 1000000000;
	st->mtime.nsec = (uint32_t)(now.mtime_ns % 1000000000);
	st->atime = st->ctime = st->mtime;
	return 0;
}

static int stdio_open(struct inode *i, struct file *f)
{
	struct stdio_fd *s = i->priv;

	s->nr_files++;
	f->ops = s->always_ready ? &stdio_ready_ops : &stdio_ops;
	f->priv = s;
	f->mode &= ~FILE_SEEKABLE; /* the position is the host's: see abi/stdio.h */
	return 0;
}

static void stdio_evict(struct inode *i)
{
	(void)i; /* static */
}

static const struct inode_ops stdio_inode_ops = {
	.getattr = stdio_getattr,
	.open = stdio_open,
	.evict = stdio_evict,
};

static struct superblock stdio_sb = {.type = "stdio", .dev = 0xb, .opens_special = true};

static void init_fd(struct stdio_fd *s, unsigned nr, const struct cay_stdio_stat *st)
{
	s->nr = nr;
	s->stat = *st;
	s->always_ready = !S_ISFIFO(st->mode) && !S_ISSOCK(st->mode) && !st->is_tty;
	waitq_init(&s->wq);
	for (unsigned d = 0; d < DIR_NR; d++) {
		mutex_init(&s->dir[d].lock);
		s->dir[d].poll = (struct stdio_call){
			.req = {.op = CAY_STDIO_POLL, .fd = nr, .arg = dir_events[d], .arg2 = CAY_STDIO_WAIT},
			.done = poll_done,
			.ctx = s,
		};
	}
	inode_init(&s->inode, &stdio_sb, st->mode);
	s->inode.ops = &stdio_inode_ops;
	s->inode.ino = st->ino;
	s->inode.size = st->size;
	s->inode.rdev = st->rdev;
	s->inode.uid = init_process->cred.euid;
	s->inode.gid = init_process->cred.egid;
	s->inode.priv = s;
}

/* The name that /proc/self/fd shows, as Linux would say it. */
static void name_fd(const struct stdio_fd *s, char *buf, size_t size)
{
	const char *kind = S_ISFIFO(s->stat.mode) ? "pipe" : S_ISSOCK(s->stat.mode) ? "socket" : "file";

	if (s->stat.is_tty)
		fmt_snprintf(buf, size, "/dev/console");
	else if (S_ISCHR(s->stat.mode) && s->stat.rdev == 0x103)
		fmt_snprintf(buf, size, "/dev/null");
	else
		fmt_snprintf(buf, size, "%s:[%llu]", kind, (unsigned long long)s->stat.ino);
}

/* A terminal is the file /dev/console, so that ttyname(3) finds a name that leads to the same thing. */
static int open_console(struct stdio_fd *s, struct file **f)
{
	int err = vfs_open(AT_FDCWD, "/dev/console", (int)s->stat.flags | O_NOCTTY, 0, f);

	if (err != 0 || (*f)->ops != &stdio_ops)
		return err != 0 ? err : -ENXIO;
	/* Opened by that name it is the first terminal; here each descriptor is its own. */
	stdio_fd_of(*f)->nr_files--;
	s->nr_files++;
	(*f)->priv = s;
	return 0;
}

static int install(struct stdio_fd *s)
{
	struct file *f;
	char name[40];
	int err = s->stat.is_tty ? open_console(s, &f) : -ENXIO;

	if (err != 0) {
		name_fd(s, name, sizeof(name));
		err = vfs_open_inode(&s->inode, (int)s->stat.flags, name, &f);
	}
	if (err != 0)
		return err;
	int fd = fdtable_replace(thread_current()->fds, f, (int)s->nr, false);
	if (fd < 0)
		file_put(f);
	return fd < 0 ? fd : 0;
}

int stdio_init(void)
{
	const struct cay_stdio_stat *st = stdio_queue_init();
	int err = 0;

	if (st == NULL)
		return -ENODEV;
	for (unsigned nr = 0; nr < CAY_STDIO_FDS && err == 0; nr++) {
		if (st[nr].mode == 0)
			continue; /* the user gave none: closed, as natively */
		init_fd(&fds[nr], nr, &st[nr]);
		if (st[nr].is_tty)
			tty_opened(&stdio_tty, false); /* the first program leads the session */
		err = install(&fds[nr]);
	}
	return err;
}

static int open_first_tty(struct tty *t, struct file *f)
{
	(void)t;
	for (unsigned nr = 0; nr < CAY_STDIO_FDS; nr++)
		if (fds[nr].stat.is_tty)
			return stdio_open(&fds[nr].inode, f);
	return -ENXIO;
}

struct tty stdio_tty = {.open = open_first_tty};

int stdio_open_tty(struct file *f)
{
	return open_first_tty(&stdio_tty, f);
}
