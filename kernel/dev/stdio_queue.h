/* SPDX-License-Identifier: MIT */
/*
 * stdio_queue.h - requests to the stdio device (abi/stdio.h) and their completion.
 * All functions: thread context unless stated.
 */
#ifndef CAY_KERNEL_DEV_STDIO_QUEUE_H
#define CAY_KERNEL_DEV_STDIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/stdio.h"
#include "kernel/sched/wait.h"
#include "lib/compiler.h"

/* One request in flight. Lives in memory that has a guest-physical address (stack, kmalloc, kernel image) until it is
 * done. */
struct stdio_call {
	struct cay_stdio_req req;
	struct cay_stdio_status status;
	bool in_flight;
	/* Called when it is done, possibly in event context: wakes, does not block. NULL for stdio_call. */
	void (*done)(struct stdio_call *c);
	void *ctx;
};

/* Finds the device. Returns what the descriptors were at start (three), or NULL without such a device. */
const struct cay_stdio_stat *stdio_queue_init(void);

/*
 * Makes a request and waits until it is done, which is soon: the device does not wait for anything but a disk. data
 * (direct map) is what the device reads or, with to_guest, writes; NULL for none. Returns the result of abi/stdio.h;
 * -ENOMEM, -EIO.
 */
int64_t stdio_call(unsigned fd, enum cay_stdio_op op, int64_t arg, int64_t arg2, void *data, uint32_t bytes,
		   bool to_guest);

/* Starts a request without data; c->done is called at its end, with c->status and in_flight false. 0, -EIO. */
MUST_CHECK int stdio_start(struct stdio_call *c);

#endif
