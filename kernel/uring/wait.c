/* SPDX-License-Identifier: MIT */
/*
 * wait.c - what a parked request waits for: events of its file, and time.
 * While a request is being armed (`arming`) an event only leaves a mark, so that nobody takes the request from under
 * the thread that arms it.
 */
#include <errno.h>
#include <poll.h>

#include "kernel/sched/klock.h"
#include "kernel/time/timespec.h"
#include "kernel/uring/uring_priv.h"

static void hook_woken(struct waiter *w, uint32_t events)
{
	struct uring_req *r = container_of(w, struct uring_hook, waiter)->req;

	if (events != 0 && !(events & (r->poll_events | POLLERR | POLLHUP)))
		return;
	if (kernel_must_enter()) /* a file with a lock of its own, under which nobody may wait for the kernel's */
		task_leave_event(r);
	else
		request_event(r);
}

static void register_hook(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct uring_req *r = container_of(pt, struct uring_req, poll_table);
	struct uring_hook *h;

	(void)f;
	if (r->nr_hooks == URING_HOOKS) {
		r->poll_failed = true;
		return;
	}
	h = &r->hook[r->nr_hooks++];
	*h = (struct uring_hook){.waiter = {.wake = hook_woken}, .req = r};
	list_init(&h->waiter.link);
	waitq_add(wq, &h->waiter);
}

static void unhook(struct uring_req *r)
{
	for (unsigned i = 0; i < r->nr_hooks; i++)
		waitq_remove(&r->hook[i].waiter);
	if (r->nr_hooks > 0)
		task_forget_event(r);
	r->nr_hooks = 0;
}

void request_disarm(struct uring_req *r)
{
	unhook(r);
	ktimer_cancel(&r->timer);
}

/* Parks r until something happens, unless a state beyond `seen` is there already, which *now tells. */
static bool arm(struct uring_req *r, uint32_t events, uint32_t seen, uint32_t *now)
{
	r->poll_failed = task_need_worker(r->task) != 0;
	if (r->poll_failed)
		return false;
	r->poll_events = events;
	r->poll_table.queue = register_hook;
	r->fired = false;
	r->arming = true;
	*now = file_poll(r->file, &r->poll_table) & (events | POLLERR | POLLHUP);
	r->arming = false;
	if ((*now & ~seen) == 0 && !r->fired && !r->poll_failed) {
		r->state = URING_WAITING;
		return true;
	}
	unhook(r);
	return false;
}

bool request_arm_poll(struct uring_req *r, uint32_t events, uint32_t *now)
{
	return arm(r, events, 0, now);
}

bool request_arm_change(struct uring_req *r, uint32_t events, uint32_t seen)
{
	uint32_t now;

	return arm(r, events, seen, &now);
}

static void timer_fired(struct ktimer *t)
{
	struct uring_req *r = t->arg;

	if (r->state == URING_WAITING)
		r->expired = true;
	request_event(r);
}

void request_arm_timer(struct uring_req *r, uint64_t deadline_ns)
{
	ktimer_init(&r->timer, timer_fired, r);
	if (deadline_ns != WAIT_FOREVER)
		ktimer_arm(&r->timer, deadline_ns);
}

/* IORING_TIMEOUT_*: boot time is monotonic time here, because nothing suspends the VM without its clock. */
int timeout_deadline(const void *ts_user, uint32_t flags, uint64_t *deadline_ns)
{
	uint64_t ns;
	int err;

	if ((flags & IORING_TIMEOUT_CLOCK_MASK) == IORING_TIMEOUT_CLOCK_MASK)
		return -EINVAL;
	err = timespec_from_user(ts_user, &ns);
	if (err != 0)
		return err;
	if (!(flags & IORING_TIMEOUT_ABS))
		*deadline_ns = deadline_after(ns);
	else if (flags & IORING_TIMEOUT_REALTIME)
		*deadline_ns = deadline_from_realtime(ns);
	else
		*deadline_ns = ns;
	return 0;
}

void uring_count_completion(struct uring *ring)
{
	list_for_each_safe (r, &ring->timeouts, timeout_link, struct uring_req) {
		if (--r->timeout.count > 0)
			continue;
		list_remove(&r->timeout_link);
		r->expired = false;
		request_event(r); /* it is run again, and finds its count at 0 */
	}
}
