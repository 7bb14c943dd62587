/* SPDX-License-Identifier: MIT */
/*
 * virtq.h - what both ends of a split virtqueue agree on (virtio 1.2 section 2.7). Structures and flag values are those
 * of <linux/virtio_ring.h>; here are the parts that depend on the queue size, and the rule of the two event indices.
 *
 * Cay's queues always use VIRTIO_F_EVENT_IDX (2.7.10) and never indirect descriptors: avail.flags and used.flags stay
 * 0. A ring index counts to 65536 and wraps, whatever the queue size; the slot is index & (nr - 1).
 */
#ifndef CAY_LIB_VIRTQ_H
#define CAY_LIB_VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#define VIRTQ_NR_MAX 4096u /* Cay's limit; the standard's is 32768 */

/*
 * The value of an event index that means "do not tell me": an index already gone by. It lies nr behind, because the
 * other side may just be looking at the up to nr entries that we have already taken and must not find it among them. It
 * must follow before the ring index has gone round to it: VIRTQ_EVENT_LAG_MAX.
 */
static inline uint16_t virtq_event_never(uint16_t last, unsigned nr)
{
	return (uint16_t)(last - nr - 1);
}
#define VIRTQ_EVENT_LAG_MAX 0x8000u

/* The two event indices lie behind the rings: the driver's behind avail, the device's behind used. */
static inline uint16_t *virtq_used_event(struct vring_avail *avail, unsigned nr)
{
	return &avail->ring[nr];
}

static inline uint16_t *virtq_avail_event(struct vring_used *used, unsigned nr)
{
	return (uint16_t *)(void *)&used->ring[nr];
}

static inline size_t virtq_desc_bytes(unsigned nr)
{
	return sizeof(struct vring_desc) * nr;
}

static inline size_t virtq_avail_bytes(unsigned nr)
{
	return 6 + 2 * (size_t)nr;
}

static inline size_t virtq_used_bytes(unsigned nr)
{
	return 6 + 8 * (size_t)nr;
}

/*
 * The index moved from `from` to `to`: did it pass the event index, that is, did the other side ask to be told
 * about one of the entries from..to-1? All arithmetic modulo 65536.
 */
static inline bool virtq_event_passed(uint16_t event, uint16_t to, uint16_t from)
{
	return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

#endif
