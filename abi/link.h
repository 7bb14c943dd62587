/* SPDX-License-Identifier: MIT */
/*
 * link.h - VMs joined by memory that they share (--net link=NAME): the guests move frames through rings themselves,
 * with no thread and no exit in between while both are awake.
 *
 * The segment has places for CAY_LINK_PEERS_MAX VMs and one ring from each to each other. A ring has one producer and
 * one consumer; each writes its own line only. Indices count bytes and wrap at 2^32. A record is a 32-bit length, then
 * that many bytes, padded to CAY_LINK_ALIGN; it may go round the ring's end. The bytes are a struct
 * virtio_net_hdr_mrg_rxbuf, as many struct cay_link_ref as its num_buffers says, and an Ethernet frame whose last part
 * is what they refer to.
 *
 * So that a stream's data are copied once in and once out, a VM that sends much writes them into its own pool in the
 * segment and sends references. The blocks a record refers to are lent to its consumer, who counts each use up in
 * `returned` when it has let go of it. The producer keeps the number of uses in `lent`, and a block is nobody's when
 * both are equal for all peers. Both are in the segment because they outlive a VM: what a place's last VM has lent may
 * still wait to be read, and what it had borrowed it has returned by ending. A consumer that returns nothing costs the
 * producer no more than those blocks: what cannot be lent is copied into the ring.
 * Peers are hostile: indices and lengths are read once and checked; a side that finds nonsense takes
 * the ring as empty by moving its own index to the other's, which is also how a VM begins in a place that another had.
 * A peer's link address ends in its place + 1, so nobody needs to learn addresses: CAY_LINK_MAC.
 *
 * Sleeping: the consumer stores a new number, never 0, in `asleep`, and then looks at `tail` once more; the producer
 * moves `tail` and then reads `asleep`: with a full barrier between, one of them sees the other. A number that the
 * producer has not answered yet means: wake that VM. The same with `wants_room` in the other direction.
 * A consumer that runs a program is not asleep and may not look for long: a producer that sees neither `head` nor
 * `polls` move for a while wakes it as well. To wake peers a guest sets their bits in cay_link_vm.wake; if `asleep`
 * there is not 0, it rings the doorbell.
 *
 * cay_device_info (CAY_DEV_LINK): config[0] as in abi/net.h; [1] GPA of the segment; [2] GPA of struct cay_link_vm.
 */
#ifndef CAY_ABI_LINK_H
#define CAY_ABI_LINK_H

#include <stddef.h>
#include <stdint.h>

#define CAY_LINK_PEERS_MAX  8u
#define CAY_LINK_RING_BYTES 0x80000u
#define CAY_LINK_ALIGN      16u
#define CAY_LINK_MAGIC      0x324b4e494c594143ull /* "CAYLINK2" read as bytes */
#define CAY_LINK_DATA       0x20000u              /* of ring 0; the others follow */
#define CAY_LINK_POOL       0x2200000u            /* of place 0; the others follow */
#define CAY_LINK_BYTES      0x4200000ull          /* of the segment: a multiple of 2 MiB */
#define CAY_LINK_FRAME_MAX  (12u + 18u + 65535u)

#define CAY_LINK_BLOCK_BYTES 0x8000u
#define CAY_LINK_BLOCKS      128u /* of one place's pool */
#define CAY_LINK_POOL_BYTES  (CAY_LINK_BLOCKS * CAY_LINK_BLOCK_BYTES)
#define CAY_LINK_REFS_MAX    17u /* of one record */

/* The first five bytes of every link address; the last is the place + 1. Given out locally. */
#define CAY_LINK_MAC                                                                                                   \
	{                                                                                                              \
		0x02, 0xca, 0x79, 0x6c, 0x6b                                                                           \
	}

#define CAY_LINK_CONFIG_SEGMENT 1
#define CAY_LINK_CONFIG_VM      2

struct cay_link_ring {
	/* the producer's */
	_Alignas(64) uint32_t tail;
	uint32_t wants_room;
	uint32_t lent; /* uses of all blocks */
	/* the consumer's */
	_Alignas(64) uint32_t head;
	uint32_t asleep;
	uint32_t polls;    /* counts up each time it looks */
	uint32_t returned; /* uses of all blocks */
};

/* Bytes of the producer's pool, within one block. */
struct cay_link_ref {
	uint32_t at, bytes;
};

struct cay_link_peer {
	_Alignas(64) uint32_t present; /* 1: a VM is here. Its VMM's word */
};

struct cay_link_segment {
	uint64_t magic;
	struct cay_link_peer peer[CAY_LINK_PEERS_MAX];
	struct cay_link_ring ring[CAY_LINK_PEERS_MAX][CAY_LINK_PEERS_MAX];          /* [from][to] */
	uint32_t lent[CAY_LINK_PEERS_MAX][CAY_LINK_PEERS_MAX][CAY_LINK_BLOCKS];     /* [from][to]: `from` writes */
	uint32_t returned[CAY_LINK_PEERS_MAX][CAY_LINK_PEERS_MAX][CAY_LINK_BLOCKS]; /* [from][to]: `to` writes */
};

static inline uint64_t cay_link_data_offset(unsigned from, unsigned to)
{
	return CAY_LINK_DATA + (uint64_t)(from * CAY_LINK_PEERS_MAX + to) * CAY_LINK_RING_BYTES;
}

static inline uint64_t cay_link_pool_offset(unsigned place)
{
	return CAY_LINK_POOL + (uint64_t)place * CAY_LINK_POOL_BYTES;
}

/* Between a guest and its own VMM. */
struct cay_link_vm {
	_Alignas(64) uint32_t wake;   /* peers to be woken: set by the guest, taken by the VMM, both atomically */
	_Alignas(64) uint32_t asleep; /* the VMM's: it does not look at `wake` unless the doorbell rings */
	uint32_t place;
	uint32_t event;
	uint64_t doorbell;
};

_Static_assert(sizeof(struct cay_link_segment) <= CAY_LINK_DATA, "control comes before data");
_Static_assert(CAY_LINK_DATA + (uint64_t)CAY_LINK_PEERS_MAX * CAY_LINK_PEERS_MAX * CAY_LINK_RING_BYTES <= CAY_LINK_POOL,
	       "all rings fit");
_Static_assert(CAY_LINK_POOL + (uint64_t)CAY_LINK_PEERS_MAX * CAY_LINK_POOL_BYTES <= CAY_LINK_BYTES, "all pools fit");

#endif
