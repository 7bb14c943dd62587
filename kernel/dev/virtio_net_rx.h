/* SPDX-License-Identifier: MIT */
/* virtio_net_rx.h - receive buffers of the network card, and frames made of them. One queue; its lock is the caller's.
 */
#ifndef CAY_KERNEL_DEV_VIRTIO_NET_RX_H
#define CAY_KERNEL_DEV_VIRTIO_NET_RX_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/net.h"
#include "kernel/net/pbuf.h"
#include "kernel/sched/spinlock.h"
#include "lib/virtq_driver.h"

struct netrx_buf;

struct netrx {
	struct virtq_driver vq;
	struct virtq_slot slots[CAY_NET_QUEUE_NR];
	unsigned posted, target; /* buffers the device has; and shall have */
	struct pbuf *partial;    /* a frame whose other buffers have not come yet */
	unsigned missing;        /* how many */
	bool spoiled;            /* it will be dropped when they have */
	uint64_t nr_bad;
	struct spinlock free_lock; /* buffers come back in any context */
	struct netrx_buf *free;
	unsigned nr_free;
};

void netrx_init(struct netrx *rx, unsigned nr, void *desc, void *avail, void *used);

/* Gives the device buffers up to the target. True: its doorbell must be rung. */
MUST_CHECK bool netrx_refill(struct netrx *rx);

/* The next whole frame; NULL: none now. Never blocks. */
struct pbuf *netrx_take(struct netrx *rx);

#endif
