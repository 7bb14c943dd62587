/* SPDX-License-Identifier: MIT */
/* tcp_rcvq.c - the receive queues: see tcp_rcvq.h. */
#include "kernel/net/tcp_rcvq.h"

#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/net/tcp_seq.h"
#include "lib/string.h"

/* In a packet's cb. last and next_range count only in the first packet of a range. */
struct rx {
	uint32_t seq, end;
	struct pbuf *last, *next_range;
	uint32_t range_end;
};
_Static_assert(sizeof(struct rx) <= sizeof(((struct pbuf *)NULL)->cb), "a packet's own memory is too small");

static struct rx *rx(const struct pbuf *p)
{
	return (struct rx *)(uintptr_t)p->cb;
}

void tcp_rcvq_init(struct tcp_rcvq *q, uint32_t start)
{
	*q = (struct tcp_rcvq){.read_seq = start};
}

static void put_packets(struct tcp_rcvq *q, struct pbuf *p)
{
	while (p != NULL) {
		struct pbuf *next = p->next;
		q->truesize -= pbuf_truesize(p);
		pbuf_put(p);
		p = next;
	}
}

void tcp_rcvq_drop_ahead(struct tcp_rcvq *q)
{
	while (q->ahead != NULL) {
		struct pbuf *range = q->ahead;
		q->ahead = rx(range)->next_range;
		put_packets(q, range);
	}
	q->ahead_bytes = q->nr_ranges = 0;
}

void tcp_rcvq_free(struct tcp_rcvq *q)
{
	tcp_rcvq_drop_ahead(q);
	put_packets(q, q->first);
	q->first = q->last = NULL;
	q->read_seq += q->bytes;
	q->bytes = 0;
}

/* Small packets would hold much more memory than data: their bytes go behind the last packet's, if it is only ours. */
static bool merge_small(struct tcp_rcvq *q, struct pbuf *p)
{
	struct pbuf *last = q->last;

	if (last == NULL || p->len > 256 || last->nr_frags > 0 || last->refs != 1 || pbuf_tailroom(last) < p->len)
		return false;
	uint32_t len = p->len;
	pbuf_copy_out(p, 0, pbuf_append(last, len), len);
	pbuf_put(p);
	return true;
}

static void append_one(struct tcp_rcvq *q, struct pbuf *p)
{
	uint32_t len = p->len;

	p->next = NULL;
	if (!merge_small(q, p)) {
		q->truesize += pbuf_truesize(p);
		if (q->last != NULL)
			q->last->next = p;
		else
			q->first = p;
		q->last = p;
	}
	q->bytes += len;
}

void tcp_rcvq_append(struct tcp_rcvq *q, struct pbuf *p)
{
	append_one(q, p);
	while (q->ahead != NULL && seq_upto(rx(q->ahead)->seq, tcp_rcvq_end(q))) {
		struct pbuf *range = q->ahead;

		q->ahead = rx(range)->next_range;
		q->nr_ranges--;
		for (struct pbuf *next; range != NULL; range = next) {
			uint32_t have = tcp_rcvq_end(q);
			struct rx at = *rx(range);

			next = range->next;
			q->truesize -= pbuf_truesize(range);
			q->ahead_bytes -= range->len;
			if (seq_upto(at.end, have)) {
				pbuf_put(range);
				continue;
			}
			if (seq_before(at.seq, have))
				pbuf_pull(range, have - at.seq);
			append_one(q, range);
		}
	}
}

bool tcp_rcvq_insert(struct tcp_rcvq *q, uint32_t seq, struct pbuf *p, uint32_t *start, uint32_t *end)
{
	struct pbuf *before = NULL, *after = q->ahead;

	while (after != NULL && seq_upto(rx(after)->seq, seq)) {
		before = after;
		after = rx(after)->next_range;
	}
	*start = seq;
	*end = seq + p->len;
	if (before != NULL && seq_after(rx(before)->range_end, seq)) {
		uint32_t covered = rx(before)->range_end - seq;
		if (covered >= p->len) {
			pbuf_put(p);
			return false;
		}
		pbuf_pull(p, covered);
		seq += covered;
	}
	/* What would lie behind the next range's start is left to the peer to send again. */
	if (after != NULL && seq_after(seq + p->len, rx(after)->seq))
		pbuf_trim(p, rx(after)->seq - seq);
	*rx(p) = (struct rx){.seq = seq, .end = seq + p->len, .last = p, .range_end = seq + p->len};
	p->next = NULL;
	bool joins_before = before != NULL && rx(before)->range_end == seq;
	if (!joins_before && (after == NULL || rx(after)->seq != seq + p->len) && q->nr_ranges >= TCP_OOO_RANGES_MAX) {
		*end = *start;
		pbuf_put(p);
		return false;
	}
	q->truesize += pbuf_truesize(p);
	q->ahead_bytes += p->len;
	if (joins_before) {
		rx(before)->last->next = p;
		rx(before)->last = p;
		rx(before)->range_end += p->len;
	} else {
		rx(p)->next_range = after;
		if (before != NULL)
			rx(before)->next_range = p;
		else
			q->ahead = p;
		q->nr_ranges++;
		before = p;
	}
	if (after != NULL && rx(before)->range_end == rx(after)->seq) {
		rx(before)->last->next = after;
		rx(before)->last = rx(after)->last;
		rx(before)->range_end = rx(after)->range_end;
		rx(before)->next_range = rx(after)->next_range;
		q->nr_ranges--;
	}
	*start = rx(before)->seq;
	*end = rx(before)->range_end;
	return true;
}

ssize_t tcp_rcvq_peek(struct tcp_rcvq *q, uint32_t skip, uint32_t max, struct uio *uio)
{
	uint32_t want = MIN(max, q->bytes > skip ? q->bytes - skip : 0), done = 0;

	for (struct pbuf *p = q->first; p != NULL && done < want; p = p->next) {
		if (skip >= p->len) {
			skip -= p->len;
			continue;
		}
		uint32_t n = MIN(p->len - skip, want - done);
		ssize_t moved = pbuf_copy_to_uio(p, skip, n, uio);
		if (moved < 0)
			return done > 0 ? (ssize_t)done : moved;
		done += (uint32_t)moved;
		if ((uint32_t)moved < n)
			break;
		skip = 0;
	}
	return (ssize_t)done;
}

void tcp_rcvq_take(struct tcp_rcvq *q, uint32_t n)
{
	ASSERT(n <= q->bytes);
	q->bytes -= n;
	q->read_seq += n;
	while (n > 0) {
		struct pbuf *p = q->first;

		ASSERT(p != NULL);
		if (n < p->len) {
			q->truesize -= pbuf_truesize(p);
			pbuf_pull(p, n);
			q->truesize += pbuf_truesize(p);
			return;
		}
		n -= p->len;
		q->first = p->next;
		if (q->first == NULL)
			q->last = NULL;
		q->truesize -= pbuf_truesize(p);
		pbuf_put(p);
	}
}

uint8_t tcp_rcvq_byte(const struct tcp_rcvq *q, uint32_t seq)
{
	uint32_t skip = seq - q->read_seq;
	const struct pbuf *p = q->first;
	uint8_t byte;

	ASSERT(skip < q->bytes);
	for (; p != NULL && skip >= p->len; p = p->next)
		skip -= p->len;
	ASSERT(p != NULL);
	pbuf_copy_out(p, skip, &byte, 1);
	return byte;
}
