/* SPDX-License-Identifier: MIT */
/*
 * eventfd.c - a 64-bit counter behind a descriptor. Invariant: count <= COUNT_MAX. Lock: a spin lock over the count.
 * The value is moved from and to the program before and after the counter changes, never in between: a fault blocks.
 */
#include "kernel/fs/eventfd.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "kernel/fs/file.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct spinlock lock;
	uint64_t count; /* those who wait look at it without the lock */
	bool semaphore;
	struct waitq wq;
};

/* What a read gets; 0: nothing yet. */
static uint64_t take(struct eventfd *e)
{
	uint64_t value;

	spin_lock(&e->lock);
	value = e->semaphore ? MIN(e->count, 1ull) : e->count;
	WRITE_ONCE(e->count, e->count - value);
	spin_unlock(&e->lock);
	return value;
}

/* False: there is no room for it yet. */
static bool add(struct eventfd *e, uint64_t value)
{
	bool fits;

	spin_lock(&e->lock);
	fits = value <= COUNT_MAX - e->count;
	if (fits)
		WRITE_ONCE(e->count, e->count + value);
	spin_unlock(&e->lock);
	return fits;
}

static ssize_t counter_read(struct file *f, struct uio *uio, int64_t pos)
{
	struct eventfd *e = f->priv;
	uint64_t value;

	(void)pos;
	if (uio->resid < sizeof(value))
		return -EINVAL;
	while ((value = take(e)) == 0) {
		if (file_nowait(f, uio))
			return -EAGAIN;
		if (wait_event_interruptible(&e->wq, READ_ONCE(e->count) > 0) != 0)
			return -ERESTARTSYS;
	}
	waitq_wake(&e->wq, POLLOUT);
	return uio_move(&value, sizeof(value), uio);
}

static ssize_t counter_write(struct file *f, struct uio *uio, int64_t pos)
{
	struct eventfd *e = f->priv;
	uint64_t value;

	(void)pos;
	if (uio->resid < sizeof(value))
		return -EINVAL;
	ssize_t n = uio_move(&value, sizeof(value), uio);
	if (n != sizeof(value))
		return n < 0 ? n : -EFAULT;
	if (value > COUNT_MAX)
		return -EINVAL;
	while (!add(e, value)) {
		if (file_nowait(f, uio))
			return -EAGAIN;
		if (wait_event_interruptible(&e->wq, value <= COUNT_MAX - READ_ONCE(e->count)) != 0)
			return -ERESTARTSYS;
	}
	waitq_wake(&e->wq, POLLIN);
	return sizeof(value);
}

static uint32_t counter_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;

	uint64_t count;

	poll_wait(f, &e->wq, pt);
	count = READ_ONCE(e->count);
	return (count > 0 ? POLLIN : 0) | (count < COUNT_MAX ? POLLOUT : 0);
}

static void counter_release(struct file *f)
{
	kfree(f->priv);
}

static const struct file_ops eventfd_ops = {
	.own_lock = true,
	.read = counter_read,
	.write = counter_write,
	.poll = counter_poll,
	.release = counter_release,
};

bool eventfd_is(const struct file *f)
{
	return f->ops == &eventfd_ops;
}

void eventfd_add(struct file *f, uint64_t n)
{
	struct eventfd *e = f->priv;

	spin_lock(&e->lock);
	WRITE_ONCE(e->count, e->count + MIN(n, COUNT_MAX - e->count));
	spin_unlock(&e->lock);
	waitq_wake(&e->wq, POLLIN);
}

long sys_eventfd2(unsigned count, int flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	spin_init(&e->lock, "eventfd");
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	waitq_init(&e->wq);
	f = file_anon(&eventfd_ops, e, FILE_READ | FILE_WRITE, O_RDWR | ((unsigned)flags & O_NONBLOCK),
		      "anon_inode:[eventfd]", 0600);
	if (f == NULL) {
		kfree(e);
		return -ENOMEM;
	}
	int fd = fd_install(f, 0, flags & EFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_eventfd(unsigned count)
{
	return sys_eventfd2(count, 0);
}
