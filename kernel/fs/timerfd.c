/* SPDX-License-Identifier: MIT */
/*
 * timerfd.c - timers that are read. One ktimer each; a periodic one is armed anew only when it is read or asked, and
 * the periods that passed until then are counted: so a period of a nanosecond costs one expiry per read, however many
 * timers a program has. All times inside are CLOCK_MONOTONIC: CLOCK_REALTIME never
 * jumps in the guest, so an absolute real time is converted once and TFD_TIMER_CANCEL_ON_SET has nothing to cancel.
 */
#include "kernel/fs/timerfd.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/timerfd.h>
#include <poll.h>
#include <time.h>

#include "kernel/fs/file.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/timespec.h"

struct timerfd {
	struct ktimer timer;
	uint64_t interval_ns; /* 0: one-shot */
	uint64_t ticks;       /* expirations not yet read */
	bool stopped;         /* it expired, is periodic, and has not been armed since */
	bool realtime;
	struct waitq wq;
};

struct itimerspec_user {
	struct ktimespec interval, value;
};

/* Event context. */
static void timerfd_expired(struct ktimer *t)
{
	struct timerfd *tf = t->arg;

	tf->ticks++;
	tf->stopped = tf->interval_ns > 0;
	waitq_wake(&tf->wq, POLLIN);
}

/* Counts the periods that passed since it expired, and arms it for the next one. */
static void timerfd_catch_up(struct timerfd *tf)
{
	uint64_t now = clock_monotonic_ns(), missed;

	if (!tf->stopped)
		return;
	missed = now > tf->timer.deadline_ns ? (now - tf->timer.deadline_ns) / tf->interval_ns : 0;
	tf->stopped = false;
	tf->ticks += missed;
	ktimer_arm(&tf->timer, tf->timer.deadline_ns + (missed + 1) * tf->interval_ns);
}

static ssize_t timerfd_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct timerfd *tf = f->priv;
	uint64_t ticks;

	(void)pos;
	if (uio->resid < sizeof(ticks))
		return -EINVAL;
	if (tf->ticks == 0) {
		if (file_nowait(f, uio))
			return -EAGAIN;
		if (wait_event_interruptible(&tf->wq, READ_ONCE(tf->ticks) > 0) != 0)
			return -ERESTARTSYS;
	}
	timerfd_catch_up(tf);
	ticks = tf->ticks;
	tf->ticks = 0;
	return uio_move(&ticks, sizeof(ticks), uio);
}

static uint32_t timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *tf = f->priv;

	poll_wait(f, &tf->wq, pt);
	return tf->ticks > 0 ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *tf = f->priv;

	ktimer_cancel(&tf->timer);
	kfree(tf);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *tf;
	struct file *f;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	/* The alarm clocks need a right (CAP_WAKE_ALARM) that nobody has here. */
	if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM)
		return -EPERM;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	tf = kzalloc(sizeof(*tf));
	if (tf == NULL)
		return -ENOMEM;
	tf->realtime = clock == CLOCK_REALTIME;
	waitq_init(&tf->wq);
	ktimer_init(&tf->timer, timerfd_expired, tf);
	f = file_anon(&timerfd_ops, tf, FILE_READ | FILE_WRITE, O_RDWR | ((unsigned)flags & O_NONBLOCK),
		      "anon_inode:[timerfd]", 0600);
	if (f == NULL) {
		kfree(tf);
		return -ENOMEM;
	}
	int fd = fd_install(f, 0, flags & TFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

/* A counted file and its timer, or NULL and *err. */
static struct timerfd *timerfd_get(int fd, struct file **f, int *err)
{
	*f = fd_get(fd);
	*err = -EBADF;
	if (*f == NULL)
		return NULL;
	if ((*f)->ops == &timerfd_ops)
		return (*f)->priv;
	file_put(*f);
	*err = -EINVAL;
	return NULL;
}

static struct itimerspec_user timerfd_left(struct timerfd *tf)
{
	uint64_t now, left = 0;

	timerfd_catch_up(tf);
	now = clock_monotonic_ns();
	if (ktimer_armed(&tf->timer))
		left = tf->timer.deadline_ns > now ? tf->timer.deadline_ns - now : 1; /* 0 would mean disarmed */
	return (struct itimerspec_user){timespec_from_ns(tf->interval_ns), timespec_from_ns(left)};
}

long sys_timerfd_settime(int fd, int flags, const void *new_user, void *old_user)
{
	struct itimerspec_user new, old;
	uint64_t value_ns, interval_ns;
	struct file *f;
	int err;

	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (copy_from_user(&new, new_user, sizeof(new)) != 0)
		return -EFAULT;
	if (timespec_to_ns(&new.value, &value_ns) != 0 || timespec_to_ns(&new.interval, &interval_ns) != 0)
		return -EINVAL;
	struct timerfd *tf = timerfd_get(fd, &f, &err);
	if (tf == NULL)
		return err;
	old = timerfd_left(tf);
	ktimer_cancel(&tf->timer);
	tf->ticks = 0;
	tf->stopped = false;
	tf->interval_ns = interval_ns;
	if (value_ns != 0) {
		uint64_t deadline = value_ns;
		if (!(flags & TFD_TIMER_ABSTIME))
			deadline = deadline_after(value_ns);
		else if (tf->realtime)
			deadline = deadline_from_realtime(value_ns);
		ktimer_arm(&tf->timer, deadline);
	}
	err = old_user != NULL ? copy_to_user(old_user, &old, sizeof(old)) : 0;
	file_put(f);
	return err;
}

long sys_timerfd_gettime(int fd, void *cur_user)
{
	struct itimerspec_user now;
	struct file *f;
	int err;
	struct timerfd *tf = timerfd_get(fd, &f, &err);

	if (tf == NULL)
		return err;
	now = timerfd_left(tf);
	file_put(f);
	return copy_to_user(cur_user, &now, sizeof(now));
}
