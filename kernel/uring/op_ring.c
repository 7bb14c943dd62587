/* SPDX-License-Identifier: MIT */
/* op_ring.c - requests about rings: registered files, groups of buffers, a message to another ring. */
#include <errno.h>

#include "kernel/uring/uring_priv.h"

static int ring_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	r->fs.a[0] = sqe->addr;
	r->fs.a[1] = sqe->off;
	r->fs.a[2] = sqe->len;
	r->fs.a[3] = sqe->rw_flags;
	return 0;
}

static int files_update_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return fixed_update_files(r->ring, (unsigned)r->fs.a[1], (const void *)r->fs.a[0], (unsigned)r->fs.a[2]);
}

static int provide_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	if (r->fd <= 0 || r->fd > 65536)
		return -E2BIG;
	return group_provide(r->ring, r->group, r->fs.a[0], (uint32_t)r->fs.a[2], (unsigned)r->fd,
			     (unsigned)r->fs.a[1]);
}

static int remove_issue(struct uring_req *r, bool nowait)
{
	(void)nowait;
	return r->fd <= 0 || r->fd > 65536 ? -EINVAL : group_remove(r->ring, r->group, (unsigned)r->fd);
}

/* A completion in the ring r.file: off is its user_data, len its result. */
static int msg_ring_issue(struct uring_req *r, bool nowait)
{
	struct uring *to = uring_of(r->file);

	(void)nowait;
	if (to == NULL)
		return -EBADFD;
	if (r->fs.a[0] != IORING_MSG_DATA || r->fs.a[3] != 0)
		return -EINVAL;
	if (to->disabled)
		return -EBADFD;
	ring_post(to, r->fs.a[1], (int32_t)r->fs.a[2], 0, true);
	return 0;
}

const struct uring_op uring_op_files_update = {.prepare = ring_prepare, .issue = files_update_issue};
const struct uring_op uring_op_provide_buffers = {.prepare = ring_prepare, .issue = provide_issue};
const struct uring_op uring_op_remove_buffers = {.prepare = ring_prepare, .issue = remove_issue};
const struct uring_op uring_op_msg_ring = {.needs_file = true, .prepare = ring_prepare, .issue = msg_ring_issue};
