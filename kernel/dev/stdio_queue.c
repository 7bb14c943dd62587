/* SPDX-License-Identifier: MIT */
/*
 * stdio_queue.c - see stdio_queue.h.
 * The queue stays armed (it raises an event for each completion) except while a caller polls for its own.
 * Lock: none on one CPU: nothing here blocks between two steps on the queue. SMP: one spin lock around them.
 */
#include "kernel/dev/stdio_queue.h"

#include <errno.h>
#include <stddef.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/page.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/plat/cay/gpa.h"
#include "kernel/time/clock.h"
#include "lib/virtq_driver.h"

/* An answer takes a few microseconds when the I/O thread polls and about 50 when it slept; an event costs about as
 * much. */
#define POLL_NS 50000

static struct {
	bool present;
	struct virtq_driver vq;
	struct virtq_slot slots[CAY_STDIO_QUEUE_NR];
	uint64_t doorbell;
	struct waitq done_wq;  /* callers of stdio_call */
	struct waitq space_wq; /* for descriptors */
} q;

/* Finishes what the device has answered. Any context. */
static void drain(void)
{
	struct stdio_call *c;
	uint32_t bytes;
	bool any = false;

	while ((c = virtq_driver_pop(&q.vq, &bytes)) != NULL) {
		WRITE_ONCE(c->in_flight, false);
		any = true;
		if (c->done != NULL)
			c->done(c);
		else
			waitq_wake(&q.done_wq, 0);
	}
	if (any)
		waitq_wake(&q.space_wq, 0);
}

/* Leaves the queue armed with nothing overlooked. */
static void drain_and_arm(void)
{
	do
		drain();
	while (virtq_driver_arm(&q.vq));
}

static void on_event(void *arg)
{
	(void)arg;
	drain_and_arm();
}

const struct cay_stdio_stat *stdio_queue_init(void)
{
	const struct cay_device_info *dev = NULL;

	for (unsigned i = 0; i < boot_info->nr_devices; i++)
		if (boot_info->devices[i].kind == CAY_DEV_STDIO)
			dev = &boot_info->devices[i];
	if (dev == NULL || dev->queue[0].nr != CAY_STDIO_QUEUE_NR)
		return NULL;
	const struct cay_queue_info *info = &dev->queue[0];
	virtq_driver_init(&q.vq, info->nr, pa_to_virt(PA(info->desc_gpa)), pa_to_virt(PA(info->avail_gpa)),
			  pa_to_virt(PA(info->used_gpa)), q.slots);
	q.doorbell = info->doorbell;
	waitq_init(&q.done_wq);
	waitq_init(&q.space_wq);
	event_register(info->event, on_event, NULL);
	q.present = true;
	return pa_to_virt(PA(dev->config[0]));
}

static int submit(struct stdio_call *c, void *data, uint32_t bytes, bool to_guest)
{
	struct virtq_seg seg[3];
	unsigned n = 0;
	int err;

	seg[n++] = (struct virtq_seg){.addr = kernel_gpa(&c->req), .bytes = sizeof(c->req)};
	if (bytes > 0)
		seg[n++] = (struct virtq_seg){.addr = kernel_gpa(data), .bytes = bytes, .writable = to_guest};
	seg[n++] = (struct virtq_seg){.addr = kernel_gpa(&c->status), .bytes = sizeof(c->status), .writable = true};
	c->in_flight = true;
	c->status.result = -EIO;
	while ((err = virtq_driver_add(&q.vq, seg, n, c)) == -ENOSPC) {
		drain_and_arm();
		wait_event(&q.space_wq, q.vq.nr_free >= n);
	}
	ASSERT(err == 0); /* the chain is well formed */
	if (virtq_driver_publish(&q.vq)) {
		stat_count(CAY_C_DOORBELLS);
		doorbell_ring(q.doorbell);
	}
	return 0;
}

int stdio_start(struct stdio_call *c)
{
	if (!q.present)
		return -EIO;
	return submit(c, NULL, 0, false);
}

static void poll_briefly(struct stdio_call *c)
{
	uint64_t end;

	if (boot_info->flags & CAY_BOOT_NO_POLL)
		return;
	end = clock_monotonic_ns() + POLL_NS;
	do {
		drain();
		if (!c->in_flight)
			break;
		cpu_relax();
	} while (clock_monotonic_ns() < end);
}

int64_t stdio_call(unsigned fd, enum cay_stdio_op op, int64_t arg, int64_t arg2, void *data, uint32_t bytes,
		   bool to_guest)
{
	struct stdio_call c = {.req = {.op = op, .fd = fd, .arg = arg, .arg2 = arg2}};
	int err;

	if (!q.present)
		return -EIO;
	/* Most answers are there when the doorbell returns, or soon after: no event for those. */
	virtq_driver_disarm(&q.vq);
	err = submit(&c, data, bytes, to_guest);
	if (err != 0)
		return err;
	poll_briefly(&c);
	drain_and_arm();
	wait_event(&q.done_wq, !READ_ONCE(c.in_flight));
	return READ_ONCE(c.status.result);
}
