/* SPDX-License-Identifier: MIT */
/* poll.c - see poll.h; and poll(2), ppoll(2). */
#include "kernel/fs/poll.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/timespec.h"

static void entry_woken(struct waiter *waiter, uint32_t events)
{
	struct poll_entry *e = container_of(waiter, struct poll_entry, waiter);

	if (events != 0 && !(events & (e->events | POLLERR | POLLHUP)))
		return;
	e->owner->triggered = true;
	sched_wake(e->owner->thread);
}

static struct poll_entry *new_entry(struct poll_waiter *w)
{
	struct poll_chunk *c = w->chunks;

	if (w->used < POLL_ENTRIES_INLINE)
		return &w->entries[w->used++];
	if (c == NULL || c->used == POLL_ENTRIES_CHUNK) {
		c = kmalloc(sizeof(*c));
		if (c == NULL)
			return NULL;
		c->used = 0;
		c->next = w->chunks;
		w->chunks = c;
	}
	return &c->entries[c->used++];
}

static void register_on(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct poll_waiter *w = container_of(pt, struct poll_waiter, table);
	struct poll_entry *e = new_entry(w);

	if (e == NULL) {
		w->error = -ENOMEM;
		return;
	}
	*e = (struct poll_entry){.waiter = {.thread = w->thread, .wake = entry_woken},
				 .owner = w,
				 .file = file_get(f),
				 .events = w->events};
	list_init(&e->waiter.link);
	waitq_add(wq, &e->waiter);
}

void poll_wait_init(struct poll_waiter *w)
{
	/* The entries are left as they are: only those in use are looked at. */
	w->table.queue = register_on;
	w->thread = thread_current();
	w->registering = true;
	w->triggered = false;
	w->error = 0;
	w->used = 0;
	w->chunks = NULL;
}

uint32_t poll_wait_file(struct poll_waiter *w, struct file *f, uint32_t events)
{
	bool entered = file_enter(f);
	uint32_t now;

	w->events = events;
	now = file_poll(f, w->registering ? &w->table : NULL);
	file_leave(entered);
	return now & (events | POLLERR | POLLHUP);
}

int poll_wait_sleep(struct poll_waiter *w, uint64_t deadline_ns)
{
	int err = w->error;

	w->registering = false;
	while (err == 0) {
		sched_prepare();
		if (READ_ONCE(w->triggered))
			break;
		err = wait_sleep(deadline_ns, true);
	}
	w->triggered = false; /* before the scan that follows, so that what comes during it counts */
	return err;
}

static void entry_done(struct poll_entry *e)
{
	bool entered = file_enter(e->file); /* its wait queue may be somebody else's, who takes it away: signalfd */

	waitq_remove(&e->waiter);
	file_leave(entered);
	file_put(e->file);
}

void poll_wait_done(struct poll_waiter *w)
{
	for (unsigned i = 0; i < w->used; i++)
		entry_done(&w->entries[i]);
	while (w->chunks != NULL) {
		struct poll_chunk *c = w->chunks;
		w->chunks = c->next;
		for (unsigned i = 0; i < c->used; i++)
			entry_done(&c->entries[i]);
		kfree(c);
	}
}

static int scan_pollfds(struct poll_waiter *w, struct pollfd *fds, unsigned nr)
{
	int ready = 0;

	for (unsigned i = 0; i < nr; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		struct file *f = fd_get(fds[i].fd);
		if (f == NULL) {
			fds[i].revents = POLLNVAL;
		} else {
			fds[i].revents = (short)poll_wait_file(w, f, (uint16_t)fds[i].events);
			file_put(f);
		}
		if (fds[i].revents != 0) {
			ready++;
			w->registering = false; /* it will not sleep */
		}
	}
	return ready;
}

/* Number of ready descriptors, or -errno; -EINTR when interrupted. */
static int do_poll(struct pollfd *fds, unsigned nr, uint64_t deadline_ns)
{
	struct poll_waiter w;
	int ready, err = 0;

	poll_wait_init(&w);
	w.registering = deadline_ns != 0;
	for (;;) {
		ready = scan_pollfds(&w, fds, nr);
		if (ready > 0 || err != 0 || deadline_ns == 0)
			break;
		err = poll_wait_sleep(&w, deadline_ns);
		if (err == -EINTR || err == -ENOMEM)
			break;
	}
	poll_wait_done(&w);
	if (ready > 0)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

#define POLLFDS_INLINE 16

/* The whole of poll(2) but the timeout's conversion. deadline_ns 0: do not wait. */
static int poll_user(struct pollfd *fds_user, unsigned nr, uint64_t deadline_ns)
{
	struct pollfd few[POLLFDS_INLINE], *fds = few;
	int result;

	if (nr > process_current()->rlimit[RLIMIT_NOFILE].cur)
		return -EINVAL;
	if (nr > POLLFDS_INLINE)
		fds = kmalloc(nr * sizeof(*fds));
	if (fds == NULL)
		return -ENOMEM;
	result = copy_from_user(fds, fds_user, nr * sizeof(*fds));
	if (result == 0)
		result = do_poll(fds, nr, deadline_ns);
	for (unsigned i = 0; result >= 0 && i < nr; i++)
		if (copy_to_user(&fds_user[i].revents, &fds[i].revents, sizeof(fds[i].revents)) != 0)
			result = -EFAULT;
	if (fds != few)
		kfree(fds);
	return result;
}

static long poll_again(struct restart_block *rb)
{
	int result = poll_user((struct pollfd *)rb->arg[0], (unsigned)rb->arg[1], rb->deadline_ns);

	if (result == -EINTR)
		return signal_restart_with(poll_again, rb->deadline_ns, rb->arg[0], rb->arg[1], 0, 0, 0);
	return result;
}

long sys_poll(struct pollfd *fds_user, unsigned nr, int timeout_ms)
{
	uint64_t deadline = WAIT_FOREVER;

	if (timeout_ms >= 0)
		deadline = timeout_ms == 0 ? 0 : deadline_after((uint64_t)timeout_ms * 1000000);
	int result = poll_user(fds_user, nr, deadline);
	if (result == -EINTR)
		return signal_restart_with(poll_again, deadline, (uint64_t)fds_user, nr, 0, 0, 0);
	return result;
}

/* What is left until deadline_ns. */
static uint64_t ns_left(uint64_t deadline_ns)
{
	uint64_t now = clock_monotonic_ns();

	return deadline_ns > now ? deadline_ns - now : 0;
}

long sys_ppoll(struct pollfd *fds_user, unsigned nr, void *timeout_user, const void *sigmask_user, size_t sigset_bytes)
{
	uint64_t deadline = WAIT_FOREVER, ns;
	int result;

	if (timeout_user != NULL) {
		result = timespec_from_user(timeout_user, &ns);
		if (result != 0)
			return result;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	result = signal_begin_temp_mask(sigmask_user, sigset_bytes);
	if (result != 0)
		return result;
	result = poll_user(fds_user, nr, deadline);
	signal_end_temp_mask(result == -EINTR);
	/* Linux reports the time left; a timeout in read-only memory is no error. */
	if (timeout_user != NULL && deadline != 0 && deadline != WAIT_FOREVER)
		(void)!timespec_to_user(timeout_user, ns_left(deadline));
	return result == -EINTR ? -ERESTARTNOHAND : result;
}
