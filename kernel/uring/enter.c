/* SPDX-License-Identifier: MIT */
/* enter.c - io_uring_enter(2): submit, run what is ready, wait. */
#include <errno.h>

#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/time/timespec.h"
#include "kernel/uring/uring.h"
#include "kernel/uring/uring_priv.h"

/* 0, -ETIME, -EINTR, -EBUSY when what overflowed finds no room. */
static int wait_for_completions(struct uring *ring, unsigned want, uint64_t deadline_ns)
{
	struct waiter w = {.thread = thread_current()};
	int err = 0;

	want = MIN(want, ring->cq_entries);
	list_init(&w.link);
	waitq_add(&ring->wait_wq, &w);
	for (;;) {
		sched_prepare();
		if (uring_run_ready(ring))
			continue;
		(void)!ring_flush_overflow(ring);
		if (ring_cq_ready(ring) >= want || err != 0)
			break;
		err = wait_sleep(deadline_ns, true);
	}
	waitq_remove(&w);
	if (ring_cq_ready(ring) >= want)
		return 0;
	return err == -ETIMEDOUT ? -ETIME : err;
}

struct wait_args {
	uint64_t sigmask;
	uint32_t sigmask_bytes;
	uint64_t deadline_ns;
};

static int read_wait_args(struct wait_args *a, unsigned flags, const void *arg_user, size_t arg_bytes)
{
	struct io_uring_getevents_arg arg;
	uint64_t ns;
	int err;

	*a = (struct wait_args){.deadline_ns = WAIT_FOREVER};
	if (!(flags & IORING_ENTER_EXT_ARG)) {
		a->sigmask = (uint64_t)arg_user;
		a->sigmask_bytes = (uint32_t)arg_bytes;
		return 0;
	}
	if (arg_bytes != sizeof(arg))
		return -EINVAL;
	if (copy_from_user(&arg, arg_user, sizeof(arg)) != 0)
		return -EFAULT;
	if (arg.pad != 0)
		return -EINVAL;
	a->sigmask = arg.sigmask;
	a->sigmask_bytes = arg.sigmask_sz;
	if (arg.ts == 0)
		return 0;
	err = timespec_from_user((const void *)arg.ts, &ns);
	a->deadline_ns = err == 0 ? deadline_after(ns) : 0;
	return err;
}

static int get_events(struct uring *ring, unsigned want, unsigned flags, const void *arg_user, size_t arg_bytes)
{
	struct wait_args a;
	int err = read_wait_args(&a, flags, arg_user, arg_bytes);

	if (err == 0 && a.sigmask != 0)
		err = signal_begin_temp_mask((const void *)a.sigmask, a.sigmask_bytes);
	if (err != 0)
		return err;
	err = wait_for_completions(ring, want, a.deadline_ns);
	if (a.sigmask != 0)
		signal_end_temp_mask(err == -EINTR);
	return err;
}

static int submit(struct uring *ring, unsigned nr)
{
	int done;

	if (ring->issuer != NULL && ring->issuer != thread_current())
		return -EEXIST;
	mutex_lock(&ring->lock);
	done = uring_submit(ring, nr);
	mutex_unlock(&ring->lock);
	return done;
}

static int enter(struct uring *ring, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg_user,
		 size_t arg_bytes)
{
	int done = 0, err = 0;

	if (to_submit > 0) {
		done = submit(ring, to_submit);
		(void)!uring_run_ready(ring);
	}
	if ((flags & IORING_ENTER_GETEVENTS) && done >= 0 && (unsigned)done == to_submit)
		err = get_events(ring, min_complete, flags, arg_user, arg_bytes);
	return done != 0 ? done : err;
}

long sys_io_uring_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg_user,
			size_t arg_bytes)
{
	struct file *f;
	struct uring *ring;
	bool owner;
	long result;

	if (flags & ~(IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG))
		return -EINVAL;
	f = fd_get(fd);
	if (f == NULL)
		return -EBADF;
	ring = uring_of(f);
	if (ring == NULL || ring->disabled) {
		file_put(f);
		return ring == NULL ? -EOPNOTSUPP : -EBADFD;
	}
	owner = ring->owner == process_current();
	ring->nr_inside += owner;
	result = enter(ring, to_submit, min_complete, flags, arg_user, arg_bytes);
	/* What comes while the last of this runs is still this thread's; what comes afterwards, a worker's. */
	if (owner && !(ring->flags & IORING_SETUP_DEFER_TASKRUN))
		(void)!uring_run_ready(ring);
	ring->nr_inside -= owner;
	file_put(f);
	return result;
}
