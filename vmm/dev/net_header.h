/* SPDX-License-Identifier: MIT */
/* net_header.h - the header in front of each frame that the guest sends: checked, and made anew from what was checked.
 */
#ifndef CAY_VMM_DEV_NET_HEADER_H
#define CAY_VMM_DEV_NET_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include "lib/compiler.h"

/*
 * in: the guest's header, already a private copy. frame_bytes: what follows it. features: VIRTIO_NET_F_* as bit numbers
 * offered. Fills *out with the fields that mean something, the rest 0. False: the frame must be dropped.
 */
MUST_CHECK bool net_header_check(const struct virtio_net_hdr_mrg_rxbuf *in, uint32_t frame_bytes, uint64_t features,
				 uint16_t mtu, struct virtio_net_hdr_mrg_rxbuf *out);

#endif
