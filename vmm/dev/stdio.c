/* SPDX-License-Identifier: MIT */
/*
 * stdio.c - see stdio.h. The queue is served by the I/O thread or, while that sleeps, by the vCPU's thread at its
 * doorbell (one of them at a time: io_thread.h); watches fire on the I/O thread only. So `lock` guards all state.
 * Requests are answered at once, but for a POLL with CAY_STDIO_WAIT: it stays in `waiting` until the descriptor's watch
 * fires. A watch exists only while something waits, so an idle terminal costs nothing.
 */
#include "vmm/dev/stdio.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "vmm/cli/run_options.h"
#include "vmm/core/gmem.h"
#include "vmm/core/io_thread.h"
#include "vmm/core/vm.h"
#include "vmm/dev/stdio_request.h"

enum direction { DIR_IN, DIR_OUT, DIR_NR };

static const short dir_events[DIR_NR] = {POLLIN, POLLOUT};

struct waiting_poll {
	void *status; /* NULL: nobody waits */
	uint16_t head;
};

struct stdio_watch {
	struct io_watch watch;
	bool watched;
	struct stdio_device *dev;
	unsigned i; /* descriptor */
	struct waiting_poll waiting[DIR_NR];
};

struct stdio_device {
	pthread_mutex_t lock;
	struct vm *vm;
	struct stdio_host host;
	struct virtq_device queue;
	unsigned event;
	struct stdio_watch watches[CAY_STDIO_FDS];
	uint64_t bad_requests;
};

static void complete(struct stdio_device *dev, uint16_t head, void *status, int64_t result)
{
	if (status != NULL)
		stdio_set_status(status, result);
	virtq_device_push(&dev->queue, head, sizeof(struct cay_stdio_status));
}

static void notify(struct stdio_device *dev)
{
	if (virtq_device_should_notify(&dev->queue))
		vm_raise_event(dev->vm, dev->event);
}

/* Answers what waits for one of `revents`; errors and hang-ups end every wait. */
static void complete_waiting(struct stdio_watch *w, int revents)
{
	for (unsigned d = 0; d < DIR_NR; d++) {
		struct waiting_poll *p = &w->waiting[d];
		if (p->status != NULL && (revents & (dir_events[d] | POLLERR | POLLHUP | POLLNVAL))) {
			complete(w->dev, p->head, p->status, revents);
			p->status = NULL;
		}
	}
}

/* Makes the epoll registration match what waits. */
static void update_watch(struct stdio_watch *w)
{
	struct io_thread *io = w->dev->vm->io;
	uint32_t events = 0;
	int err;

	for (unsigned d = 0; d < DIR_NR; d++)
		if (w->waiting[d].status != NULL)
			events |= (uint32_t)dir_events[d];
	if (events == 0) {
		if (w->watched)
			io_unwatch(io, &w->watch);
		w->watched = false;
		return;
	}
	w->watch.fd = stdio_host_watch_fd(&w->dev->host, w->i);
	err = w->watched ? io_rewatch(io, &w->watch, events) : io_watch(io, &w->watch, events);
	w->watched = err == 0;
	/* What epoll does not take (/dev/null) is always ready. */
	if (err != 0)
		complete_waiting(w, POLLIN | POLLOUT);
}

static void watch_ready(struct io_watch *watch, uint32_t events)
{
	struct stdio_watch *w = watch->ctx;

	pthread_mutex_lock(&w->dev->lock);
	complete_waiting(w, (int)events);
	update_watch(w);
	notify(w->dev);
	pthread_mutex_unlock(&w->dev->lock);
}

static void start_wait(struct stdio_device *dev, const struct stdio_request *r, uint16_t head)
{
	struct stdio_watch *w = &dev->watches[r->req.fd];
	struct waiting_poll *p = &w->waiting[r->req.arg == POLLIN ? DIR_IN : DIR_OUT];
	int now = stdio_host_poll(&dev->host, r->req.fd, (short)r->req.arg);

	if (now != 0 || p->status != NULL) {
		complete(dev, head, r->status, now != 0 ? now : -EBUSY);
		return;
	}
	*p = (struct waiting_poll){.status = r->status, .head = head};
	update_watch(w);
}

static void serve(struct stdio_device *dev, const struct virtq_chain *c)
{
	struct stdio_request r;
	int err = stdio_decode(c, &r);

	if (err != 0) {
		dev->bad_requests++;
		complete(dev, c->head, r.status, err);
		return;
	}
	if (r.req.op == CAY_STDIO_CLOSE) {
		/* Its number leaves epoll before it stops meaning what is watched. */
		complete_waiting(&dev->watches[r.req.fd], POLLHUP);
		update_watch(&dev->watches[r.req.fd]);
	}
	if (stdio_request_waits(&r))
		start_wait(dev, &r, c->head);
	else
		complete(dev, c->head, r.status, stdio_execute(&dev->host, &r));
}

static bool serve_queue(struct stdio_device *dev)
{
	struct virtq_host_seg seg[STDIO_CHAIN_SEGS];
	struct virtq_chain c = {.seg = seg, .max_segs = STDIO_CHAIN_SEGS};
	enum virtq_result got;
	bool worked = false;

	/* At most a queue's worth, so that a flood does not starve the other sources. */
	for (unsigned n = 0; n < CAY_STDIO_QUEUE_NR; n++) {
		got = virtq_device_pop(&dev->queue, &c);
		if (got != VIRTQ_POPPED)
			break;
		serve(dev, &c);
		worked = true;
	}
	if (dev->queue.broken != VIRTQ_EMPTY)
		vm_fail(dev->vm, "the guest broke the ring of its stdio device (%s)",
			virtq_result_name(dev->queue.broken));
	if (worked)
		notify(dev);
	return worked;
}

static bool poll_queue(void *ctx)
{
	struct stdio_device *dev = ctx;
	bool worked = false;

	pthread_mutex_lock(&dev->lock);
	if (dev->queue.broken == VIRTQ_EMPTY && virtq_device_has_avail(&dev->queue))
		worked = serve_queue(dev);
	pthread_mutex_unlock(&dev->lock);
	return worked;
}

static void arm_queue(void *ctx, bool sleep)
{
	struct stdio_device *dev = ctx;

	pthread_mutex_lock(&dev->lock);
	if (!sleep)
		virtq_device_disarm(&dev->queue);
	else
		(void)!virtq_device_arm(&dev->queue); /* a chain already there is found by the poll that follows */
	pthread_mutex_unlock(&dev->lock);
}

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	return gmem_ptr(&((struct vm *)ctx)->mem, gpa, bytes);
}

/* What the three descriptors are, for the guest's start. */
static int publish_stats(struct stdio_device *dev, struct cay_device_info *info)
{
	struct cay_stdio_stat *st;
	uint64_t gpa = vm_boot_alloc(dev->vm, CAY_STDIO_FDS * sizeof(*st), _Alignof(struct cay_stdio_stat));

	st = gpa != 0 ? gmem_ptr(&dev->vm->mem, gpa, CAY_STDIO_FDS * sizeof(*st)) : NULL;
	if (st == NULL)
		return -ENOSPC;
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++)
		if (stdio_host_stat(&dev->host, i, &st[i]) != 0)
			st[i].mode = 0;
	info->config[0] = gpa;
	return 0;
}

int stdio_create(struct vm *vm)
{
	static const int fds[CAY_STDIO_FDS] = {0, 1, 2};
	struct stdio_device *dev = calloc(1, sizeof(*dev));
	struct cay_device_info *info;

	if (dev == NULL)
		return -ENOMEM;
	info = vm_add_device(vm, CAY_DEV_STDIO, 1, CAY_STDIO_QUEUE_NR);
	if (info == NULL) {
		free(dev);
		return -ENOSPC;
	}
	const struct cay_queue_info *q = &info->queue[0];
	pthread_mutex_init(&dev->lock, NULL);
	dev->vm = vm;
	dev->event = q->event;
	virtq_device_init(&dev->queue, q->nr, gmem_ptr(&vm->mem, q->desc_gpa, virtq_desc_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->avail_gpa, virtq_avail_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->used_gpa, virtq_used_bytes(q->nr)), translate, vm);
	stdio_host_init(&dev->host, fds);
	dev->host.is_log = vm->opt->detached != NULL;
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++)
		dev->watches[i] = (struct stdio_watch){
			.watch = {.fd = -1, .ready = watch_ready, .ctx = &dev->watches[i]}, .dev = dev, .i = i};
	struct io_source src = {.poll = poll_queue, .arm = arm_queue, .ctx = dev, .doorbell = (uint32_t)q->doorbell};
	int err = publish_stats(dev, info);
	if (err == 0)
		err = io_add_source(vm->io, &src);
	if (err != 0) {
		stdio_host_fini(&dev->host);
		free(dev);
		return err;
	}
	signal(SIGPIPE, SIG_IGN);
	vm->stdio = dev;
	return 0;
}

void stdio_destroy(struct vm *vm)
{
	if (vm->stdio == NULL)
		return;
	stdio_host_fini(&vm->stdio->host);
	free(vm->stdio);
	vm->stdio = NULL;
}

void stdio_restore_terminal(struct vm *vm)
{
	if (vm->stdio != NULL)
		stdio_host_restore(&vm->stdio->host);
}
