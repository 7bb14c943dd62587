/* SPDX-License-Identifier: MIT */
/*
 * tcp_rcvq.h - data that has arrived: in order (for the reader), and ahead of a hole.
 *
 * Packets are kept as they came. What is ahead lies in ranges without holes, ordered and apart from each other; a new
 * packet is cut to what is not there yet, so each byte is held once, and the first copy of it wins. The number of
 * ranges is bounded, so that the work for a hostile packet is, and memory by truesize, not by payload.
 */
#ifndef CAY_KERNEL_NET_TCP_RCVQ_H
#define CAY_KERNEL_NET_TCP_RCVQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/net/pbuf.h"
#include "lib/compiler.h"

struct uio;

#define TCP_OOO_RANGES_MAX 256

struct tcp_rcvq {
	struct pbuf *first, *last; /* in order */
	struct pbuf *ahead;        /* first packet of the first range */
	uint32_t read_seq;         /* of the first byte in `first`: what the reader gets next */
	uint32_t bytes;            /* in order */
	uint32_t ahead_bytes;
	uint32_t nr_ranges;
	size_t truesize; /* memory of all packets held */
};

void tcp_rcvq_init(struct tcp_rcvq *q, uint32_t start);
void tcp_rcvq_free(struct tcp_rcvq *q);
/* Drops what is ahead of a hole: memory is short. */
void tcp_rcvq_drop_ahead(struct tcp_rcvq *q);

/* Sequence number behind the last byte in order. */
static inline uint32_t tcp_rcvq_end(const struct tcp_rcvq *q)
{
	return q->read_seq + q->bytes;
}

/* Adds p, whose data begins at tcp_rcvq_end (consumed), and then whatever is no longer ahead of a hole. */
void tcp_rcvq_append(struct tcp_rcvq *q, struct pbuf *p);
/* Adds p, whose data begins at seq, ahead of the end (consumed). False: it was there already or there are too many
 * ranges. *start and *end: the range that it is part of now; when false, what of it was there before. */
bool tcp_rcvq_insert(struct tcp_rcvq *q, uint32_t seq, struct pbuf *p, uint32_t *start, uint32_t *end);

/* Copies bytes from offset `skip` behind read_seq to the program, at most max; takes nothing off. Bytes, or -EFAULT. */
MUST_CHECK ssize_t tcp_rcvq_peek(struct tcp_rcvq *q, uint32_t skip, uint32_t max, struct uio *uio);
/* Takes n bytes (n <= bytes) off. */
void tcp_rcvq_take(struct tcp_rcvq *q, uint32_t n);
/* The byte at seq, which must be there in order. */
uint8_t tcp_rcvq_byte(const struct tcp_rcvq *q, uint32_t seq);

#endif
