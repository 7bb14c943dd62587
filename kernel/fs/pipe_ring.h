/* SPDX-License-Identifier: MIT */
/*
 * pipe_ring.h - the bytes inside a pipe: a ring of pages that are there only while they hold something.
 * Invariant: used <= capacity; byte number n lies in page (n / PAGE_SIZE) % nr_pages. When the ring runs empty the tail
 * returns to 0, so that short messages stay in one warm page. Lock: the pipe's; how much is used may be asked without,
 * and was true at that moment.
 */
#ifndef CAY_KERNEL_FS_PIPE_RING_H
#define CAY_KERNEL_FS_PIPE_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/mm/page.h"
#include "lib/compiler.h"

struct uio;

struct pipe_ring {
	void **page; /* NULL where nothing is stored */
	unsigned nr_pages;
	uint64_t tail; /* the oldest byte */
	size_t used;   /* bytes stored; those who wait look at it without the lock */
};

MUST_CHECK int pipe_ring_init(struct pipe_ring *r, unsigned nr_pages); /* 0, -ENOMEM */
void pipe_ring_free(struct pipe_ring *r);

static inline size_t pipe_ring_used(const struct pipe_ring *r)
{
	return READ_ONCE(r->used);
}

static inline size_t pipe_ring_capacity(const struct pipe_ring *r)
{
	return READ_ONCE(r->nr_pages) * PAGE_SIZE;
}

static inline size_t pipe_ring_room(const struct pipe_ring *r)
{
	return pipe_ring_capacity(r) - pipe_ring_used(r);
}

/*
 * Moves up to `bytes` from uio into the ring, or out of it. Returns the bytes moved: short when the ring is full or
 * empty, or a fault or lack of memory came up part of the way; -EFAULT, -ENOMEM when nothing was moved because of it.
 */
ssize_t pipe_ring_put(struct pipe_ring *r, struct uio *uio, size_t bytes);
ssize_t pipe_ring_get(struct pipe_ring *r, struct uio *uio, size_t bytes);

/* Copies up to `bytes`, from `skip` bytes behind the oldest, to another ring; src keeps them (tee). Returns bytes or
 * -ENOMEM. */
ssize_t pipe_ring_copy(struct pipe_ring *dst, const struct pipe_ring *src, size_t skip, size_t bytes);
/* Drops the oldest bytes; at most what is stored. */
void pipe_ring_drop(struct pipe_ring *r, size_t bytes);

/* Another capacity, contents kept. 0, -EBUSY (they do not fit), -ENOMEM. */
MUST_CHECK int pipe_ring_resize(struct pipe_ring *r, unsigned nr_pages);

#endif
