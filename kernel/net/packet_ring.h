/* SPDX-License-Identifier: MIT */
/*
 * packet_ring.h - receive rings of packet sockets (PACKET_RX_RING): memory shared with the program, into which frames
 * are copied. TPACKET_V1 and V2: slots of one size, each with a word that says whose it is. TPACKET_V3: blocks that
 * frames fill one after the other, each given to the program when it is full or some time has passed.
 *
 * Invariant: no position or size of ours is ever read back from the shared memory, only whose a slot or a block is,
 * once each time; so whatever the program writes there, it harms nothing but its own view. Lock: the socket's, for
 * everything here.
 */
#ifndef CAY_KERNEL_NET_PACKET_RING_H
#define CAY_KERNEL_NET_PACKET_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/if_packet.h>

#include "kernel/mm/vmspace.h"
#include "kernel/net/pbuf.h"

#define PACKET_RING_BYTES_MAX (256u << 20)

struct packet_ring {
	uint8_t version; /* enum tpacket_versions */
	unsigned order;  /* of a block's pages */
	uint32_t block_bytes, nr_blocks;
	uint32_t frame_bytes, frames_per_block, nr_frames; /* V1, V2 */
	uint32_t reserve; /* PACKET_RESERVE: free for the program in front of a frame */
	uint32_t head;    /* V1, V2: next slot; V3: the block that is or will be filled */
	/* V3, kernel/net/packet_blocks.c */
	uint32_t first;      /* offset of a block's first frame */
	uint32_t timeout_ms; /* a block that has waited so long is given over, not full */
	bool open;           /* the block at head is being filled; else the program still has it */
	uint32_t end, last;  /* offsets of what is free in it, and of its last frame */
	uint32_t nr_in_block;
	uint64_t seq, first_ns, last_ns;
	uint64_t close_at_ns; /* CLOCK_MONOTONIC: when it is to be given over; 0: it is empty */
	uint32_t freezes;     /* how often all blocks were the program's, since this was last asked */
	uint8_t *block[];
};

/* What a ring tells of a frame besides its bytes. */
struct packet_frame {
	uint32_t snaplen;    /* bytes that the filter wants */
	uint32_t link_bytes; /* of the link header in front; 0: SOCK_DGRAM */
	uint32_t status;     /* TP_STATUS_* */
	uint64_t time_ns;    /* CLOCK_REALTIME */
	struct sockaddr_ll ll;
};

/* sizeof the header in front of each frame; 0: no such version. */
uint32_t packet_ring_header(int version);
/* -EINVAL: sizes that do not fit together (packet(7)); -ENOMEM, also for what would take most of the memory. */
MUST_CHECK int packet_ring_create(int version, uint32_t reserve, const struct tpacket_req3 *req,
				  struct packet_ring **out);
void packet_ring_free(struct packet_ring *r); /* NULL is allowed; pages that are mapped stay until they are not */
/* Does the program have it mapped? */
bool packet_ring_is_mapped(const struct packet_ring *r);
/* Copies a frame in. False: there is no room. */
MUST_CHECK bool packet_ring_put(struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f,
				uint64_t now_ns);
/* As poll(2) sees it: the slot or block that was given over last is still the program's. */
bool packet_ring_is_readable(const struct packet_ring *r);
/* V3: gives the block over if its time has come. True: it did. */
MUST_CHECK bool packet_ring_timer(struct packet_ring *r, uint64_t now_ns);

static inline uint64_t packet_ring_bytes(const struct packet_ring *r)
{
	return (uint64_t)r->block_bytes * r->nr_blocks;
}
/* As file_ops.map. -EINVAL: outside. */
MUST_CHECK int packet_ring_map(const struct packet_ring *r, uint64_t pgoff, size_t nr, struct page_run *run);

/* ---- between packet_ring.c and packet_blocks.c ---- */

/* Where a frame's parts lie in its slot. */
struct packet_place {
	uint32_t mac, net, snaplen;
};
/* room: bytes of the slot. False: the frame's headers alone do not fit into what 16 bits can say. */
MUST_CHECK bool packet_ring_place(const struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f,
				  uint32_t room, struct packet_place *at);
MUST_CHECK int packet_blocks_init(struct packet_ring *r, const struct tpacket_req3 *req);
MUST_CHECK bool packet_blocks_put(struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f,
				  uint64_t now_ns);
bool packet_blocks_is_readable(const struct packet_ring *r);

#endif
