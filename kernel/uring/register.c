/* SPDX-License-Identifier: MIT */
/* register.c - io_uring_register(2). */
#include <errno.h>

#include "kernel/fs/eventfd.h"
#include "kernel/mm/uaccess.h"
#include "kernel/uring/uring.h"
#include "kernel/uring/uring_priv.h"

static int register_eventfd(struct uring *ring, const void *fd_user, unsigned nr, bool async)
{
	uint32_t fd;
	struct file *f;

	if (nr != 1)
		return -EINVAL;
	if (ring->eventfd != NULL)
		return -EBUSY;
	if (get_user_u32(&fd, fd_user) != 0)
		return -EFAULT;
	f = fd_get((int)fd);
	if (f == NULL)
		return -EBADF;
	if (!eventfd_is(f)) {
		file_put(f);
		return -EINVAL;
	}
	ring->eventfd = f;
	ring->eventfd_async = async;
	return 0;
}

static int unregister_eventfd(struct uring *ring)
{
	struct file *f = ring->eventfd;

	if (f == NULL)
		return -ENXIO;
	ring->eventfd = NULL;
	file_put(f);
	return 0;
}

static int probe(void *probe_user, unsigned nr)
{
	struct io_uring_probe head = {.last_op = IORING_OP_LAST - 1};
	struct io_uring_probe_op *ops_user = (struct io_uring_probe_op *)((char *)probe_user + sizeof(head));
	struct io_uring_probe in;

	if (nr > 256)
		return -EINVAL;
	nr = MIN(nr, (unsigned)IORING_OP_LAST);
	if (copy_from_user(&in, probe_user, sizeof(in)) != 0)
		return -EFAULT;
	if (in.last_op != 0 || in.ops_len != 0)
		return -EINVAL;
	head.ops_len = (uint8_t)nr;
	for (unsigned i = 0; i < nr; i++) {
		struct io_uring_probe_op op = {.op = (uint8_t)i, .flags = uring_op(i) ? IO_URING_OP_SUPPORTED : 0};
		if (copy_to_user(&ops_user[i], &op, sizeof(op)) != 0)
			return -EFAULT;
	}
	return copy_to_user(probe_user, &head, sizeof(head));
}

static int enable(struct uring *ring)
{
	if (!ring->disabled)
		return -EBADFD;
	ring->disabled = false;
	if (ring->flags & IORING_SETUP_SINGLE_ISSUER)
		ring->issuer = thread_current();
	return 0;
}

static int sync_cancel(struct uring *ring, const void *arg_user)
{
	struct io_uring_sync_cancel_reg reg;
	struct uring_match m;
	int res;

	if (copy_from_user(&reg, arg_user, sizeof(reg)) != 0)
		return -EFAULT;
	if ((reg.flags & ~(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY |
			   IORING_ASYNC_CANCEL_FD_FIXED)) ||
	    reg.pad[0] != 0 || reg.pad[1] != 0 || reg.pad[2] != 0 || reg.pad[3] != 0)
		return -EINVAL;
	m = (struct uring_match){.user_data = reg.addr, .flags = reg.flags};
	if (reg.flags & IORING_ASYNC_CANCEL_FD) {
		m.file = reg.flags & IORING_ASYNC_CANCEL_FD_FIXED ? fixed_file(ring, (unsigned)reg.fd) : fd_get(reg.fd);
		if (m.file == NULL)
			return -EBADF;
	}
	res = uring_cancel(ring, NULL, &m);
	file_put(m.file);
	/* A call that a worker is in was told; that it has ended is not waited for. */
	return res == -EALREADY ? 0 : MIN(res, 0);
}

/* The forms with a structure: nr is its size. */
static int with_struct(struct uring *ring, unsigned op, const void *arg_user, unsigned nr)
{
	struct io_uring_rsrc_register reg;
	bool files = op == IORING_REGISTER_FILES2;

	if (nr != sizeof(reg))
		return -EINVAL;
	if (copy_from_user(&reg, arg_user, sizeof(reg)) != 0)
		return -EFAULT;
	if (reg.nr == 0 || reg.resv2 != 0 || (reg.flags & ~IORING_RSRC_REGISTER_SPARSE))
		return -EINVAL;
	if (reg.tags != 0 || ((reg.flags & IORING_RSRC_REGISTER_SPARSE) && reg.data != 0))
		return -EINVAL;
	return files ? fixed_register_files(ring, (const void *)reg.data, reg.nr)
		     : fixed_register_buffers(ring, (const void *)reg.data, reg.nr);
}

static int update(struct uring *ring, unsigned op, const void *arg_user, unsigned nr)
{
	struct io_uring_rsrc_update2 up = {0};
	bool old = op == IORING_REGISTER_FILES_UPDATE;

	if (!old && nr != sizeof(up))
		return -EINVAL;
	if (copy_from_user(&up, arg_user, old ? sizeof(struct io_uring_rsrc_update) : sizeof(up)) != 0)
		return -EFAULT;
	if (old)
		up.nr = nr;
	if (up.resv != 0 || up.resv2 != 0 || up.tags != 0 || up.nr == 0)
		return -EINVAL;
	if (op == IORING_REGISTER_BUFFERS_UPDATE)
		return fixed_update_buffers(ring, up.offset, (const void *)up.data, up.nr);
	return fixed_update_files(ring, up.offset, (const void *)up.data, up.nr);
}

static int no_argument(const void *arg_user, unsigned nr)
{
	return arg_user != NULL || nr != 0 ? -EINVAL : 0;
}

static int do_register(struct uring *ring, unsigned op, void *arg_user, unsigned nr)
{
	int err;

	switch (op) {
	case IORING_REGISTER_BUFFERS:
		return arg_user == NULL ? -EFAULT : fixed_register_buffers(ring, arg_user, nr);
	case IORING_UNREGISTER_BUFFERS:
		err = no_argument(arg_user, nr);
		return err != 0 ? err : fixed_unregister_buffers(ring);
	case IORING_REGISTER_FILES:
		return arg_user == NULL ? -EFAULT : fixed_register_files(ring, arg_user, nr);
	case IORING_UNREGISTER_FILES:
		err = no_argument(arg_user, nr);
		return err != 0 ? err : fixed_unregister_files(ring);
	case IORING_REGISTER_FILES_UPDATE:
	case IORING_REGISTER_FILES_UPDATE2:
	case IORING_REGISTER_BUFFERS_UPDATE:
		return update(ring, op, arg_user, nr);
	case IORING_REGISTER_FILES2:
	case IORING_REGISTER_BUFFERS2:
		return with_struct(ring, op, arg_user, nr);
	case IORING_REGISTER_EVENTFD:
	case IORING_REGISTER_EVENTFD_ASYNC:
		return register_eventfd(ring, arg_user, nr, op == IORING_REGISTER_EVENTFD_ASYNC);
	case IORING_UNREGISTER_EVENTFD:
		err = no_argument(arg_user, nr);
		return err != 0 ? err : unregister_eventfd(ring);
	case IORING_REGISTER_PROBE:
		return probe(arg_user, nr);
	case IORING_REGISTER_ENABLE_RINGS:
		err = no_argument(arg_user, nr);
		return err != 0 ? err : enable(ring);
	case IORING_REGISTER_PBUF_RING:
		return nr != 1 ? -EINVAL : group_register_ring(ring, arg_user);
	case IORING_UNREGISTER_PBUF_RING:
		return nr != 1 ? -EINVAL : group_unregister_ring(ring, arg_user);
	case IORING_REGISTER_SYNC_CANCEL:
		return nr != 1 ? -EINVAL : sync_cancel(ring, arg_user);
	case IORING_REGISTER_FILE_ALLOC_RANGE:
		return nr != 0 ? -EINVAL : fixed_set_alloc_range(ring, arg_user);
	default:
		return -EINVAL;
	}
}

long sys_io_uring_register(int fd, unsigned op, void *arg_user, unsigned nr)
{
	struct file *f = fd_get(fd);
	struct uring *ring = f != NULL ? uring_of(f) : NULL;
	long result;

	if (ring == NULL) {
		file_put(f);
		return f == NULL ? -EBADF : -EOPNOTSUPP;
	}
	if (ring->issuer != NULL && ring->issuer != thread_current()) {
		file_put(f);
		return -EEXIST;
	}
	mutex_lock(&ring->lock);
	result = do_register(ring, op, arg_user, nr);
	mutex_unlock(&ring->lock);
	file_put(f);
	return result;
}
