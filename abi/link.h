/* SPDX-License-Identifier: MIT */
/*
 * link.h - VMs joined by memory that they share (--net link=NAME): the guests move frames through rings themselves,
 * with no thread and no exit in between while both are awake.
 *
 * The segment has places for CAY_LINK_PEERS_MAX VMs and one ring from each to each other. A ring has one producer and
 * one consumer; each writes its own line only. Indices count bytes and wrap at 2^32. A record is a 32-bit length, then
 * that many bytes (struct virtio_net_hdr_mrg_rxbuf and an Ethernet frame), padded to CAY_LINK_ALIGN; it may go round
 * the ring's end. Peers are hostile: indices and lengths are read once and checked; a side that finds nonsense takes
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
#define CAY_LINK_MAGIC      0x314b4e494c594143ull /* "CAYLINK1" read as bytes */
#define CAY_LINK_DATA       0x10000u              /* of ring 0; the others follow */
#define CAY_LINK_BYTES      0x2200000ull          /* of the segment: a multiple of 2 MiB */
#define CAY_LINK_FRAME_MAX  (12u + 18u + 65535u)

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
	/* the consumer's */
	_Alignas(64) uint32_t head;
	uint32_t asleep;
	uint32_t polls; /* counts up each time it looks */
};

struct cay_link_peer {
	_Alignas(64) uint32_t present; /* 1: a VM is here. Its VMM's word */
};

struct cay_link_segment {
	uint64_t magic;
	struct cay_link_peer peer[CAY_LINK_PEERS_MAX];
	struct cay_link_ring ring[CAY_LINK_PEERS_MAX][CAY_LINK_PEERS_MAX]; /* [from][to] */
};

static inline uint64_t cay_link_data_offset(unsigned from, unsigned to)
{
	return CAY_LINK_DATA + (uint64_t)(from * CAY_LINK_PEERS_MAX + to) * CAY_LINK_RING_BYTES;
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
_Static_assert(CAY_LINK_DATA + (uint64_t)CAY_LINK_PEERS_MAX * CAY_LINK_PEERS_MAX * CAY_LINK_RING_BYTES <=
		       CAY_LINK_BYTES,
	       "all rings fit");

#endif
