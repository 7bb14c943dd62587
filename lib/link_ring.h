/* SPDX-License-Identifier: MIT */
/*
 * link_ring.h - one ring of a link (abi/link.h), from its producer's or its consumer's side.
 * The other side is hostile: what it writes is read once and checked, and our own indices are kept in private memory.
 * Whatever it does, frames are lost or garbled at worst; no access leaves the ring. Not thread-safe; never blocks.
 */
#ifndef CAY_LIB_LINK_RING_H
#define CAY_LIB_LINK_RING_H

#include <stdbool.h>

#include "abi/link.h"
#include "lib/compiler.h"

struct link_tx {
	struct cay_link_ring *ring;
	uint8_t *data;
	uint32_t tail;        /* behind the last whole record */
	uint32_t at;          /* where the record being written goes on */
	uint32_t published;   /* what the consumer sees */
	uint32_t answered;    /* the last value of `asleep` that we have woken */
	uint32_t wants_room;  /* our number; 0 = we do not wait */
	uint32_t room_number; /* the last one used */
	uint32_t waits_since; /* the consumer's index when we began to wait */
	uint32_t nr_resyncs;  /* the consumer's index made no sense */
	uint32_t polls_seen;  /* the consumer's count when it was last seen to move */
	uint64_t since_ns;    /* when that was; 0 = it owes us nothing */
	bool prodded;         /* it has been woken since */
};

struct link_rx {
	struct cay_link_ring *ring;
	const uint8_t *data;
	uint32_t head;     /* before the next record */
	uint32_t at, left; /* in the record being read: the place, the bytes */
	uint32_t next;     /* behind it */
	uint32_t released; /* what the producer sees */
	uint32_t answered; /* the last value of `wants_room` that we have woken */
	uint32_t asleep_number;
	uint32_t polls;
	uint32_t nr_resyncs; /* the producer's index, or a length, made no sense */
};

/* Ring and data stay the caller's. Each takes the ring as empty. */
void link_tx_init(struct link_tx *tx, struct cay_link_ring *ring, uint8_t *data);
void link_rx_init(struct link_rx *rx, struct cay_link_ring *ring, const uint8_t *data);

/* Is there room for a record of `bytes` (1..CAY_LINK_FRAME_MAX)? True begins it: link_tx_put then takes all its bytes,
 * and link_tx_end ends it. */
MUST_CHECK bool link_tx_begin(struct link_tx *tx, uint32_t bytes);
void link_tx_put(struct link_tx *tx, const void *from, uint32_t bytes);
void link_tx_end(struct link_tx *tx);
/* Shows the consumer what has ended. True: it sleeps and must be woken. */
MUST_CHECK bool link_tx_publish(struct link_tx *tx);
/* It does not sleep but leaves unread what it was shown, and has not looked for LINK_STALL_NS: true, once, means wake
 * it. now_ns: any clock of ours. */
#define LINK_STALL_NS 50000u
MUST_CHECK bool link_tx_stalled(struct link_tx *tx, uint64_t now_ns);
/* We shall not look again for long: does it leave anything unread? */
bool link_tx_unread(const struct link_tx *tx);
/* There was no room: asks the consumer to wake us when there is more. False: it may have made some before it could see
 * that, so try once more, and only once; if that fails too, it will wake us. True: it was asked and has made none
 * since. */
MUST_CHECK bool link_tx_wait(struct link_tx *tx);
/* No longer waiting. */
void link_tx_stop_waiting(struct link_tx *tx);

/* A cheap look, for polling. */
bool link_rx_pending(const struct link_rx *rx);
/* Begins the next record: its bytes, 1..CAY_LINK_FRAME_MAX; 0: there is none. link_rx_get takes bytes of it in order,
 * no more than there are; link_rx_end drops the rest. */
uint32_t link_rx_begin(struct link_rx *rx);
void link_rx_get(struct link_rx *rx, void *to, uint32_t bytes);
void link_rx_end(struct link_rx *rx);
/* Gives the producer the room of what has ended. True: it waits for that and must be woken. */
MUST_CHECK bool link_rx_release(struct link_rx *rx);
/* Before sleeping. True: something is there already. */
MUST_CHECK bool link_rx_arm(struct link_rx *rx);
/* We look: not asleep. */
void link_rx_awake(struct link_rx *rx);

#endif
