/* SPDX-License-Identifier: MIT */
/*
 * link_net.h - a network interface on memory that other VMs share (abi/link.h). Frames are copied into the ring of the
 * peer and out of it by that peer: checksums are never made and TCP data never cut, since nothing can damage them on
 * the way. Trust: peers are hostile (lib/link_ring.h).
 */
#ifndef CAY_KERNEL_DEV_LINK_NET_H
#define CAY_KERNEL_DEV_LINK_NET_H

#include "abi/net.h"
#include "lib/compiler.h"

struct netif;

/* Registers the link, if there is one: down and without addresses; they are in *config, which stays valid. NULL: none.
 */
MUST_CHECK struct netif *link_net_init(const struct cay_net_config **config);

#endif
