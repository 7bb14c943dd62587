/* SPDX-License-Identifier: MIT */
/*
 * virtq_driver.h - the driver's end of a split virtqueue: the kernel offers buffers and collects them.
 * Free descriptors and what is in flight are kept in private memory (struct virtq_slot), so whatever the device
 * writes in the shared rings, the driver's own bookkeeping stays sound.
 * Not thread-safe: one lock of the owner guards a queue. Never blocks.
 */
#ifndef CAY_LIB_VIRTQ_DRIVER_H
#define CAY_LIB_VIRTQ_DRIVER_H

#include "lib/compiler.h"
#include "lib/virtq.h"

struct virtq_seg {
	uint64_t addr; /* guest-physical */
	uint32_t bytes;
	bool writable; /* by the device */
};

/* Private state of one descriptor. `cookie` is set for the first descriptor of a chain in flight. */
struct virtq_slot {
	void *cookie;
	uint16_t next;  /* free list, or the chain */
	uint16_t count; /* descriptors of the chain that starts here; 0 = no chain does */
};

struct virtq_driver {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct virtq_slot *slot;
	uint16_t nr;
	uint16_t nr_free;
	uint16_t free_head;
	uint16_t avail_next;      /* next avail entry to fill */
	uint16_t avail_published; /* avail.idx as the device sees it */
	uint16_t used_last;       /* next used entry to read */
	uint16_t used_event;      /* what the ring holds */
	bool armed;
	uint32_t nr_bogus_used; /* used entries that named no chain in flight: the device is at fault */
};

/*
 * The three areas and `slot` (nr entries) stay the caller's; contents need not be initialised. nr: power of two,
 * 2..VIRTQ_NR_MAX. Starts armed: the device reports the first buffer it uses.
 */
void virtq_driver_init(struct virtq_driver *vq, unsigned nr, void *desc, void *avail, void *used,
		       struct virtq_slot *slot);

/*
 * Adds a chain; device-readable segments come before writable ones (2.7.4.2) and none is empty. The device
 * sees it after the next publish. cookie (not NULL) comes back from virtq_driver_pop.
 * Returns 0; -ENOSPC: not enough free descriptors now; -EINVAL: no segment, an empty one, wrong order, NULL cookie.
 */
MUST_CHECK int virtq_driver_add(struct virtq_driver *vq, const struct virtq_seg *seg, unsigned nr_segs, void *cookie);

/* Shows the added chains to the device. Returns true when the device sleeps and its doorbell must be rung. */
MUST_CHECK bool virtq_driver_publish(struct virtq_driver *vq);

/* The next completed chain's cookie, with the bytes the device wrote; NULL when there is none. */
void *virtq_driver_pop(struct virtq_driver *vq, uint32_t *bytes);

/* A cheap look, for polling: might virtq_driver_pop return something? */
bool virtq_driver_has_used(const struct virtq_driver *vq);

/* Another: does the device say that it is done with all that was published? */
bool virtq_driver_is_drained(const struct virtq_driver *vq);

/*
 * Asks for an event at the next used buffer. Returns true if one is there already: the event may then never come, so
 * pop instead of sleeping. virtq_driver_disarm: no events, somebody polls.
 */
MUST_CHECK bool virtq_driver_arm(struct virtq_driver *vq);
void virtq_driver_disarm(struct virtq_driver *vq);

#endif
