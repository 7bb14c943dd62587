/* SPDX-License-Identifier: MIT */
/* ether.c - see ether.h. */
#include "kernel/net/ether.h"

#include <linux/if_ether.h>

#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"

void ether_input(struct pbuf *p)
{
	struct netif *nif = p->netif;
	struct ethhdr h;

	if (!pbuf_need(p, sizeof(h))) {
		net_drop(nif, NET_DROP_LINK_SHORT, p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	p->link_multicast = h.h_dest[0] & 1;
	if (!p->link_multicast && memcmp(h.h_dest, nif->mac, 6) != 0) {
		net_drop(nif, NET_DROP_LINK_OTHER, p);
		return;
	}
	pbuf_pull(p, sizeof(h));
	switch (ntohs(h.h_proto)) {
	case ETH_P_IP:
		ipv4_input(p);
		break;
	case ETH_P_IPV6:
		ipv6_input(p);
		break;
	case ETH_P_ARP:
		arp_input(p);
		break;
	default:
		net_drop(nif, NET_DROP_LINK_PROTO, p);
	}
}

void ether_output(struct netif *nif, struct pbuf *p, const uint8_t dst[6], uint16_t type)
{
	struct ethhdr h = {.h_proto = htons(type)};

	memcpy(h.h_dest, dst, 6);
	memcpy(h.h_source, nif->mac, 6);
	memcpy(pbuf_push(p, sizeof(h)), &h, sizeof(h));
	netif_transmit(nif, p);
}
