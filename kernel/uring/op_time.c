/* SPDX-License-Identifier: MIT */
/* op_time.c - polls, timeouts, and requests about other requests. */
#include <errno.h>
#include <poll.h>

#include "kernel/time/timespec.h"
#include "kernel/uring/uring_priv.h"

/* --- POLL_ADD, POLL_REMOVE --- */

static int poll_add_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->buf_index != 0 || sqe->off != 0 || sqe->addr != 0 || (sqe->len & ~IORING_POLL_ADD_MULTI))
		return -EINVAL;
	if ((sqe->len & IORING_POLL_ADD_MULTI) && (sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
		return -EINVAL;
	r->poll.events = sqe->poll32_events;
	r->poll.multi = sqe->len & IORING_POLL_ADD_MULTI;
	return 0;
}

static int poll_add_issue(struct uring_req *r, bool nowait)
{
	uint32_t now;

	(void)nowait;
	for (;;) {
		if (request_arm_poll(r, r->poll.events, &now))
			return URING_PARKED;
		if (r->poll_failed)
			return -ENOMEM;
		if (now != 0 && (!r->poll.multi || !request_post_more(r, (int32_t)now)))
			return (int)now;
		if (now == 0)
			continue; /* it was woken while it was armed, and then there was nothing */
		/* Multishot tells of changes: from here on it waits for the next one, whatever holds now. */
		if (request_arm_change(r, r->poll.events, now))
			return URING_PARKED;
	}
}

static int poll_remove_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	const unsigned known = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI;

	if (sqe->buf_index != 0 || sqe->splice_fd_in != 0 || (sqe->len & ~known))
		return -EINVAL;
	r->poll.update_events = sqe->len & IORING_POLL_UPDATE_EVENTS;
	r->poll.update_user_data = sqe->len & IORING_POLL_UPDATE_USER_DATA;
	if (sqe->len == IORING_POLL_ADD_MULTI || (!r->poll.update_user_data && sqe->off != 0) ||
	    (!r->poll.update_events && sqe->poll32_events != 0))
		return -EINVAL;
	r->poll.multi = sqe->len & IORING_POLL_ADD_MULTI;
	r->poll.events = sqe->poll32_events;
	r->poll.old_user_data = sqe->addr;
	r->poll.new_user_data = sqe->off;
	return 0;
}

static struct uring_req *find(struct uring *ring, uint8_t opcode, uint64_t user_data)
{
	list_for_each (r, &ring->requests, ring_link, struct uring_req)
		if (r->opcode == opcode && r->user_data == user_data && r->started && !r->canceled)
			return r;
	return NULL;
}

static int poll_remove_issue(struct uring_req *r, bool nowait)
{
	struct uring_req *old = find(r->ring, IORING_OP_POLL_ADD, r->poll.old_user_data);

	(void)nowait;
	if (old == NULL)
		return -ENOENT;
	if (!r->poll.update_events && !r->poll.update_user_data)
		return request_cancel(old);
	if (!request_claim(old))
		return -EALREADY;
	request_disarm(old);
	if (r->poll.update_events) {
		old->poll.events = r->poll.events;
		old->poll.multi = r->poll.multi;
	}
	if (r->poll.update_user_data)
		old->user_data = r->poll.new_user_data;
	request_make_ready(old);
	return 0;
}

const struct uring_op uring_op_poll_add = {.needs_file = true, .prepare = poll_add_prepare, .issue = poll_add_issue};
const struct uring_op uring_op_poll_remove = {.prepare = poll_remove_prepare, .issue = poll_remove_issue};

/* --- TIMEOUT, TIMEOUT_REMOVE, LINK_TIMEOUT --- */

#define TIMEOUT_FLAGS (IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS)

static int timeout_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->ioprio != 0 || sqe->buf_index != 0 || sqe->len != 1 || sqe->splice_fd_in != 0 ||
	    (sqe->timeout_flags & ~TIMEOUT_FLAGS))
		return -EINVAL;
	r->expiry_is_fine = sqe->timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS;
	r->timeout.count = (uint32_t)sqe->off;
	return timeout_deadline((const void *)sqe->addr, sqe->timeout_flags, &r->timeout.deadline_ns);
}

static int link_timeout_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	return sqe->off != 0 ? -EINVAL : timeout_prepare(r, sqe);
}

static int timeout_issue(struct uring_req *r, bool nowait)
{
	int err;

	(void)nowait;
	if (r->polled_first) /* run again: the completions it waited for are there */
		return 0;
	r->polled_first = true;
	err = task_need_worker(r->task);
	if (err != 0)
		return err;
	if (r->timeout.count > 0)
		list_push_back(&r->ring->timeouts, &r->timeout_link);
	r->state = URING_WAITING;
	request_arm_timer(r, r->timeout.deadline_ns);
	return URING_PARKED;
}

static int timeout_remove_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	const unsigned known = IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK;

	if (sqe->ioprio != 0 || sqe->buf_index != 0 || sqe->len != 0 || sqe->splice_fd_in != 0 ||
	    (sqe->timeout_flags & ~known))
		return -EINVAL;
	r->timeout.flags = sqe->timeout_flags;
	r->timeout.old_user_data = sqe->addr;
	if (!(sqe->timeout_flags & IORING_TIMEOUT_UPDATE_MASK))
		return sqe->timeout_flags != 0 ? -EINVAL : 0;
	return timeout_deadline((const void *)sqe->addr2, sqe->timeout_flags, &r->timeout.deadline_ns);
}

static int timeout_remove_issue(struct uring_req *r, bool nowait)
{
	bool linked = r->timeout.flags & IORING_LINK_TIMEOUT_UPDATE;
	struct uring_req *old = NULL;

	(void)nowait;
	list_for_each (it, &r->ring->requests, ring_link, struct uring_req)
		if (it->opcode == (linked ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT) &&
		    it->user_data == r->timeout.old_user_data && it->state == URING_WAITING) {
			old = it;
			break;
		}
	if (old == NULL)
		return -ENOENT;
	if (!(r->timeout.flags & IORING_TIMEOUT_UPDATE_MASK))
		return request_cancel(old);
	ktimer_cancel(&old->timer);
	list_remove(&old->timeout_link); /* from now on it is about time only, as on Linux */
	request_arm_timer(old, r->timeout.deadline_ns);
	return 0;
}

/* Never started by itself: request.c arms it with the one it watches. */
static int link_timeout_issue(struct uring_req *r, bool nowait)
{
	(void)r;
	(void)nowait;
	return -EINVAL;
}

const struct uring_op uring_op_timeout = {.prepare = timeout_prepare, .issue = timeout_issue};
const struct uring_op uring_op_timeout_remove = {.prepare = timeout_remove_prepare, .issue = timeout_remove_issue};
const struct uring_op uring_op_link_timeout = {.prepare = link_timeout_prepare, .issue = link_timeout_issue};

/* --- ASYNC_CANCEL --- */

#define CANCEL_FLAGS                                                                                                   \
	(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED |   \
	 IORING_ASYNC_CANCEL_USERDATA | IORING_ASYNC_CANCEL_OP)

static int cancel_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	const unsigned keys = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP;

	if (sqe->off != 0 || sqe->splice_fd_in != 0 || (sqe->cancel_flags & ~CANCEL_FLAGS) ||
	    (sqe->flags & IOSQE_BUFFER_SELECT))
		return -EINVAL;
	if ((sqe->cancel_flags & IORING_ASYNC_CANCEL_ANY) && (sqe->cancel_flags & keys))
		return -EINVAL;
	r->cancel.key = sqe->addr;
	r->cancel.flags = sqe->cancel_flags;
	r->cancel.fd = sqe->fd;
	r->cancel.opcode = (uint8_t)sqe->len;
	return 0;
}

static int cancel_issue(struct uring_req *r, bool nowait)
{
	struct uring_match m = {
		.user_data = r->cancel.key, .flags = r->cancel.flags, .opcode = r->cancel.opcode, .except = r};
	int res;

	(void)nowait;
	if (m.flags & IORING_ASYNC_CANCEL_FD) {
		bool fixed = (m.flags & IORING_ASYNC_CANCEL_FD_FIXED) || (r->flags & IOSQE_FIXED_FILE);
		m.file = fixed ? fixed_file(r->ring, (unsigned)r->cancel.fd) : fd_get(r->cancel.fd);
		if (m.file == NULL)
			return -EBADF;
	}
	res = uring_cancel(r->ring, r->task, &m);
	file_put(m.file);
	return res;
}

const struct uring_op uring_op_cancel = {.prepare = cancel_prepare, .issue = cancel_issue};
