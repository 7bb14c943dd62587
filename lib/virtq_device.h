/* SPDX-License-Identifier: MIT */
/*
 * virtq_device.h - the device's end of a split virtqueue: the VMM takes requests and returns them.
 * The driver is hostile: everything in the rings may be wrong and may change while we look. Each shared value is read
 * once, checked, and only the copy used; a popped chain is private memory and holds host pointers that the
 * translate callback vouched for. What the pointers point to still changes at any moment.
 * The first error is final (virtio 1.2 section 2.1.1, DEVICE_NEEDS_RESET): the queue stays broken until init.
 * Not thread-safe: one thread serves a queue. Never blocks. Every function is guest-triggerable.
 */
#ifndef CAY_LIB_VIRTQ_DEVICE_H
#define CAY_LIB_VIRTQ_DEVICE_H

#include "lib/compiler.h"
#include "lib/virtq.h"

/* Result of virtq_device_pop. */
enum virtq_result {
	VIRTQ_EMPTY = 0,
	VIRTQ_POPPED = 1,
	VIRTQ_BAD_AVAIL_IDX = -1, /* more available than the queue holds */
	VIRTQ_BAD_HEAD = -2,      /* descriptor index >= nr */
	VIRTQ_BAD_NEXT = -3,      /* likewise, inside a chain */
	VIRTQ_BAD_LOOP = -4,      /* more descriptors than the queue has: the chain has a cycle */
	VIRTQ_TOO_MANY_SEGS = -5, /* more than the caller's array takes */
	VIRTQ_BAD_LENGTH = -6,    /* an empty descriptor, or more than 2^32 - 1 bytes in the chain */
	VIRTQ_BAD_ADDRESS = -7,   /* translate refused it */
	VIRTQ_BAD_ORDER = -8,     /* device-readable after device-writable */
	VIRTQ_BAD_FLAGS = -9      /* indirect or unknown */
};
const char *virtq_result_name(enum virtq_result r);

/*
 * Host address of [gpa, gpa + bytes), valid while the device lives; NULL when any byte is not the guest's memory.
 * Must check gpa + bytes for overflow. bytes > 0.
 */
typedef void *(*virtq_translate_fn)(void *ctx, uint64_t gpa, uint32_t bytes);

struct virtq_host_seg {
	void *base;
	uint32_t bytes;
};

/* A popped chain: seg[0 .. nr_read) the device may read, the following nr_write it may write. */
struct virtq_chain {
	struct virtq_host_seg *seg; /* caller's, max_segs long */
	unsigned max_segs;
	unsigned nr_read, nr_write;
	uint32_t read_bytes, write_bytes;
	uint16_t head;
};

struct virtq_device {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	virtq_translate_fn translate;
	void *translate_ctx;
	uint16_t nr;
	uint16_t avail_last;     /* next avail entry to take */
	uint16_t used_next;      /* next used entry to fill; used.idx as the driver sees it */
	uint16_t used_signalled; /* used_next at the last should_notify */
	bool armed;
	uint16_t avail_event;     /* what the ring holds, while not armed */
	enum virtq_result broken; /* 0, or the first error */
};

/* Areas: host addresses of the whole areas, inside guest memory, suitably aligned (16, 2, 4). nr: power of
 * two, 2..VIRTQ_NR_MAX. Starts armed. */
void virtq_device_init(struct virtq_device *vq, unsigned nr, void *desc, void *avail, void *used,
		       virtq_translate_fn translate, void *translate_ctx);

/* Takes the next chain into *c, whose seg and max_segs the caller has set. */
MUST_CHECK enum virtq_result virtq_device_pop(struct virtq_device *vq, struct virtq_chain *c);

/* A cheap look, for polling: has the driver published something? */
bool virtq_device_has_avail(const struct virtq_device *vq);

/* Returns a popped chain; bytes = how many were written in its writable part. In any order, each head once. */
void virtq_device_push(struct virtq_device *vq, uint16_t head, uint32_t bytes);

/* After one or more pushes: does the driver want an event? */
MUST_CHECK bool virtq_device_should_notify(struct virtq_device *vq);

/*
 * Before sleeping: asks the driver for a doorbell at its next chain. Returns true if one is there already: the doorbell
 * may then never come, so pop instead of sleeping. virtq_device_disarm: no doorbells, we poll.
 */
MUST_CHECK bool virtq_device_arm(struct virtq_device *vq);
void virtq_device_disarm(struct virtq_device *vq);

#endif
