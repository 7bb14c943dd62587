/* SPDX-License-Identifier: MIT */
/* signalfd.c - pending signals of the reading thread and its process, read as records. */
#include "kernel/fs/signalfd.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>
#include <poll.h>

#include "kernel/fs/file.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "lib/string.h"

struct signalfd {
	uint64_t mask;
};

/* Fields that a kind of signal does not have stay 0. */
static void fill_record(struct signalfd_siginfo *r, const siginfo_t *info)
{
	memset(r, 0, sizeof(*r));
	r->ssi_signo = (uint32_t)info->si_signo;
	r->ssi_errno = info->si_errno;
	r->ssi_code = info->si_code;
	if (info->si_code == SI_TIMER) {
		r->ssi_tid = (uint32_t)info->si_timerid;
		r->ssi_overrun = (uint32_t)info->si_overrun;
		r->ssi_int = info->si_value.sival_int;
		r->ssi_ptr = (uint64_t)info->si_value.sival_ptr;
	} else if (info->si_code > 0 && info->si_signo == SIGCHLD) {
		r->ssi_pid = (uint32_t)info->si_pid;
		r->ssi_uid = info->si_uid;
		r->ssi_status = info->si_status;
		r->ssi_utime = (uint64_t)info->si_utime;
		r->ssi_stime = (uint64_t)info->si_stime;
	} else if (info->si_code > 0 && info->si_code != SI_KERNEL &&
		   (SIGMASK(info->si_signo) &
		    (SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGFPE)))) {
		r->ssi_addr = (uint64_t)info->si_addr;
	} else {
		r->ssi_pid = (uint32_t)info->si_pid;
		r->ssi_uid = info->si_uid;
		r->ssi_int = info->si_value.sival_int;
		r->ssi_ptr = (uint64_t)info->si_value.sival_ptr;
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct signalfd *s = f->priv;
	struct waitq *wq = &process_current()->sighand->signalfd_wq;
	struct signalfd_siginfo record;
	ssize_t total = 0;
	siginfo_t info;

	(void)pos;
	if (uio->resid < sizeof(record))
		return -EINVAL;
	while (uio->resid >= sizeof(record)) {
		if (signal_take(s->mask, &info) == 0) {
			if (total > 0)
				break;
			if (file_nowait(f, uio))
				return -EAGAIN;
			if (wait_event_interruptible(wq, signal_pending_in(s->mask) != 0) != 0)
				return -ERESTARTSYS;
			continue;
		}
		fill_record(&record, &info);
		ssize_t n = uio_move(&record, sizeof(record), uio);
		if (n != sizeof(record))
			return total > 0 ? total : -EFAULT;
		total += n;
	}
	return total;
}

static uint32_t signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;

	poll_wait(f, &process_current()->sighand->signalfd_wq, pt);
	return signal_pending_in(s->mask) != 0 ? POLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->priv);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

static long create(uint64_t mask, int flags)
{
	struct signalfd *s = kzalloc(sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->mask = mask;
	struct file *f = file_anon(&signalfd_ops, s, FILE_READ | FILE_WRITE, O_RDWR | ((unsigned)flags & O_NONBLOCK),
				   "anon_inode:[signalfd]", 0600);
	if (f == NULL) {
		kfree(s);
		return -ENOMEM;
	}
	int fd = fd_install(f, 0, flags & SFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_signalfd4(int fd, const void *mask_user, size_t mask_bytes, int flags)
{
	uint64_t mask;

	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	if (mask_bytes != sizeof(mask))
		return -EINVAL;
	if (get_user_u64(&mask, mask_user) != 0)
		return -EFAULT;
	mask &= ~SIGNAL_UNBLOCKABLE;
	if (fd == -1)
		return create(mask, flags);
	struct file *f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	long result = -EINVAL;
	if (f->ops == &signalfd_ops) {
		((struct signalfd *)f->priv)->mask = mask;
		waitq_wake(&process_current()->sighand->signalfd_wq, POLLIN);
		result = fd;
	}
	file_put(f);
	return result;
}

long sys_signalfd(int fd, const void *mask_user, size_t mask_bytes)
{
	return sys_signalfd4(fd, mask_user, mask_bytes, 0);
}
