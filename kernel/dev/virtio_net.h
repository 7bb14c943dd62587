/* SPDX-License-Identifier: MIT */
/*
 * virtio_net.h - driver of the network card (abi/net.h).
 * Trust: what the device writes is checked before use; a frame that makes no sense is dropped and counted
 * (netif.stats.rx_errors). Received data lie in pages that go up as fragments and come back when the last reference is
 * dropped; small frames are copied, so that their page stays.
 * No exits in steady state: whoever waits polls; the VMM kicks a CPU that runs the program only when it has not looked
 * for a while.
 */
#ifndef CAY_KERNEL_DEV_VIRTIO_NET_H
#define CAY_KERNEL_DEV_VIRTIO_NET_H

#include "abi/net.h"
#include "lib/compiler.h"

struct netif;

/*
 * Registers the card, if there is one, as eth0: down and without addresses; they are in *config, which stays valid.
 * NULL: no card. Costs next to nothing: buffers are made at the first frame sent, or when the link comes up if
 * frames may come uninvited (CAY_NET_UNINVITED).
 */
MUST_CHECK struct netif *virtio_net_init(const struct cay_net_config **config);

#endif
