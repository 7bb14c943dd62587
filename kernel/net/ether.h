/* SPDX-License-Identifier: MIT */
/* ether.h - Ethernet: headers on and off. */
#ifndef CAY_KERNEL_NET_ETHER_H
#define CAY_KERNEL_NET_ETHER_H

#include "kernel/net/netif.h"

#define ETHER_HEADER_BYTES 14u

/* From a driver, at its Ethernet header. Consumes p. */
void ether_input(struct pbuf *p);
/* Puts a header in front (type in host order) and sends. Consumes p; room in front must be there (PBUF_HEADROOM). */
void ether_output(struct netif *nif, struct pbuf *p, const uint8_t dst[6], uint16_t type);

#endif
