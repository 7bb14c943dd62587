/* SPDX-License-Identifier: MIT */
/* tcp_sndq.c - the send queue: see tcp_sndq.h. */
#include "kernel/net/tcp_sndq.h"

#include <errno.h>

#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/netif.h"
#include "kernel/net/tcp_seq.h"
#include "lib/string.h"

#define BLOCK_BYTES_MAX 32768u /* a large write goes into blocks of this size */

void tcp_sndq_init(struct tcp_sndq *q, uint32_t start)
{
	*q = (struct tcp_sndq){.start = start};
}

static void free_piece(struct tcp_sndq *q, struct tcp_snd_piece *piece)
{
	q->truesize -= piece->block->bytes;
	pbuf_block_put(piece->block);
	kfree(piece);
}

static void free_first(struct tcp_sndq *q)
{
	struct tcp_snd_piece *piece = q->first;

	q->first = piece->next;
	if (q->first == NULL)
		q->last = NULL;
	if (q->cursor == piece)
		q->cursor = NULL;
	free_piece(q, piece);
}

void tcp_sndq_free(struct tcp_sndq *q)
{
	while (q->first != NULL)
		free_first(q);
	q->bytes = 0;
}

void tcp_sndq_ack(struct tcp_sndq *q, uint32_t upto)
{
	uint32_t n = upto - q->start;

	ASSERT(n <= q->bytes);
	q->start = upto;
	q->bytes -= n;
	while (q->first != NULL && seq_upto(q->first->seq + q->first->len, upto))
		free_first(q);
	if (q->first != NULL && seq_before(q->first->seq, upto)) {
		uint32_t cut = upto - q->first->seq;
		q->first->seq += cut;
		q->first->off += cut;
		q->first->len -= cut;
	}
}

/* Room behind the last piece. Other holders of its block look only at what has been written already. */
static uint32_t tail_room(const struct tcp_sndq *q)
{
	return q->last == NULL ? 0 : q->last->block->bytes - q->last->off - q->last->len;
}

static struct pbuf_block *get_block(const struct tcp_sndq *q, uint32_t want)
{
	struct pbuf_block *b = NULL;

	if (q->netif != NULL && q->netif->ops->block != NULL && want >= BLOCK_BYTES_MAX / 2)
		b = q->netif->ops->block(q->netif);
	if (b == NULL)
		b = pbuf_block_alloc(MIN(want, BLOCK_BYTES_MAX));
	if (b == NULL && want > PAGE_SIZE)
		b = pbuf_block_alloc(PAGE_SIZE); /* memory is in pieces */
	return b;
}

static bool add_piece(struct tcp_sndq *q, uint32_t want)
{
	struct tcp_snd_piece *piece = kmalloc(sizeof(*piece));

	if (piece == NULL)
		return false;
	*piece = (struct tcp_snd_piece){.seq = tcp_sndq_end(q)};
	piece->block = get_block(q, want);
	if (piece->block == NULL) {
		kfree(piece);
		return false;
	}
	q->truesize += piece->block->bytes;
	if (q->last != NULL)
		q->last->next = piece;
	else
		q->first = piece;
	q->last = piece;
	return true;
}

/* Takes back the last piece when nothing came into it. */
static void drop_empty_last(struct tcp_sndq *q)
{
	struct tcp_snd_piece *before = NULL;

	if (q->last == NULL || q->last->len > 0)
		return;
	for (struct tcp_snd_piece *p = q->first; p != q->last; p = p->next)
		before = p;
	if (before == NULL) {
		free_first(q);
		return;
	}
	if (q->cursor == q->last)
		q->cursor = NULL;
	free_piece(q, q->last);
	before->next = NULL;
	q->last = before;
}

ssize_t tcp_sndq_write(struct tcp_sndq *q, struct uio *uio, uint32_t max)
{
	uint32_t want = (uint32_t)MIN((size_t)max, uio->resid), done = 0;
	ssize_t n = 0;

	while (done < want) {
		if (tail_room(q) == 0 && !add_piece(q, want - done)) {
			n = -ENOBUFS;
			break;
		}
		struct tcp_snd_piece *piece = q->last;
		uint32_t fits = MIN(want - done, tail_room(q));
		n = uio_move(piece->block->mem + piece->off + piece->len, fits, uio);
		if (n < 0)
			break;
		piece->len += (uint32_t)n;
		q->bytes += (uint32_t)n;
		done += (uint32_t)n;
		if ((uint32_t)n < fits)
			break;
	}
	drop_empty_last(q);
	return done > 0 ? (ssize_t)done : n;
}

/* The piece that seq lies in. Sending goes forward: the cursor is mostly right or one behind. */
static struct tcp_snd_piece *find(struct tcp_sndq *q, uint32_t seq)
{
	struct tcp_snd_piece *p = q->cursor != NULL && seq_upto(q->cursor->seq, seq) ? q->cursor : q->first;

	while (seq_upto(p->seq + p->len, seq))
		p = p->next;
	q->cursor = p;
	return p;
}

uint32_t tcp_sndq_fits(struct tcp_sndq *q, uint32_t seq, uint32_t len, unsigned max_frags, uint32_t unit)
{
	struct tcp_snd_piece *p = find(q, seq);
	uint32_t fits = 0;

	ASSERT(unit > 0);
	for (unsigned i = 0; i < max_frags && p != NULL && fits < len; i++, p = p->next)
		fits += p->seq + p->len - (seq + fits);
	if (fits >= len)
		return len;
	return fits >= unit ? fits - fits % unit : fits;
}

bool tcp_sndq_attach(struct tcp_sndq *q, uint32_t seq, uint32_t len, struct pbuf *pb)
{
	struct tcp_snd_piece *p = find(q, seq);

	while (len > 0) {
		uint32_t skip = seq - p->seq;
		uint32_t n = MIN(len, p->len - skip);

		if (!pbuf_add_frag(pb, p->block, p->off + skip, n))
			return false;
		seq += n;
		len -= n;
		p = p->next;
	}
	return true;
}

void tcp_sndq_copy(struct tcp_sndq *q, uint32_t seq, uint32_t len, uint8_t *out)
{
	struct tcp_snd_piece *p = find(q, seq);

	while (len > 0) {
		uint32_t skip = seq - p->seq;
		uint32_t n = MIN(len, p->len - skip);

		memcpy(out, p->block->mem + p->off + skip, n);
		seq += n;
		out += n;
		len -= n;
		p = p->next;
	}
}
