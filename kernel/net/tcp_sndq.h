/* SPDX-License-Identifier: MIT */
/*
 * tcp_sndq.h - what the application has written and the peer has not acknowledged: bytes [start, start + bytes) of the
 * stream, in pieces of reference-counted blocks. Segments share the blocks, so neither sending nor sending again
 * copies. An empty queue holds no memory.
 */
#ifndef CAY_KERNEL_NET_TCP_SNDQ_H
#define CAY_KERNEL_NET_TCP_SNDQ_H

#include <stdint.h>
#include <sys/types.h>

#include "kernel/net/pbuf.h"
#include "lib/compiler.h"

struct uio;

struct tcp_snd_piece {
	struct tcp_snd_piece *next;
	struct pbuf_block *block;
	uint32_t seq; /* of its first byte */
	uint32_t off, len;
};

struct tcp_sndq {
	struct tcp_snd_piece *first, *last;
	struct tcp_snd_piece *cursor; /* where sending was last, or NULL */
	uint32_t start;               /* sequence number of the first byte */
	uint32_t bytes;
	size_t truesize;     /* memory of all blocks */
	struct netif *netif; /* has blocks for large writes (netif_ops.block); NULL: none has */
};

void tcp_sndq_init(struct tcp_sndq *q, uint32_t start);
/* Copies at most max bytes from the program to the end. Bytes taken (fewer on a fault or without memory), or -EFAULT or
 * -ENOBUFS if none. May block (a fault that reads a file). */
MUST_CHECK ssize_t tcp_sndq_write(struct tcp_sndq *q, struct uio *uio, uint32_t max);
/* Drops all before sequence number upto, which is at most the end. */
void tcp_sndq_ack(struct tcp_sndq *q, uint32_t upto);
void tcp_sndq_free(struct tcp_sndq *q);
/* How much of [seq, seq + len) fits into max_frags fragments of a packet: all, or a number of whole `unit`s, or
 * (when not even one fits) less than one. */
uint32_t tcp_sndq_fits(struct tcp_sndq *q, uint32_t seq, uint32_t len, unsigned max_frags, uint32_t unit);
/* Adds bytes [seq, seq + len), which must be there, to p as fragments. False: more than p has slots for. */
MUST_CHECK bool tcp_sndq_attach(struct tcp_sndq *q, uint32_t seq, uint32_t len, struct pbuf *p);

/* Copies bytes [seq, seq + len), which must be there. */
void tcp_sndq_copy(struct tcp_sndq *q, uint32_t seq, uint32_t len, uint8_t *out);

static inline uint32_t tcp_sndq_end(const struct tcp_sndq *q)
{
	return q->start + q->bytes;
}

#endif
