/* SPDX-License-Identifier: MIT */
/* epoll.c - waiting on an epoll set, and the system calls. Structures and their rules: epoll_priv.h. */
#include "kernel/fs/epoll.h"

#include <errno.h>
#include <limits.h>
#include <linux/fcntl.h>
#include <poll.h>

#include "kernel/fs/epoll_priv.h"
#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/refs.h"
#include "kernel/time/timespec.h"

#define EVENTS_MAX (INT_MAX / (int)sizeof(struct epoll_event))

/* Takes the whole ready list, so that each item is looked at once per call even if it becomes ready again. Lock:
 * looking. */
static void take_ready(struct epoll_set *s, struct list *batch)
{
	spin_lock(&s->lock);
	list_take_all(batch, &s->ready);
	spin_unlock(&s->lock);
}

/* The next one of the batch, with references to it and to its file; NULL at its end. */
static struct epoll_item *next_of(struct epoll_set *s, struct list *batch)
{
	struct epoll_item *item = NULL;

	spin_lock(&s->lock);
	while (item == NULL && !list_empty(batch)) {
		item = list_first(batch, struct epoll_item, ready_link);
		list_remove(&item->ready_link);
		if (file_try_get(item->file))
			refs_get(&item->refs);
		else
			item = NULL; /* its file is going, and will take it away */
	}
	spin_unlock(&s->lock);
	return item;
}

/* What was not looked at goes back to the front: it is older than what came meanwhile. */
static void give_back(struct epoll_set *s, struct list *batch)
{
	spin_lock(&s->lock);
	while (!list_empty(batch)) {
		struct list *l = batch->prev;
		list_remove(l);
		list_push_front(&s->ready, l);
	}
	spin_unlock(&s->lock);
}

static uint32_t ask_file(struct file *f)
{
	bool entered = file_enter(f);
	uint32_t now = file_poll(f, NULL);

	file_leave(entered);
	return now;
}

/* The same for the file of an item from next_of, which is let go: the item may be dead after this. */
static uint32_t ask_item(struct epoll_item *item)
{
	struct file *f = item->file;
	uint32_t now = ask_file(f);

	file_put(f);
	return now;
}

/* What of a file's state its item has to report, 0 if nothing. Lock: the set's spin lock. */
static uint32_t wanted_of(const struct epoll_item *item, uint32_t now)
{
	if (item->dead || (item->events & ~EPOLL_FLAGS) == 0)
		return 0;
	return now & item->events & ~EPOLL_FLAGS;
}

/* The event could not be stored: the item is as it was, unless it was set to something else meanwhile. */
static void not_reported(struct epoll_item *item, uint32_t events)
{
	struct epoll_set *s = item->set;

	spin_lock(&s->lock);
	if (item->events == (events & EPOLL_FLAGS))
		item->events = events;
	spin_unlock(&s->lock);
	epoll_item_ready(item);
}

/* Reports one item taken off the batch, once if it is a one-shot: 1, 0 if it had nothing to say, -EFAULT. */
static int report(struct epoll_set *s, struct epoll_item *item, struct epoll_event *event_user)
{
	uint32_t now = ask_item(item), events;
	struct epoll_event e;

	spin_lock(&s->lock);
	events = item->events;
	e = (struct epoll_event){.events = wanted_of(item, now), .data = item->data};
	if (e.events != 0 && (events & EPOLLONESHOT))
		item->events &= EPOLL_FLAGS;
	else if (e.events != 0 && !(events & EPOLLET) && list_empty(&item->ready_link))
		list_push_back(&s->ready, &item->ready_link); /* level: asked again next time */
	spin_unlock(&s->lock);
	if (e.events == 0)
		return 0;
	if (copy_to_user(event_user, &e, sizeof(e)) == 0)
		return 1;
	not_reported(item, events);
	return -EFAULT;
}

/* Number of events stored, or -EFAULT if the first could not be. */
static int collect(struct epoll_set *s, struct epoll_event *events_user, int max)
{
	struct epoll_item *item;
	struct list batch;
	int nr = 0, got = 0;

	if (!SPIN_NEEDS_ATOMIC && list_empty(&s->ready) && !mutex_is_taken(&s->looking))
		return 0; /* with one CPU this cannot change meanwhile */
	mutex_lock(&s->looking);
	take_ready(s, &batch);
	while (nr < max && (item = next_of(s, &batch)) != NULL) {
		got = report(s, item, &events_user[nr]);
		epoll_item_put(item);
		if (got < 0)
			break;
		nr += got;
	}
	give_back(s, &batch);
	mutex_unlock(&s->looking);
	/* What is left is another thread's chance; its wake-up may have come to us. */
	if (!list_empty(&s->ready)) /* whoever adds wakes, so an old answer does no harm */
		waitq_wake_one(&s->wq, POLLIN);
	return nr > 0 ? nr : got < 0 ? got : 0;
}

static int wait_for_ready(struct epoll_set *s, uint64_t deadline_ns)
{
	struct waiter w = {.thread = thread_current(), .exclusive = true};
	int err = 0;

	list_init(&w.link);
	waitq_add(&s->wq, &w);
	while (err == 0) {
		sched_prepare();
		if (!list_empty(&s->ready))
			break;
		err = wait_sleep(deadline_ns, true);
	}
	waitq_remove(&w);
	/* A wake-up that came to us although we do something else. */
	if (err != 0 && !list_empty(&s->ready))
		waitq_wake_one(&s->wq, POLLIN);
	return err;
}

/* deadline_ns 0: do not wait. */
static int do_wait(int epfd, struct epoll_event *events_user, int max, uint64_t deadline_ns)
{
	struct file *f;
	struct epoll_set *s;
	int nr, err = 0;

	if (max <= 0 || max > EVENTS_MAX)
		return -EINVAL;
	f = fd_get(epfd);
	if (f == NULL)
		return -EBADF;
	s = epoll_set_of(f);
	if (s == NULL) {
		file_put(f);
		return -EINVAL;
	}
	for (;;) {
		nr = collect(s, events_user, max);
		if (nr != 0 || err != 0 || deadline_ns == 0)
			break;
		err = wait_for_ready(s, deadline_ns);
		if (err == -EINTR)
			break;
	}
	file_put(f);
	if (nr != 0)
		return nr;
	return err == -EINTR ? -EINTR : 0;
}

/* The set polled itself, by poll or from another set. Items that have nothing to say leave the ready list. */
static uint32_t epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll_set *s = f->priv;
	struct epoll_item *item;
	struct list batch;
	bool found = false;

	poll_wait(f, &s->poll_wq, pt);
	mutex_lock(&s->looking);
	take_ready(s, &batch);
	while (!found && (item = next_of(s, &batch)) != NULL) {
		uint32_t now = ask_item(item);

		spin_lock(&s->lock);
		found = wanted_of(item, now) != 0;
		if (found && list_empty(&item->ready_link))
			list_push_front(&batch, &item->ready_link);
		spin_unlock(&s->lock);
		epoll_item_put(item);
	}
	give_back(s, &batch);
	mutex_unlock(&s->looking);
	return found ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	epoll_set_destroy(f->priv);
}

static const struct file_ops epoll_ops = {
	.own_lock = true,
	.poll = epoll_poll,
	.release = epoll_release,
};

struct epoll_set *epoll_set_of(const struct file *f)
{
	return f->ops == &epoll_ops ? f->priv : NULL;
}

long sys_epoll_create1(int flags)
{
	struct epoll_set *s;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	s = epoll_set_create();
	if (s == NULL)
		return -ENOMEM;
	s->file = file_anon(&epoll_ops, s, FILE_READ | FILE_WRITE, O_RDWR, "anon_inode:[eventpoll]", 0600);
	if (s->file == NULL) {
		epoll_set_destroy(s);
		return -ENOMEM;
	}
	struct file *f = s->file;
	int fd = fd_install(f, 0, flags & EPOLL_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static int ctl_add(struct epoll_set *s, struct file *f, int fd, const struct epoll_event *e)
{
	bool nested = epoll_set_of(f) != NULL;
	int err;

	if (e->events & EPOLLEXCLUSIVE) {
		const uint32_t allowed =
			EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | (uint32_t)EPOLLET | EPOLLEXCLUSIVE;
		if (nested || (e->events & ~allowed))
			return -EINVAL;
	}
	if (!nested)
		return epoll_set_add(s, f, fd, e->events, e->data);
	err = epoll_nest_begin(s, f);
	if (err != 0)
		return err;
	err = epoll_set_add(s, f, fd, e->events, e->data);
	epoll_nest_end();
	return err;
}

static int ctl_mod(struct epoll_set *s, struct file *f, int fd, const struct epoll_event *e)
{
	struct epoll_item *item = epoll_set_find(s, f, fd);
	bool refused, found;
	uint32_t now;

	if (item == NULL)
		return -ENOENT;
	spin_lock(&s->lock);
	refused = (e->events & EPOLLEXCLUSIVE) || (item->events & EPOLLEXCLUSIVE);
	if (!refused) {
		WRITE_ONCE(item->events, e->events);
		item->data = e->data;
	}
	spin_unlock(&s->lock);
	if (!refused) {
		/* Between the new events and the look at the file: who changes it looks at them afterwards
		 * (hook_woken). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		now = ask_file(f);
		spin_lock(&s->lock);
		found = wanted_of(item, now) != 0;
		spin_unlock(&s->lock);
		if (found)
			epoll_item_ready(item);
	}
	epoll_item_put(item);
	return refused ? -EINVAL : 0;
}

static int do_ctl(struct file *ep, int op, struct file *f, int fd, const struct epoll_event *e)
{
	struct epoll_set *s = epoll_set_of(ep);

	if (f->ops->poll == NULL)
		return -EPERM; /* always ready: regular files and the like */
	if (s == NULL || ep == f)
		return -EINVAL;
	switch (op) {
	case EPOLL_CTL_ADD:
		return ctl_add(s, f, fd, e);
	case EPOLL_CTL_MOD:
		return ctl_mod(s, f, fd, e);
	case EPOLL_CTL_DEL:
		return epoll_set_remove(s, f, fd);
	default:
		return -EINVAL;
	}
}

long sys_epoll_ctl(int epfd, int op, int fd, const void *event_user)
{
	struct epoll_event e = {0};
	struct file *ep, *f;
	int err = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_from_user(&e, event_user, sizeof(e)) != 0)
		return -EFAULT;
	e.events |= EPOLLERR | EPOLLHUP; /* told without being asked for: who wants no more asks for nothing */
	ep = fd_get(epfd);
	f = fd_get(fd);
	if (ep != NULL && f != NULL)
		err = do_ctl(ep, op, f, fd, &e);
	file_put(f);
	file_put(ep);
	return err;
}

static uint64_t deadline_from_ms(int timeout_ms)
{
	if (timeout_ms < 0)
		return WAIT_FOREVER;
	return timeout_ms == 0 ? 0 : deadline_after((uint64_t)timeout_ms * 1000000);
}

static long wait_masked(int epfd, void *events_user, int max, uint64_t deadline_ns, const void *sigmask_user,
			size_t sigset_bytes)
{
	int result = signal_begin_temp_mask(sigmask_user, sigset_bytes);

	if (result != 0)
		return result;
	result = do_wait(epfd, events_user, max, deadline_ns);
	signal_end_temp_mask(result == -EINTR);
	return result;
}

long sys_epoll_wait(int epfd, void *events_user, int max_events, int timeout_ms)
{
	return do_wait(epfd, events_user, max_events, deadline_from_ms(timeout_ms));
}

long sys_epoll_pwait(int epfd, void *events_user, int max_events, int timeout_ms, const void *sigmask_user,
		     size_t sigset_bytes)
{
	return wait_masked(epfd, events_user, max_events, deadline_from_ms(timeout_ms), sigmask_user, sigset_bytes);
}

long sys_epoll_pwait2(int epfd, void *events_user, int max_events, const void *timeout_user, const void *sigmask_user,
		      size_t sigset_bytes)
{
	uint64_t deadline = WAIT_FOREVER, ns;

	if (timeout_user != NULL) {
		int err = timespec_from_user(timeout_user, &ns);
		if (err != 0)
			return err;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	return wait_masked(epfd, events_user, max_events, deadline, sigmask_user, sigset_bytes);
}
