/* SPDX-License-Identifier: MIT */
/* cancel.c - ending requests before their time: one, those that match, all of a ring. */
#include <errno.h>

#include "kernel/sched/thread.h"
#include "kernel/uring/uring_priv.h"

int request_cancel(struct uring_req *r)
{
	switch (r->state) {
	case URING_WAITING:
		if (!request_claim(r))
			return -EALREADY;
		request_disarm(r);
		request_complete(r, -ECANCELED);
		return 0;
	case URING_READY:
		r->canceled = true; /* whoever takes it off its list finds that */
		return 0;
	case URING_DEFERRED:
		list_remove(&r->queue_link);
		request_fail_chain(r);
		return 0;
	case URING_BLOCKING:
		r->canceled = true;
		r->worker->work |= THREAD_WORK_SIGNAL;
		sched_wake(r->worker);
		return -EALREADY;
	default:
		return -EALREADY;
	}
}

static bool matches(const struct uring_req *r, const struct uring_match *m)
{
	/* The canceling one itself, one behind another which has not begun, one that a thread is trying just now. */
	if (r == m->except || r->state == URING_RUNNING)
		return false;
	if (m->flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	if ((m->flags & IORING_ASYNC_CANCEL_FD) && r->file != m->file)
		return false;
	if ((m->flags & IORING_ASYNC_CANCEL_OP) && r->opcode != m->opcode)
		return false;
	if (!(m->flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) ||
	    (m->flags & IORING_ASYNC_CANCEL_USERDATA))
		return r->user_data == m->user_data;
	return true;
}

static struct uring_req *find(struct uring *ring, struct uring_task *task, const struct uring_match *m)
{
	list_for_each (r, &ring->requests, ring_link, struct uring_req)
		if ((task == NULL || r->task == task) && !r->canceled && matches(r, m))
			return r;
	return NULL;
}

int uring_cancel(struct uring *ring, struct uring_task *task, const struct uring_match *m)
{
	bool all = m->flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
	struct uring_req *r;
	int nr = 0;

	while ((r = find(ring, task, m)) != NULL) {
		int err = request_cancel(r);

		if (!all)
			return err;
		nr++;
	}
	return all ? nr : -ENOENT;
}

/* The ring is closed. Requests that a worker is in end when they return, the others now. */
void uring_cancel_all(struct uring *ring)
{
	const struct uring_match any = {.flags = IORING_ASYNC_CANCEL_ANY};

	(void)!uring_cancel(ring, NULL, &any);
	/* What was ready was a thread's in io_uring_enter, and nobody is there any more. */
	while (!list_empty(&ring->ready)) {
		struct uring_req *r = list_first(&ring->ready, struct uring_req, queue_link);

		list_remove(&r->queue_link);
		r->canceled = true;
		request_run(r);
	}
}
