/* SPDX-License-Identifier: MIT */
/*
 * pbuf.h - a packet: a head (contiguous, with room in front for headers) and fragments in reference-counted blocks.
 *
 * A packet may have up to 64 KiB (segmentation offload, both directions); fragments share blocks, so that sending from
 * a socket's queue, loopback, and retransmission copy nothing.
 * Ownership: whoever holds a pbuf owns one reference; functions that take a packet say so ("consumes"). With more than
 * one reference the packet is read-only; pbuf_clone makes a head of one's own over the same fragments.
 * Offsets l3, l4, csum_start count from the start of the head's memory, so pushing and pulling does not move them.
 * Locks: none; references are atomic. Context: any. Allocation never blocks and returns NULL without memory.
 */
#ifndef CAY_KERNEL_NET_PBUF_H
#define CAY_KERNEL_NET_PBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/net/ipaddr.h"
#include "lib/compiler.h"

struct uio;
struct netif;

/* Memory that packets refer to. */
struct pbuf_block {
	uint32_t refs;
	uint32_t bytes;
	uint8_t *mem; /* in the direct map: virt_to_pa holds, physically contiguous */
	void (*free)(
		struct pbuf_block *b); /* the last reference is gone: gives back mem and b. Any context; no blocking */
	void *owner;                   /* free's business */
};

/* Whole pages, at least `bytes` (at most 2 MiB), contents undefined, one reference. b->bytes is the true size. */
MUST_CHECK struct pbuf_block *pbuf_block_alloc(uint32_t bytes);
static inline void pbuf_block_get(struct pbuf_block *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
}
void pbuf_block_put(struct pbuf_block *b);

struct pbuf_frag {
	struct pbuf_block *block;
	uint32_t off, len; /* len > 0 */
};

#define PBUF_FRAGS_MAX 17
#define PBUF_LEN_MAX   (65535u + 64) /* the largest IP packet, and link headers */
#define PBUF_HEADROOM  128u          /* enough for the link, IPv6 or IPv4 with options, and TCP with options */

enum pbuf_csum {
	PBUF_CSUM_NONE,    /* receive: unknown, to be verified. send: complete in the packet */
	PBUF_CSUM_PARTIAL, /* the field holds the pseudo header's sum; the rest is to be summed from csum_start and
			    * stored at csum_start + csum_offset (virtio NEEDS_CSUM). Received: data that never left
			    * the machine, nothing to verify */
	PBUF_CSUM_VALID,   /* receive: the device has verified it */
};
enum pbuf_gso { PBUF_GSO_NONE, PBUF_GSO_TCP4, PBUF_GSO_TCP6, PBUF_GSO_UDP };

/* Why a packet that was sent could not arrive; travels to its socket as a pbuf with is_error (channel.h). */
struct net_error {
	int err;        /* positive errno */
	uint8_t origin; /* SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, SO_EE_ORIGIN_LOCAL */
	uint8_t type, code;
	bool hard;         /* a socket must take note; else a hint (RFC 1122 4.2.3.9) */
	bool shrinks_path; /* info is the path's MTU, if the protocol believes that it sent the packet */
	uint32_t info;     /* MTU for EMSGSIZE */
	struct ipaddr offender;
};

struct pbuf {
	struct pbuf *next; /* the holder's: a queue, or a batch of packets */
	uint32_t refs;
	uint32_t len;        /* bytes in all: head and fragments */
	uint8_t *data;       /* first byte of the head */
	uint16_t head_len;   /* bytes of the head */
	uint16_t head_bytes; /* size of its memory */
	uint8_t nr_frags;
	uint8_t csum;  /* enum pbuf_csum */
	uint8_t gso;   /* enum pbuf_gso */
	bool is_error; /* not a packet: `error` for the flow; the data is what the peer quoted of our packet's payload
			*/
	bool link_multicast; /* received: its link address was not ours alone (broadcast, multicast) */
	uint8_t ecn_ce;      /* of pieces put together: one of them had CE */
	uint16_t gso_size;   /* payload of each packet the device shall make of it; received: that it was made of */
	uint16_t csum_start, csum_offset;
	uint16_t l3, l4;     /* network and transport header */
	struct netif *netif; /* received: where it came in. Interfaces are never freed */
	uint64_t time_ns;    /* received: CLOCK_REALTIME if a socket wants it, else 0 */
	/* of the IP layer, received: */
	struct ipaddr src, dst;
	uint16_t sport, dport; /* network order; 0 for protocols without */
	uint8_t proto, ttl, tos;
	uint32_t hash; /* of the flow, keyed: see channel.h */
	union {
		struct net_error error;
		uint64_t cb[6]; /* the holder's: the protocol, or a queue */
	};
	struct pbuf_frag frag[PBUF_FRAGS_MAX];
	uint8_t head[];
};

/* A packet with headroom bytes in front and len bytes (contents undefined) in its head. headroom + len <= 65535 minus
 * the descriptor; more data goes into fragments. */
MUST_CHECK struct pbuf *pbuf_alloc(uint32_t headroom, uint32_t len);
static inline struct pbuf *pbuf_get(struct pbuf *p)
{
	__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
	return p;
}
void pbuf_put(struct pbuf *p);       /* drops a reference; NULL is allowed */
void pbuf_put_chain(struct pbuf *p); /* of each packet linked by next */

/* Memory this packet keeps busy, for limits of sockets' queues. */
size_t pbuf_truesize(const struct pbuf *p);

static inline uint32_t pbuf_headroom(const struct pbuf *p)
{
	return (uint32_t)(p->data - p->head);
}
static inline uint32_t pbuf_tailroom(const struct pbuf *p)
{
	return p->head_bytes - pbuf_headroom(p) - p->head_len;
}
static inline uint8_t *pbuf_l3(struct pbuf *p)
{
	return p->head + p->l3;
}
static inline uint8_t *pbuf_l4(struct pbuf *p)
{
	return p->head + p->l4;
}
/* The offset that l3, l4 and csum_start use, of a place in the head. */
static inline uint16_t pbuf_mark(const struct pbuf *p, const uint8_t *at)
{
	return (uint16_t)(at - p->head);
}

/* n more bytes in front. The room must be there: ASSERT. Returns the new first byte. */
uint8_t *pbuf_push(struct pbuf *p, uint32_t n);
/* Drops the first n bytes (n <= len), across fragments. */
void pbuf_pull(struct pbuf *p, uint32_t n);
/* Cuts the packet to its first len bytes; no effect when it is shorter. */
void pbuf_trim(struct pbuf *p, uint32_t len);
/* n more bytes at the end of a packet without fragments, in the tail room (ASSERT). Returns the first of them. */
uint8_t *pbuf_append(struct pbuf *p, uint32_t n);
/* Makes the first n bytes contiguous in the head. False: the packet is shorter, or they do not fit into the head. */
MUST_CHECK bool pbuf_need(struct pbuf *p, uint32_t n);

/* The same packet with all its data in the head: itself, or a copy (consumes p). NULL: longer than PBUF_FLAT_MAX, or no
 * memory; p is gone then, too. */
#define PBUF_FLAT_MAX 9216u
MUST_CHECK struct pbuf *pbuf_flatten(struct pbuf *p);

/* Adds a fragment, which takes a reference of its own; merged with the last one where they touch. False: no slot left.
 */
MUST_CHECK bool pbuf_add_frag(struct pbuf *p, struct pbuf_block *b, uint32_t off, uint32_t len);
/* Appends bytes [off, off + len) of src to dst: fragments are shared, bytes of the head copied to a block. False:
 * no slot or no memory; dst may then have a part of it. */
MUST_CHECK bool pbuf_add_range(struct pbuf *dst, const struct pbuf *src, uint32_t off, uint32_t len);
/* A packet of its own with the same contents and marks, sharing the fragments; its head has at least `headroom` in
 * front. NULL without memory. */
MUST_CHECK struct pbuf *pbuf_clone(const struct pbuf *p, uint32_t headroom);

/* Bytes [off, off + len), which must exist (ASSERT). */
void pbuf_copy_out(const struct pbuf *p, uint32_t off, void *dst, uint32_t len);
/* To the program: bytes moved, or -EFAULT if none (uio_move). */
ssize_t pbuf_copy_to_uio(const struct pbuf *p, uint32_t off, uint32_t len, struct uio *uio);
/* From the program, `len` more bytes at the end: into the tail room first, then into fresh blocks. 0, -EFAULT,
 * -ENOBUFS. */
MUST_CHECK int pbuf_append_uio(struct pbuf *p, uint32_t len, struct uio *uio);
/* lib/inet_checksum.h over bytes [off, off + len), added to sum. */
uint64_t pbuf_sum(const struct pbuf *p, uint32_t off, uint32_t len, uint64_t sum);
/* Completes a PARTIAL checksum in software. No effect on others. False: the marks lie outside the head. */
MUST_CHECK bool pbuf_complete_csum(struct pbuf *p);

/* A queue in order of arrival, not thread-safe. */
struct pbuf_queue {
	struct pbuf *first, **last; /* last: where the next one is linked */
	uint32_t nr;
	size_t bytes;    /* sum of pbuf.len */
	size_t truesize; /* sum of pbuf_truesize */
};
void pbuf_queue_init(struct pbuf_queue *q);
void pbuf_queue_push(struct pbuf_queue *q, struct pbuf *p); /* consumes p */
struct pbuf *pbuf_queue_pop(struct pbuf_queue *q);          /* NULL: empty */
void pbuf_queue_drop(struct pbuf_queue *q);                 /* all of it */

#endif
