/* SPDX-License-Identifier: MIT */
/*
 * hostfs_readahead.c - data of one open file, read before they are asked for.
 *
 * Two buffers: the program consumes one while the server fills the other. The first is filled by a READ that travels
 * with the OPEN, which is all there is to small files: Python opens hundreds. Reading in sequence makes the buffers
 * grow to the largest piece. A buffer is dropped when the file was written through this kernel since, or when it is
 * older than the server lets names live: the host may have changed the file. Invariant: a buffer in flight belongs to
 * the server until its call is done; nobody frees or moves it before. One thread at a time: hostfs_file.c.
 */
#include <errno.h>

#include "abi/hostfs.h"
#include "kernel/fs/hostfs.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/time/clock.h"

/* A file read in sequence: pieces of 128 KiB first, each twice the one before, up to 512 KiB, which two
 * of still fit a cache. A program that takes longer for a
 * piece than the VMM's I/O thread polls pays a doorbell for each. */
#define ORDER_FIRST 5u
#define ORDER_LAST  7u
/* Reads of this size go straight to the program's memory. */
#define DIRECT_BYTES 131072u

struct buffer {
	struct fsq_call call;
	struct fuse_read_in arg;
	char *data;
	unsigned order;
	uint32_t asked;   /* bytes; fewer in the reply: the file ends */
	int64_t pos;      /* of data[0] */
	bool filled;      /* or being filled */
	unsigned changes; /* hostfs_inode.data_changes when it was asked for */
	uint64_t until_ns;
};

struct hostfs_ahead {
	struct buffer buf[2];
	int64_t next_pos; /* where a reader in sequence reads next */
	unsigned order;   /* of the next piece */
};

static unsigned order_for(uint32_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

/* Makes the buffer at least this large if memory allows. Returns its size, 0 without any. */
static uint32_t reserve(struct buffer *b, unsigned order)
{
	if (b->data != NULL && b->order < order) {
		page_free(b->data, b->order);
		b->data = NULL;
	}
	for (unsigned o = order; b->data == NULL; o--) {
		b->data = page_alloc(o, o == 0 ? PAGE_RECLAIM : 0);
		b->order = o;
		if (o == 0)
			break;
	}
	return b->data != NULL ? (uint32_t)(PAGE_SIZE << b->order) : 0;
}

/* The request for up to `bytes` from pos. The buffer is not in flight. */
static void prepare(struct buffer *b, struct hostfs_inode *h, uint64_t fh, int64_t pos, uint32_t bytes)
{
	b->filled = true;
	b->pos = pos;
	b->asked = bytes;
	b->changes = READ_ONCE(h->data_changes);
	b->until_ns = h->i.sb->dcache_stable ? UINT64_MAX : clock_monotonic_ns() + h->i.sb->dcache_ttl_ns;
	b->arg = (struct fuse_read_in){.fh = fh, .offset = (uint64_t)pos, .size = bytes};
	fsq_begin(&b->call, FUSE_READ, h->node);
	fsq_in(&b->call, &b->arg, sizeof(b->arg));
	fsq_out(&b->call, b->data, bytes);
}

static void fill(struct buffer *b, struct hostfs_inode *h, uint64_t fh, int64_t pos, uint32_t bytes)
{
	prepare(b, h, fh, pos, bytes);
	fsq_submit(&b->call);
}

static bool is_valid(const struct buffer *b, const struct hostfs_inode *h)
{
	return b->filled && b->changes == READ_ONCE(h->data_changes) && !h->written_by_mapping &&
	       (b->until_ns == UINT64_MAX || clock_monotonic_ns() < b->until_ns);
}

struct hostfs_ahead *hostfs_ahead_create(struct hostfs_inode *h, uint32_t first_bytes, struct fsq_call **first)
{
	struct hostfs_ahead *a = kzalloc(sizeof(*a));

	*first = NULL;
	if (a == NULL)
		return NULL;
	a->order = ORDER_FIRST;
	if (first_bytes != 0 && reserve(&a->buf[0], order_for(first_bytes)) >= first_bytes) {
		prepare(&a->buf[0], h, CAY_HOSTFS_FH_LAST, 0, first_bytes);
		*first = &a->buf[0].call;
	}
	return a;
}

void hostfs_ahead_destroy(struct hostfs_ahead *a)
{
	if (a == NULL)
		return;
	for (unsigned k = 0; k < 2; k++) {
		struct buffer *b = &a->buf[k];

		if (b->filled)
			(void)!fsq_wait(&b->call);
		if (b->data != NULL)
			page_free(b->data, b->order);
	}
	kfree(a);
}

bool hostfs_ahead_is_whole(struct hostfs_ahead *a, const struct hostfs_inode *h)
{
	struct buffer *b = &a->buf[0];

	return is_valid(b, h) && b->pos == 0 && fsq_wait(&b->call) == 0 && fsq_reply_bytes(&b->call) < b->asked;
}

bool hostfs_ahead_is_still_good(const struct hostfs_ahead *a, const struct hostfs_inode *h)
{
	return is_valid(&a->buf[0], h);
}

size_t hostfs_ahead_memory(const struct hostfs_ahead *a)
{
	size_t bytes = sizeof(*a);

	for (unsigned k = 0; k < 2; k++)
		if (a->buf[k].data != NULL)
			bytes += PAGE_SIZE << a->buf[k].order;
	return bytes;
}

void hostfs_ahead_rewind(struct hostfs_ahead *a)
{
	a->next_pos = 0;
}

/* A valid buffer that covers pos, its reply waited for; NULL when there is none. */
static struct buffer *covering(struct hostfs_ahead *a, struct hostfs_inode *h, int64_t pos)
{
	for (unsigned k = 0; k < 2; k++) {
		struct buffer *b = &a->buf[k];

		if (!is_valid(b, h) || pos < b->pos || pos >= b->pos + b->asked)
			continue;
		if (fsq_wait(&b->call) == 0)
			return b;
		b->filled = false; /* let the direct way report the error */
	}
	return NULL;
}

/* Starts the buffer that is not `current` on what follows it, unless that is there or the file ends before. */
static void fetch_next(struct hostfs_ahead *a, struct hostfs_inode *h, uint64_t fh, struct buffer *current)
{
	struct buffer *next = current == &a->buf[0] ? &a->buf[1] : &a->buf[0];
	int64_t pos = current->pos + current->asked;
	uint32_t bytes;

	if (fsq_reply_bytes(&current->call) < current->asked)
		return;
	if (is_valid(next, h) && next->pos == pos)
		return;
	if (next->filled)
		(void)!fsq_wait(&next->call); /* what it brings is not wanted */
	next->filled = false;
	bytes = reserve(next, a->order);
	if (bytes == 0)
		return;
	a->order = MIN(a->order + 1, ORDER_LAST);
	fill(next, h, fh, pos, bytes);
	fsq_publish();
}

ssize_t hostfs_ahead_read(struct hostfs_ahead *a, struct hostfs_inode *h, uint64_t fh, struct uio *uio, int64_t pos,
			  bool *eof)
{
	bool in_sequence = pos == a->next_pos;
	struct buffer *b = covering(a, h, pos);
	uint32_t have, skip;
	ssize_t n;

	*eof = false;
	if (b == NULL) {
		/* In sequence, but nothing there (the first piece at open was small, or too old): start here. */
		a->next_pos = pos;
		if (!in_sequence || pos == 0 || uio->resid >= DIRECT_BYTES)
			return 0;
		b = &a->buf[0];
		if (b->filled)
			(void)!fsq_wait(&b->call);
		b->filled = false;
		a->order = ORDER_FIRST;
		if (reserve(b, a->order) == 0)
			return 0;
		fill(b, h, fh, pos, (uint32_t)(PAGE_SIZE << b->order));
		if (fsq_wait(&b->call) != 0) {
			b->filled = false;
			return 0;
		}
	}
	have = fsq_reply_bytes(&b->call);
	skip = (uint32_t)(pos - b->pos);
	if (skip >= have) {
		*eof = have < b->asked;
		return 0;
	}
	/* The first read of a file does not tell whether the rest is wanted. */
	if (in_sequence && pos != 0)
		fetch_next(a, h, fh, b);
	n = uio_move(b->data + skip, have - skip, uio);
	if (n > 0)
		a->next_pos = pos + n;
	*eof = n >= 0 && skip + (uint32_t)n == have && have < b->asked;
	return n;
}
