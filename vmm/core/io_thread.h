/* SPDX-License-Identifier: MIT */
/*
 * io_thread.h - the one thread that does I/O for the guest, so that the vCPU needs no exits.
 * While there is traffic it polls its sources; after a quiet time it arms them (they ask for doorbells) and sleeps in
 * epoll until a doorbell or a watched descriptor. All callbacks run on this thread and must not block, but for sources
 * that take a doorbell of their own: while this thread sleeps, the vCPU's thread, which has left the guest to ring it,
 * serves them on the spot. That costs one exit and no wake-up across CPUs, which on a busy host takes milliseconds. A
 * source is never used by two threads at a time.
 */
#ifndef CAY_VMM_CORE_IO_THREAD_H
#define CAY_VMM_CORE_IO_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct vm;
struct io_thread;

/* After work, how long the thread goes on polling for more. */
enum io_linger {
	IO_LINGER_FULL,  /* as long as it pays */
	IO_LINGER_SHORT, /* as long as an answer of the guest takes */
	IO_LINGER_NONE,  /* not at all: the next to do something needs a CPU, maybe ours */
};

/*
 * A source that the vCPU's own thread may serve when the guest has run out of work, instead of this thread
 * (vmm/core/io_carry.h): whether it does is the source's choice, under its lock.
 */
struct io_carried {
	_Atomic bool on;
	_Atomic bool sleeping;    /* that thread sleeps until there is work: nobody else need look */
	int fd;                   /* readable: there is work */
	void (*wakes)(void *ctx); /* that thread has slept and goes on */
};

struct io_source {
	/* Does what there is to do; true if there was anything. */
	bool (*poll)(void *ctx);
	/* sleep: from now on ask for a doorbell (poll is called once more after this, before sleeping); !sleep: no
	 * doorbells. */
	void (*arm)(void *ctx, bool sleep);
	void *ctx;
	const enum io_linger *linger; /* after the last poll that had work; NULL = always IO_LINGER_FULL */
	struct io_carried *carried;   /* NULL = it never is */
	uint32_t doorbell; /* cay_queue_info.doorbell of its queue, if it may be served by either thread; else 0 */
};

/* Set up before the thread starts, from the main thread. Returns 0 or -ENOSPC. */
MUST_CHECK int io_add_source(struct io_thread *io, const struct io_source *src);

/*
 * Watched descriptors: events as for epoll, level-triggered. Callable on the I/O thread, or before it starts.
 * A descriptor epoll cannot watch (regular file) gives -EPERM. The watch is the caller's and must outlive the watching.
 */
struct io_watch {
	int fd;
	void (*ready)(struct io_watch *w, uint32_t events);
	void *ctx;
	enum io_linger linger;
};
MUST_CHECK int io_watch(struct io_thread *io, struct io_watch *w, uint32_t events);
MUST_CHECK int io_rewatch(struct io_thread *io, struct io_watch *w, uint32_t events);
void io_unwatch(struct io_thread *io, struct io_watch *w);

#endif
