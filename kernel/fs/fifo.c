/* SPDX-License-Identifier: MIT */
/*
 * fifo.c - pipes opened by name: a FIFO, or a pipe through /proc/self/fd. The pipe is found by its inode, which every
 * open file over it keeps alive, so the address cannot come to mean another one.
 */
#include <errno.h>
#include <linux/fcntl.h>

#include "kernel/fs/pipe_priv.h"
#include "kernel/linux/sys.h"

static struct list named = LIST_INIT(named); /* newest first */

void fifo_name(struct pipe *p, struct inode *i)
{
	p->fifo_inode = i;
	list_push_front(&named, &p->fifo_link);
}

static struct pipe *find_or_create(struct inode *i)
{
	list_for_each (p, &named, fifo_link, struct pipe)
		if (p->fifo_inode == i)
			return p;
	struct pipe *p = pipe_create();
	if (p != NULL)
		fifo_name(p, i);
	return p;
}

void fifo_forget(struct pipe *p)
{
	if (p->fifo_inode != NULL)
		list_remove(&p->fifo_link);
	pipe_destroy(p);
}

/* Waits for the other side to appear, even if only for a moment. */
static int wait_for_peer(struct pipe *p, const unsigned *seen)
{
	unsigned before = *seen;
	int err = wait_event_interruptible(&p->open_wq, READ_ONCE(*seen) != before);

	return err == -EINTR ? -ERESTARTSYS : err;
}

int fifo_open(struct inode *i, struct file *f)
{
	bool nonblock = f->flags & O_NONBLOCK;
	struct pipe *p = find_or_create(i);
	int err = 0;

	if (p == NULL)
		return -ENOMEM;
	if (p->anonymous)
		nonblock = true;
	else if ((f->mode & (FILE_READ | FILE_WRITE)) == FILE_WRITE && nonblock && p->nr_readers == 0) {
		if (p->nr_writers == 0)
			fifo_forget(p);
		return -ENXIO;
	}
	if (f->mode & FILE_READ) {
		p->nr_readers++;
		p->readers_seen++;
	}
	if (f->mode & FILE_WRITE) {
		p->nr_writers++;
		p->writers_seen++;
	}
	waitq_wake(&p->open_wq, 0);
	/* No POLLHUP before the first writer: see pipe_poll. */
	f->pos = p->nr_writers == 0 && !p->anonymous ? (int64_t)p->writers_seen : -1;
	if ((f->mode & (FILE_READ | FILE_WRITE)) == FILE_READ && p->nr_writers == 0 && !nonblock) {
		err = wait_for_peer(p, &p->writers_seen);
		f->pos = -1;
	} else if ((f->mode & (FILE_READ | FILE_WRITE)) == FILE_WRITE && p->nr_readers == 0 && !nonblock) {
		err = wait_for_peer(p, &p->readers_seen);
	}
	if (err != 0) {
		pipe_leave(p, f->mode);
		if (p->nr_readers == 0 && p->nr_writers == 0)
			fifo_forget(p);
		return err;
	}
	f->ops = &pipe_ops;
	f->priv = p;
	f->mode &= ~FILE_SEEKABLE;
	return 0;
}
