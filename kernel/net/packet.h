/* SPDX-License-Identifier: MIT */
/*
 * packet.h - packet sockets (packet(7)): frames as they come and go, for DHCP clients, arping, tcpdump.
 * While there is none, a frame costs one look at a counter.
 */
#ifndef CAY_KERNEL_NET_PACKET_H
#define CAY_KERNEL_NET_PACKET_H

#include "kernel/net/netif.h"
#include "kernel/net/socket.h"

/* socket(AF_PACKET): CAP_NET_RAW. -EPERM, -ESOCKTNOSUPPORT, -ENOMEM. protocol: EtherType in network order. */
MUST_CHECK int packet_create(int type, int protocol, struct socket **out);

extern unsigned packet_listeners;
void packet_copy(struct netif *nif, const struct pbuf *p, bool outgoing);
/* A frame at its link header (an IP header on loopback) passes nif. Not consumed. */
static inline void packet_tap(struct netif *nif, const struct pbuf *p, bool outgoing)
{
	if (unlikely(__atomic_load_n(&packet_listeners, __ATOMIC_RELAXED) > 0))
		packet_copy(nif, p, outgoing);
}

#endif
