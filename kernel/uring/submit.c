/* SPDX-License-Identifier: MIT */
/* submit.c - from the submission queue's entries to requests and chains of them. */
#include <errno.h>

#include "kernel/uring/uring_priv.h"

#define LINK_FLAGS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)
#define SQE_FLAGS                                                                                                      \
	(IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | LINK_FLAGS | IOSQE_ASYNC | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS)

/* A chain while its entries come in. */
struct chain {
	struct uring_req *head, *tail;
	bool failed;
};

static int prepare(struct uring_req *r, const struct io_uring_sqe *sqe, const struct chain *c)
{
	int err = 0;

	r->opcode = sqe->opcode;
	r->flags = sqe->flags;
	r->user_data = sqe->user_data;
	r->fd = sqe->fd;
	r->ioprio = sqe->ioprio;
	r->op = uring_op(sqe->opcode);
	if (r->op == NULL || (sqe->flags & ~SQE_FLAGS) || sqe->personality != 0)
		return -EINVAL;
	if ((sqe->flags & IOSQE_BUFFER_SELECT) && !r->op->selects_buffer)
		return -EOPNOTSUPP;
	if (sqe->opcode == IORING_OP_LINK_TIMEOUT && (c->head == NULL || c->tail->opcode == IORING_OP_LINK_TIMEOUT))
		return -EINVAL; /* nobody to watch */
	r->group = sqe->buf_group;
	if (r->op->prepare != NULL)
		err = r->op->prepare(r, sqe);
	r->prepared = err == 0;
	return err;
}

static void append(struct chain *c, struct uring_req *r)
{
	if (c->head == NULL)
		c->head = r;
	else
		c->tail->link = r;
	c->tail = r;
	c->failed |= r->error != 0;
}

static void finish(struct chain *c)
{
	if (c->head == NULL)
		return;
	if (c->failed)
		request_fail_chain(c->head);
	else
		request_queue_chain(c->head);
	*c = (struct chain){0};
}

int uring_submit(struct uring *ring, unsigned nr)
{
	struct uring_task *task = uring_task_current();
	struct io_uring_sqe sqe;
	struct chain c = {0};
	unsigned done = 0;
	int err = task == NULL ? -EAGAIN : 0;

	/* What becomes ready among a stranger's requests is a worker's business. */
	if (err == 0 && !task_owns_ring(task, ring))
		err = task_need_worker(task);
	nr = MIN(nr, ring->sq_entries);
	while (err == 0 && done < nr && ring_take_sqe(ring, &sqe)) {
		struct uring_req *r = request_alloc(ring, task);

		if (r == NULL) {
			ring_post(ring, sqe.user_data, -ENOMEM, 0, true);
			done++;
			break;
		}
		done++;
		r->error = prepare(r, &sqe, &c);
		append(&c, r);
		bool failed = r->error != 0;
		if (!(sqe.flags & LINK_FLAGS))
			finish(&c);
		if (failed && !(ring->flags & IORING_SETUP_SUBMIT_ALL))
			break;
	}
	finish(&c);
	return done > 0 ? (int)done : err;
}
