/* SPDX-License-Identifier: MIT */
/* setup.c - io_uring_setup(2): making a ring, and the ring as a file. */
#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/uring/uring.h"
#include "kernel/uring/uring_priv.h"
#include "lib/string.h"

/* Of the flags only what is kept. SQPOLL would be a thread that spins on a CPU the program may need, IOPOLL is about
 * disks, entries of other sizes have no user here. */
#define SETUP_FLAGS                                                                                                    \
	(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |                \
	 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |                          \
	 IORING_SETUP_DEFER_TASKRUN)

/*
 * Not SUBMIT_STABLE: names and ancillary data of a request that starts later, behind a link or a drain, are read then.
 * Not RSRC_TAGS. The rest of those up to 12 is about SQPOLL.
 */
#define FEATURES                                                                                                       \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY |         \
	 IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS |          \
	 IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

static void uring_destroy(struct uring *ring)
{
	while (!list_empty(&ring->overflow)) {
		struct uring_overflow *o = list_first(&ring->overflow, struct uring_overflow, link);
		list_remove(&o->link);
		kfree(o);
	}
	ring_free(ring);
	kfree(ring);
}

void uring_put(struct uring *ring)
{
	if (--ring->refs == 0)
		uring_destroy(ring);
}

/* The last descriptor and the last mapping are gone. A request that a worker is busy with may outlive that. */
static void uring_release(struct file *f)
{
	struct uring *ring = f->priv;

	ring->closed = true;
	uring_cancel_all(ring);
	(void)!fixed_unregister_files(ring);
	(void)!fixed_unregister_buffers(ring);
	groups_free(ring);
	file_put(ring->eventfd);
	ring->eventfd = NULL;
	uring_put(ring);
}

static uint32_t uring_poll(struct file *f, struct poll_table *pt)
{
	struct uring *ring = f->priv;
	uint32_t mask = ring_sq_full(ring) ? 0 : POLLOUT | POLLWRNORM;

	poll_wait(f, &ring->poll_wq, pt);
	if (ring_cq_ready(ring) > 0 || ring->nr_overflow > 0 || !list_empty(&ring->ready))
		mask |= POLLIN | POLLRDNORM;
	return mask;
}

const struct file_ops uring_file_ops = {
	.poll = uring_poll,
	.map = ring_map,
	.check_map = ring_check_map,
	.release = uring_release,
};

struct uring *uring_of(const struct file *f)
{
	return f->ops == &uring_file_ops ? f->priv : NULL;
}

static uint32_t power_of_two(uint32_t n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/* Sizes of the two queues: io_uring_setup(2). */
static int choose_sizes(struct uring *ring, uint32_t entries, const struct io_uring_params *p)
{
	uint32_t cq = p->cq_entries;

	if (entries == 0)
		return -EINVAL;
	if (entries > URING_SQ_MAX) {
		if (!(p->flags & IORING_SETUP_CLAMP))
			return -EINVAL;
		entries = URING_SQ_MAX;
	}
	ring->sq_entries = power_of_two(entries);
	ring->cq_entries = 2 * ring->sq_entries;
	if (!(p->flags & IORING_SETUP_CQSIZE))
		return 0;
	if (cq == 0)
		return -EINVAL;
	if (cq > URING_CQ_MAX) {
		if (!(p->flags & IORING_SETUP_CLAMP))
			return -EINVAL;
		cq = URING_CQ_MAX;
	}
	ring->cq_entries = power_of_two(cq);
	return ring->cq_entries < ring->sq_entries ? -EINVAL : 0;
}

static int check_params(const struct io_uring_params *p)
{
	for (unsigned i = 0; i < ARRAY_SIZE(p->resv); i++)
		if (p->resv[i] != 0)
			return -EINVAL;
	if (p->flags & ~SETUP_FLAGS)
		return -EINVAL;
	if ((p->flags & IORING_SETUP_TASKRUN_FLAG) &&
	    !(p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
		return -EINVAL;
	if ((p->flags & IORING_SETUP_DEFER_TASKRUN) && !(p->flags & IORING_SETUP_SINGLE_ISSUER))
		return -EINVAL;
	return 0;
}

static struct uring *uring_create(uint32_t entries, const struct io_uring_params *p, int *err)
{
	struct uring *ring = kzalloc(sizeof(*ring));

	*err = -ENOMEM;
	if (ring == NULL)
		return NULL;
	ring->refs = 1;
	ring->flags = p->flags;
	ring->disabled = p->flags & IORING_SETUP_R_DISABLED;
	ring->owner = process_current();
	mutex_init(&ring->lock);
	waitq_init(&ring->wait_wq);
	waitq_init(&ring->poll_wq);
	list_init(&ring->requests);
	list_init(&ring->ready);
	list_init(&ring->deferred);
	list_init(&ring->timeouts);
	list_init(&ring->overflow);
	list_init(&ring->groups);
	if ((p->flags & IORING_SETUP_SINGLE_ISSUER) && !ring->disabled)
		ring->issuer = thread_current();
	*err = choose_sizes(ring, entries, p);
	if (*err == 0)
		*err = ring_alloc(ring);
	if (*err != 0) {
		kfree(ring);
		return NULL;
	}
	return ring;
}

long sys_io_uring_setup(unsigned entries, void *params_user)
{
	struct io_uring_params p;
	struct uring *ring;
	struct file *f;
	int err;

	if (copy_from_user(&p, params_user, sizeof(p)) != 0)
		return -EFAULT;
	err = check_params(&p);
	if (err != 0)
		return err;
	ring = uring_create(entries, &p, &err);
	if (ring == NULL)
		return err;
	f = file_anon(&uring_file_ops, ring, FILE_READ | FILE_WRITE, O_RDWR, "anon_inode:[io_uring]", 0600);
	if (f == NULL) {
		uring_put(ring);
		return -ENOMEM;
	}
	p.sq_entries = ring->sq_entries;
	p.cq_entries = ring->cq_entries;
	p.features = FEATURES;
	ring_offsets(ring, &p);
	if (copy_to_user(params_user, &p, sizeof(p)) != 0) {
		file_put(f);
		return -EFAULT;
	}
	err = fd_install(f, 0, true);
	if (err < 0)
		file_put(f);
	return err;
}
