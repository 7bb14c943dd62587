/* SPDX-License-Identifier: MIT */
/* pbuf.c - packets: life, shape, contents. See pbuf.h. */
#include "kernel/net/pbuf.h"

#include <errno.h>

#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "lib/inet_checksum.h"

#define TAIL_SLACK 64u /* so that headers which arrive in a fragment fit behind (pbuf_need) */

static unsigned order_for(uint32_t bytes)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

static void free_pages(struct pbuf_block *b)
{
	page_free(b->mem, order_for(b->bytes));
	kfree(b);
}

struct pbuf_block *pbuf_block_alloc(uint32_t bytes)
{
	unsigned order = order_for(bytes);
	struct pbuf_block *b;

	if (order > PAGE_ORDER_MAX)
		return NULL;
	b = kmalloc(sizeof(*b));
	if (b == NULL)
		return NULL;
	*b = (struct pbuf_block){.refs = 1, .bytes = (uint32_t)(PAGE_SIZE << order), .free = free_pages};
	b->mem = page_alloc(order, 0);
	if (b->mem == NULL) {
		kfree(b);
		return NULL;
	}
	return b;
}

void pbuf_block_put(struct pbuf_block *b)
{
	/* Release and acquire: whatever other holders read or wrote happened before it is freed. */
	if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0)
		b->free(b);
}

struct pbuf *pbuf_alloc(uint32_t headroom, uint32_t len)
{
	uint32_t bytes = headroom + len + TAIL_SLACK;
	struct pbuf *p;

	ASSERT(headroom <= UINT16_MAX && len <= UINT16_MAX && bytes <= UINT16_MAX);
	p = kmalloc(sizeof(*p) + bytes);
	if (p == NULL)
		return NULL;
	memset(p, 0, offsetof(struct pbuf, frag)); /* fragments are written as they are added */
	p->refs = 1;
	p->head_bytes = (uint16_t)bytes;
	p->data = p->head + headroom;
	p->head_len = (uint16_t)len;
	p->len = len;
	return p;
}

static void drop_frags(struct pbuf *p)
{
	for (unsigned i = 0; i < p->nr_frags; i++)
		pbuf_block_put(p->frag[i].block);
	p->nr_frags = 0;
}

void pbuf_put(struct pbuf *p)
{
	if (p == NULL || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	drop_frags(p);
	kfree(p);
}

void pbuf_put_chain(struct pbuf *p)
{
	while (p != NULL) {
		struct pbuf *next = p->next;
		pbuf_put(p);
		p = next;
	}
}

size_t pbuf_truesize(const struct pbuf *p)
{
	size_t bytes = sizeof(*p) + p->head_bytes;

	/* A small piece of a large block keeps all of it busy, but many packets share it: count a page at least. */
	for (unsigned i = 0; i < p->nr_frags; i++)
		bytes += MIN(MAX(p->frag[i].len, (uint32_t)PAGE_SIZE), p->frag[i].block->bytes);
	return bytes;
}

uint8_t *pbuf_push(struct pbuf *p, uint32_t n)
{
	ASSERT(pbuf_headroom(p) >= n);
	p->data -= n;
	p->head_len = (uint16_t)(p->head_len + n);
	p->len += n;
	return p->data;
}

/* Fragments before index `nr` are gone. */
static void forget_frags(struct pbuf *p, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		pbuf_block_put(p->frag[i].block);
	p->nr_frags = (uint8_t)(p->nr_frags - nr);
	for (unsigned i = 0; nr > 0 && i < p->nr_frags; i++)
		p->frag[i] = p->frag[i + nr];
}

void pbuf_pull(struct pbuf *p, uint32_t n)
{
	uint32_t from_head = MIN(n, (uint32_t)p->head_len);
	unsigned gone = 0;

	ASSERT(n <= p->len);
	p->data += from_head;
	p->head_len = (uint16_t)(p->head_len - from_head);
	p->len -= n;
	for (n -= from_head; n > 0; gone++) {
		struct pbuf_frag *f = &p->frag[gone];
		if (f->len > n) {
			f->off += n;
			f->len -= n;
			break;
		}
		n -= f->len;
	}
	forget_frags(p, gone);
}

void pbuf_trim(struct pbuf *p, uint32_t len)
{
	uint32_t left;
	unsigned keep = 0;

	if (len >= p->len)
		return;
	p->len = len;
	if (len < p->head_len)
		p->head_len = (uint16_t)len;
	for (left = len - p->head_len; left > 0; keep++) {
		if (p->frag[keep].len > left)
			p->frag[keep].len = left;
		left -= p->frag[keep].len;
	}
	while (p->nr_frags > keep)
		pbuf_block_put(p->frag[--p->nr_frags].block);
}

uint8_t *pbuf_append(struct pbuf *p, uint32_t n)
{
	uint8_t *at = p->data + p->head_len;

	ASSERT(p->nr_frags == 0 && pbuf_tailroom(p) >= n);
	p->head_len = (uint16_t)(p->head_len + n);
	p->len += n;
	return at;
}

/* Moves the head towards the start of its memory, headers in front of the data included, to have `more` bytes behind.
 */
static bool make_tailroom(struct pbuf *p, uint32_t more)
{
	uint32_t used = pbuf_headroom(p), bytes;

	if (p->l3 != 0)
		used = MIN(used, (uint32_t)p->l3);
	if (pbuf_tailroom(p) + used < more)
		return false;
	bytes = pbuf_headroom(p) - used + p->head_len;
	memmove(p->head, p->head + used, bytes);
	p->data -= used;
	p->l3 = (uint16_t)(p->l3 - MIN(used, (uint32_t)p->l3));
	p->l4 = (uint16_t)(p->l4 - MIN(used, (uint32_t)p->l4));
	p->csum_start = (uint16_t)(p->csum_start - MIN(used, (uint32_t)p->csum_start));
	return true;
}

bool pbuf_need(struct pbuf *p, uint32_t n)
{
	uint32_t missing;

	if (n <= p->head_len)
		return true;
	if (n > p->len)
		return false;
	missing = n - p->head_len;
	if (missing > pbuf_tailroom(p) && !make_tailroom(p, missing))
		return false;
	pbuf_copy_out(p, p->head_len, p->data + p->head_len, missing);
	/* The bytes are in the head now: take them off the fragments. */
	uint16_t head_len = p->head_len;
	uint8_t *data = p->data;
	p->data += p->head_len;
	p->len -= p->head_len;
	p->head_len = 0;
	pbuf_pull(p, missing);
	p->data = data;
	p->head_len = (uint16_t)(head_len + missing);
	p->len += p->head_len;
	return true;
}

bool pbuf_add_frag(struct pbuf *p, struct pbuf_block *b, uint32_t off, uint32_t len)
{
	struct pbuf_frag *last = p->nr_frags > 0 ? &p->frag[p->nr_frags - 1] : NULL;

	ASSERT(len > 0 && len <= b->bytes && off <= b->bytes - len);
	if (last != NULL && last->block == b && last->off + last->len == off) {
		last->len += len;
		p->len += len;
		return true;
	}
	if (p->nr_frags == PBUF_FRAGS_MAX)
		return false;
	pbuf_block_get(b);
	p->frag[p->nr_frags++] = (struct pbuf_frag){b, off, len};
	p->len += len;
	return true;
}

/* `len` bytes of memory, copied to a block of their own or the tail of the head. */
static bool add_copy(struct pbuf *p, const uint8_t *from, uint32_t len)
{
	struct pbuf_block *b;
	bool ok;

	if (p->nr_frags == 0 && pbuf_tailroom(p) >= len) {
		memcpy(pbuf_append(p, len), from, len);
		return true;
	}
	b = pbuf_block_alloc(len);
	if (b == NULL)
		return false;
	memcpy(b->mem, from, len);
	ok = pbuf_add_frag(p, b, 0, len);
	pbuf_block_put(b);
	return ok;
}

bool pbuf_add_range(struct pbuf *dst, const struct pbuf *src, uint32_t off, uint32_t len)
{
	ASSERT(off <= src->len && len <= src->len - off);
	if (off < src->head_len && len > 0) {
		uint32_t n = MIN(len, src->head_len - off);
		if (!add_copy(dst, src->data + off, n))
			return false;
		off += n;
		len -= n;
	}
	off -= MIN(off, (uint32_t)src->head_len);
	for (unsigned i = 0; len > 0; i++) {
		const struct pbuf_frag *f = &src->frag[i];
		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		uint32_t n = MIN(len, f->len - off);
		if (!pbuf_add_frag(dst, f->block, f->off + off, n))
			return false;
		off = 0;
		len -= n;
	}
	return true;
}

struct pbuf *pbuf_clone(const struct pbuf *p, uint32_t headroom)
{
	uint32_t room = MAX(headroom, pbuf_headroom(p));
	/* As much tail room as the original had, so that pbuf_need can do the same with the clone. */
	uint32_t rest = p->head_bytes - pbuf_headroom(p);
	struct pbuf *c = pbuf_alloc(room, rest);
	uint32_t shift = room - pbuf_headroom(p);

	if (c == NULL)
		return NULL;
	uint8_t *data = c->data;
	uint16_t head_bytes = c->head_bytes;
	memcpy(c, p, offsetof(struct pbuf, frag) + p->nr_frags * sizeof(p->frag[0]));
	c->next = NULL;
	c->refs = 1;
	c->data = data;
	c->head_bytes = head_bytes;
	c->l3 = (uint16_t)(p->l3 + shift);
	c->l4 = (uint16_t)(p->l4 + shift);
	c->csum_start = (uint16_t)(p->csum_start + shift);
	/* What lies in front of the data may be headers that the marks point at. */
	memcpy(c->head + shift, p->head, pbuf_headroom(p) + p->head_len);
	for (unsigned i = 0; i < c->nr_frags; i++)
		pbuf_block_get(c->frag[i].block);
	return c;
}

struct pbuf *pbuf_flatten(struct pbuf *p)
{
	struct pbuf *flat;

	if (p->nr_frags == 0)
		return p;
	flat = p->len <= PBUF_FLAT_MAX ? pbuf_alloc(pbuf_headroom(p), p->len) : NULL;
	if (flat != NULL) {
		uint8_t *data = flat->data;
		uint16_t head_bytes = flat->head_bytes;
		memcpy(flat, p, offsetof(struct pbuf, frag));
		flat->next = NULL;
		flat->refs = 1;
		flat->nr_frags = 0;
		flat->data = data;
		flat->head_bytes = head_bytes;
		flat->head_len = (uint16_t)p->len;
		memcpy(flat->head, p->head, pbuf_headroom(p)); /* headers that the marks point at */
		pbuf_copy_out(p, 0, flat->data, p->len);
	}
	pbuf_put(p);
	return flat;
}

/* Calls fn for each contiguous piece of [off, off + len). Stops when fn returns less than the piece; sum of results. */
struct piece_sink {
	uint32_t (*take)(struct piece_sink *s, const uint8_t *at, uint32_t bytes);
};

static uint32_t for_pieces(const struct pbuf *p, uint32_t off, uint32_t len, struct piece_sink *s)
{
	uint32_t done = 0;

	ASSERT(off <= p->len && len <= p->len - off);
	for (int i = -1; len > 0; i++) {
		const uint8_t *at = i < 0 ? p->data : p->frag[i].block->mem + p->frag[i].off;
		uint32_t have = i < 0 ? p->head_len : p->frag[i].len;
		if (off >= have) {
			off -= have;
			continue;
		}
		uint32_t n = MIN(len, have - off), got = s->take(s, at + off, n);
		done += got;
		if (got < n)
			break;
		off = 0;
		len -= n;
	}
	return done;
}

struct copy_sink {
	struct piece_sink sink;
	uint8_t *dst;
};

static uint32_t copy_piece(struct piece_sink *s, const uint8_t *at, uint32_t bytes)
{
	struct copy_sink *c = container_of(s, struct copy_sink, sink);

	memcpy(c->dst, at, bytes);
	c->dst += bytes;
	return bytes;
}

void pbuf_copy_out(const struct pbuf *p, uint32_t off, void *dst, uint32_t len)
{
	struct copy_sink c = {{copy_piece}, dst};

	for_pieces(p, off, len, &c.sink);
}

struct uio_sink {
	struct piece_sink sink;
	struct uio *uio;
	ssize_t err;
};

static uint32_t uio_piece(struct piece_sink *s, const uint8_t *at, uint32_t bytes)
{
	struct uio_sink *u = container_of(s, struct uio_sink, sink);
	ssize_t n = uio_move((void *)at, bytes, u->uio);

	if (n < 0) {
		u->err = n;
		return 0;
	}
	return (uint32_t)n;
}

ssize_t pbuf_copy_to_uio(const struct pbuf *p, uint32_t off, uint32_t len, struct uio *uio)
{
	struct uio_sink u = {{uio_piece}, uio, 0};
	uint32_t done = for_pieces(p, off, len, &u.sink);

	return done == 0 && u.err != 0 ? u.err : (ssize_t)done;
}

#define APPEND_BLOCK_BYTES 32768u

int pbuf_append_uio(struct pbuf *p, uint32_t len, struct uio *uio)
{
	uint32_t n = p->nr_frags == 0 ? MIN(len, pbuf_tailroom(p)) : 0;

	if (n > 0) {
		uint8_t *at = pbuf_append(p, n);
		if (uio_move(at, n, uio) != (ssize_t)n)
			return -EFAULT;
		len -= n;
	}
	while (len > 0) {
		n = MIN(len, APPEND_BLOCK_BYTES);
		struct pbuf_block *b = pbuf_block_alloc(n);
		if (b == NULL)
			return -ENOBUFS;
		bool fault = uio_move(b->mem, n, uio) != (ssize_t)n;
		bool ok = !fault && pbuf_add_frag(p, b, 0, n);
		pbuf_block_put(b);
		if (!ok)
			return fault ? -EFAULT : -ENOBUFS;
		len -= n;
	}
	return 0;
}

struct sum_sink {
	struct piece_sink sink;
	uint64_t sum;
	bool odd; /* the next piece begins at an odd offset of the text */
};

static uint32_t sum_piece(struct piece_sink *s, const uint8_t *at, uint32_t bytes)
{
	struct sum_sink *c = container_of(s, struct sum_sink, sink);
	uint64_t sum = inet_sum(at, bytes, 0);

	if (c->odd) {
		uint16_t folded = inet_sum_fold(sum);
		sum = (uint16_t)(folded << 8 | folded >> 8);
	}
	c->sum += sum;
	c->odd ^= bytes & 1;
	return bytes;
}

uint64_t pbuf_sum(const struct pbuf *p, uint32_t off, uint32_t len, uint64_t sum)
{
	struct sum_sink c = {{sum_piece}, sum, false};

	for_pieces(p, off, len, &c.sink);
	return c.sum;
}

bool pbuf_complete_csum(struct pbuf *p)
{
	uint32_t start;
	uint16_t value;

	if (p->csum != PBUF_CSUM_PARTIAL)
		return true;
	if (p->csum_start < pbuf_headroom(p))
		return false;
	start = p->csum_start - pbuf_headroom(p);
	if (start + p->csum_offset + sizeof(value) > p->head_len)
		return false;
	value = inet_checksum_finish(pbuf_sum(p, start, p->len - start, 0));
	/* 0 would mean "none" to UDP, and is the same number (RFC 768). */
	if (value == 0)
		value = 0xffff;
	memcpy(p->data + start + p->csum_offset, &value, sizeof(value));
	p->csum = PBUF_CSUM_NONE;
	return true;
}

void pbuf_queue_init(struct pbuf_queue *q)
{
	*q = (struct pbuf_queue){.last = &q->first};
}

void pbuf_queue_push(struct pbuf_queue *q, struct pbuf *p)
{
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
	q->nr++;
	q->bytes += p->len;
	q->truesize += pbuf_truesize(p);
}

struct pbuf *pbuf_queue_pop(struct pbuf_queue *q)
{
	struct pbuf *p = q->first;

	if (p == NULL)
		return NULL;
	q->first = p->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->nr--;
	q->bytes -= p->len;
	q->truesize -= pbuf_truesize(p);
	p->next = NULL;
	return p;
}

void pbuf_queue_drop(struct pbuf_queue *q)
{
	pbuf_put_chain(q->first);
	pbuf_queue_init(q);
}
