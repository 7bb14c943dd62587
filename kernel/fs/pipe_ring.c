/* SPDX-License-Identifier: MIT */
/* pipe_ring.c - see pipe_ring.h. */
#include "kernel/fs/pipe_ring.h"

#include <errno.h>

#include "kernel/fs/file.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

int pipe_ring_init(struct pipe_ring *r, unsigned nr_pages)
{
	*r = (struct pipe_ring){.page = kzalloc(nr_pages * sizeof(void *)), .nr_pages = nr_pages};
	return r->page != NULL ? 0 : -ENOMEM;
}

void pipe_ring_free(struct pipe_ring *r)
{
	for (unsigned i = 0; i < r->nr_pages; i++)
		if (r->page[i] != NULL)
			page_free(r->page[i], 0);
	kfree(r->page);
}

static unsigned index_of(const struct pipe_ring *r, uint64_t pos)
{
	return (unsigned)(pos / PAGE_SIZE % r->nr_pages);
}

/* Where byte number pos lies, and how many follow it in the same page. The page must be there. */
static char *at(const struct pipe_ring *r, uint64_t pos, size_t *run)
{
	size_t off = pos % PAGE_SIZE;

	*run = PAGE_SIZE - off;
	return (char *)r->page[index_of(r, pos)] + off;
}

/* Where the next byte goes. */
static uint64_t head(const struct pipe_ring *r)
{
	return r->tail + r->used;
}

/* As at(), for the head: gets the page when there is none. */
static char *at_head(struct pipe_ring *r, size_t *run)
{
	void **page = &r->page[index_of(r, head(r))];

	if (*page == NULL)
		*page = page_alloc(0, 0);
	return *page != NULL ? at(r, head(r), run) : NULL;
}

static void set_used(struct pipe_ring *r, size_t used)
{
	WRITE_ONCE(r->used, used);
}

ssize_t pipe_ring_put(struct pipe_ring *r, struct uio *uio, size_t bytes)
{
	size_t done = 0, run;

	bytes = MIN(bytes, pipe_ring_room(r));
	while (done < bytes) {
		char *p = at_head(r, &run);
		if (p == NULL)
			return done > 0 ? (ssize_t)done : -ENOMEM;
		size_t want = MIN(run, bytes - done);
		ssize_t n = uio_move(p, want, uio);
		if (n <= 0)
			return done > 0 ? (ssize_t)done : n;
		set_used(r, r->used + (size_t)n);
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

void pipe_ring_drop(struct pipe_ring *r, size_t bytes)
{
	uint64_t end = r->tail + MIN(bytes, pipe_ring_used(r));

	/* Pages that are now empty are given back. */
	for (uint64_t pos = ALIGN_DOWN(r->tail, PAGE_SIZE); pos + PAGE_SIZE <= end; pos += PAGE_SIZE) {
		unsigned i = index_of(r, pos);
		if (end == head(r) && i == 0)
			continue; /* empty ring: page 0 is next, see below */
		if (head(r) > pos + pipe_ring_capacity(r))
			continue; /* its front holds the newest bytes already, one lap on */
		page_free(r->page[i], 0);
		r->page[i] = NULL;
	}
	set_used(r, (size_t)(head(r) - end));
	r->tail = end;
	if (r->used != 0)
		return;
	unsigned last = index_of(r, r->tail);
	if (last != 0 && r->page[last] != NULL) {
		if (r->page[0] == NULL)
			r->page[0] = r->page[last];
		else
			page_free(r->page[last], 0);
		r->page[last] = NULL;
	}
	r->tail = 0;
}

ssize_t pipe_ring_get(struct pipe_ring *r, struct uio *uio, size_t bytes)
{
	size_t done = 0, run;

	bytes = MIN(bytes, pipe_ring_used(r));
	while (done < bytes) {
		char *p = at(r, r->tail, &run);
		size_t want = MIN(run, bytes - done);
		ssize_t n = uio_move(p, want, uio);
		if (n <= 0)
			return done > 0 ? (ssize_t)done : n;
		pipe_ring_drop(r, (size_t)n);
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

ssize_t pipe_ring_copy(struct pipe_ring *dst, const struct pipe_ring *src, size_t skip, size_t bytes)
{
	size_t done = 0, run_src, run_dst;

	if (skip >= pipe_ring_used(src))
		return 0;
	bytes = MIN(bytes, MIN(pipe_ring_used(src) - skip, pipe_ring_room(dst)));
	while (done < bytes) {
		const char *from = at(src, src->tail + skip + done, &run_src);
		char *to = at_head(dst, &run_dst);
		if (to == NULL)
			return done > 0 ? (ssize_t)done : -ENOMEM;
		size_t n = MIN(bytes - done, MIN(run_src, run_dst));
		memcpy(to, from, n);
		set_used(dst, dst->used + n);
		done += n;
	}
	return (ssize_t)done;
}

int pipe_ring_resize(struct pipe_ring *r, unsigned nr_pages)
{
	struct pipe_ring bigger;

	if (pipe_ring_used(r) > nr_pages * PAGE_SIZE)
		return -EBUSY;
	int err = pipe_ring_init(&bigger, nr_pages);
	if (err != 0)
		return err;
	if (pipe_ring_copy(&bigger, r, 0, pipe_ring_used(r)) != (ssize_t)pipe_ring_used(r)) {
		pipe_ring_free(&bigger);
		return -ENOMEM;
	}
	pipe_ring_free(r);
	r->page = bigger.page;
	r->tail = bigger.tail; /* used stays: bytes do not seem to go and come */
	WRITE_ONCE(r->nr_pages, bigger.nr_pages);
	return 0;
}
