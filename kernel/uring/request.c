/* SPDX-License-Identifier: MIT */
/* request.c - the life of a request: started, tried, parked, completed; chains and drains. States: uring_priv.h. */
#include <errno.h>
#include <poll.h>

#include "kernel/fs/epoll_priv.h"
#include "kernel/linux/sys.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/uring/uring_priv.h"
#include "lib/string.h"

/* A file that says "ready" and then has nothing, again and again (others take it away): leave it to a worker. */
#define TRIES_MAX 16

struct uring_req *request_alloc(struct uring *ring, struct uring_task *task)
{
	struct uring_req *r = kmalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	memset(r, 0, offsetof(struct uring_req, hook));
	r->ring = ring;
	r->task = task;
	ring->refs++;
	list_push_back(&ring->requests, &r->ring_link);
	task_add(task, r);
	list_init(&r->queue_link);
	list_init(&r->timeout_link);
	list_init(&r->event_link);
	r->state = URING_RUNNING;
	r->prepared = false;
	ktimer_init(&r->timer, NULL, NULL);
	return r;
}

static void request_free(struct uring_req *r)
{
	struct uring *ring = r->ring;

	if (r->prepared && r->op->cleanup != NULL)
		r->op->cleanup(r);
	list_remove(&r->ring_link);
	list_remove(&r->timeout_link);
	task_remove(r);
	file_put(r->file);
	kfree(r);
	uring_put(ring);
}

/* --- completion --- */

static void post(struct uring_req *r, int32_t res, uint32_t flags, bool ok)
{
	if (ok && (r->flags & IOSQE_CQE_SKIP_SUCCESS))
		return;
	ring_post(r->ring, r->user_data, res, flags, r->opcode != IORING_OP_TIMEOUT);
}

bool request_post_more(struct uring_req *r, int32_t res)
{
	if (ring_cq_full(r->ring))
		return false;
	ring_post(r->ring, r->user_data, res, r->cqe_flags | IORING_CQE_F_MORE, true);
	return true;
}

/* The requests of a chain behind one that failed. They were never started. */
static void cancel_links(struct uring_req *r, bool silent)
{
	while (r != NULL) {
		struct uring_req *next = r->link;

		if (!silent)
			ring_post(r->ring, r->user_data, -ECANCELED, 0, true);
		request_free(r);
		r = next;
	}
}

/* Whom a link timeout watched is over: so is the timeout, unless it has fired and is on its way. */
static void end_link_timeout(struct uring_req *lt)
{
	lt->watched = NULL;
	if (!request_claim(lt))
		return;
	request_disarm(lt);
	request_complete(lt, -ECANCELED);
}

static bool is_hard(const struct uring_req *r)
{
	return r->flags & IOSQE_IO_HARDLINK;
}

void request_complete(struct uring_req *r, int32_t res)
{
	struct uring *ring = r->ring;
	struct uring_req *next = r->link, *lt = r->link_timeout;
	bool failed = r->failed || (res < 0 && !(res == -ETIME && r->expiry_is_fine));
	bool silent = failed && (r->flags & IOSQE_CQE_SKIP_SUCCESS);
	bool hard = is_hard(r), drain = r->drains;

	if (r->has_buffer && res >= 0)
		r->cqe_flags |= IORING_CQE_F_BUFFER | (uint32_t)r->buffer.id << IORING_CQE_BUFFER_SHIFT;
	else if (r->has_buffer)
		group_give_back(r);
	post(r, res, r->cqe_flags, !failed);
	if (r->watched != NULL)
		r->watched->link_timeout = NULL;
	ring->refs++; /* over the free */
	request_free(r);
	if (lt != NULL)
		end_link_timeout(lt);
	if (next != NULL && failed && !hard)
		cancel_links(next, silent);
	ring->nr_running--;
	if (drain)
		ring->draining = false;
	if (next != NULL && !(failed && !hard)) {
		ring->nr_running++;
		next->state = URING_WAITING;
		request_event(next); /* not here: chains would recurse */
	}
	uring_check_drain(ring);
	uring_put(ring);
}

void request_fail_chain(struct uring_req *r)
{
	while (r != NULL) {
		struct uring_req *next = r->link;

		ring_post(r->ring, r->user_data, r->error != 0 ? r->error : -ECANCELED, 0, true);
		request_free(r);
		r = next;
	}
}

/* --- running --- */

bool request_claim(struct uring_req *r)
{
	if (r->state != URING_WAITING)
		return false;
	r->state = URING_RUNNING;
	return true;
}

/*
 * Must who polls the ring be told that there is something to run? Only where nobody else runs it. Not for requests that
 * watch rings or epoll sets: an event of theirs may have begun at our own poll_wq, whose lock is held then. A worker
 * runs those.
 */
static bool tells_pollers(const struct uring_req *r)
{
	return (r->ring->flags & IORING_SETUP_DEFER_TASKRUN) && task_owns_ring(r->task, r->ring) &&
	       (r->file == NULL || (uring_of(r->file) == NULL && epoll_set_of(r->file) == NULL));
}

void request_make_ready(struct uring_req *r)
{
	struct uring *ring = r->ring;
	bool tell = tells_pollers(r);

	r->state = URING_READY;
	if (tell || (task_owns_ring(r->task, ring) && ring->nr_inside > 0)) {
		list_push_back(&ring->ready, &r->queue_link);
		waitq_wake(&ring->wait_wq, 0);
		if (tell)
			waitq_wake(&ring->poll_wq, POLLIN | POLLRDNORM);
	} else {
		task_queue(r, false);
	}
}

void request_event(struct uring_req *r)
{
	if (r->arming) {
		r->fired = true;
		return;
	}
	if (request_claim(r))
		request_make_ready(r);
}

static void to_worker(struct uring_req *r)
{
	int err = task_need_worker(r->task);

	if (err != 0) {
		request_complete(r, err);
		return;
	}
	r->state = URING_READY;
	task_queue(r, true);
}

/* Tries r until it is done, parked, or a worker's business. */
static void issue(struct uring_req *r)
{
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		const struct uring_op *op = r->op;
		uint32_t now;
		int res = op->issue(r, true);

		if (res == URING_PARKED)
			return;
		if (res != -EAGAIN || op->poll_in == 0 || r->no_wait) {
			request_complete(r, res);
			return;
		}
		if (r->has_buffer)
			group_give_back(r);
		if (r->file == NULL || r->file->ops->poll == NULL)
			break;
		if (request_arm_poll(r, op->poll_in, &now))
			return;
		if (r->poll_failed)
			break;
	}
	to_worker(r);
}

static void arm_link_timeout(struct uring_req *r)
{
	struct uring_req *lt = r->link;

	if (lt == NULL || lt->opcode != IORING_OP_LINK_TIMEOUT)
		return;
	r->link = lt->link;
	lt->link = NULL;
	/* The chain goes on behind the timeout, with the timeout's flags about that. */
	r->flags = (uint8_t)((r->flags & ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) |
			     (lt->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)));
	r->link_timeout = lt;
	lt->watched = r;
	r->ring->nr_running++;
	lt->state = URING_WAITING;
	request_arm_timer(lt, lt->timeout.deadline_ns);
}

/* At the start, not when the entry was read: the request before it in the chain may have opened it. */
static bool take_file(struct uring_req *r)
{
	if (r->op->needs_file && r->file == NULL)
		r->file = r->flags & IOSQE_FIXED_FILE ? fixed_file(r->ring, (unsigned)r->fd) : fd_get(r->fd);
	return !r->op->needs_file || r->file != NULL;
}

void request_start(struct uring_req *r)
{
	r->started = true;
	r->state = URING_RUNNING;
	arm_link_timeout(r);
	if (!take_file(r))
		request_complete(r, -EBADF);
	else if (r->op->may_block || (r->flags & IOSQE_ASYNC))
		to_worker(r);
	else
		issue(r);
}

/* A link timeout that fired or was canceled. */
static void run_link_timeout(struct uring_req *r)
{
	struct uring_req *watched = r->watched;
	int err = r->canceled ? -ECANCELED : -ETIME;

	r->watched = NULL;
	if (watched != NULL) {
		watched->link_timeout = NULL;
		if (!r->canceled && request_cancel(watched) == -EALREADY)
			err = -EALREADY;
	}
	request_complete(r, err);
}

void request_run(struct uring_req *r)
{
	r->state = URING_RUNNING;
	request_disarm(r);
	if (r->opcode == IORING_OP_LINK_TIMEOUT)
		run_link_timeout(r);
	else if (r->canceled || task_is_ending(r->task) || r->ring->closed)
		request_complete(r, -ECANCELED);
	else if (!r->started)
		request_start(r);
	else if (r->expired)
		request_complete(r, -ETIME);
	else
		issue(r);
}

bool uring_run_ready(struct uring *ring)
{
	bool any = false;

	while (!list_empty(&ring->ready)) {
		struct uring_req *r = list_first(&ring->ready, struct uring_req, queue_link);

		if (!task_is_current(r->task))
			break;
		list_remove(&r->queue_link);
		request_run(r);
		any = true;
	}
	return any;
}

/* --- drain --- */

/*
 * io_uring_enter(2), IOSQE_IO_DRAIN: it starts when all before it are complete, and those behind it when it is. While
 * anything is deferred, whatever is submitted goes behind it.
 */
void uring_check_drain(struct uring *ring)
{
	while (!list_empty(&ring->deferred) && !ring->draining) {
		struct uring_req *r = list_first(&ring->deferred, struct uring_req, queue_link);

		if (r->drains && ring->nr_running > 0)
			return;
		list_remove(&r->queue_link);
		ring->nr_running++;
		ring->draining = r->drains;
		request_make_ready(r);
	}
}

void request_queue_chain(struct uring_req *head)
{
	struct uring *ring = head->ring;

	for (struct uring_req *r = head; r != NULL; r = r->link)
		head->drains |= (r->flags & IOSQE_IO_DRAIN) != 0;
	if (ring->draining || !list_empty(&ring->deferred) || (head->drains && ring->nr_running > 0)) {
		head->state = URING_DEFERRED;
		list_push_back(&ring->deferred, &head->queue_link);
		return;
	}
	ring->nr_running++;
	ring->draining = head->drains;
	request_start(head);
}
