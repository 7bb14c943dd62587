/* SPDX-License-Identifier: MIT */
/* virtio_net_hdr.h - between a packet and the header that virtio puts in front of it (virtio 1.2 section 5.1.6). */
#ifndef CAY_KERNEL_DEV_VIRTIO_NET_HDR_H
#define CAY_KERNEL_DEV_VIRTIO_NET_HDR_H

#include <stdbool.h>

#include <linux/virtio_net.h>

#include "kernel/net/pbuf.h"

/* What the device is to do with this packet to send. */
void netvirtio_hdr_make(struct virtio_net_hdr_mrg_rxbuf *h, const struct pbuf *p);

/* What a received header says, into p, whose head has at least the packet's headers. False: it makes no sense. */
MUST_CHECK bool netvirtio_hdr_apply(const struct virtio_net_hdr *h, struct pbuf *p);

#endif
