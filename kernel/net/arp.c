/* SPDX-License-Identifier: MIT */
/* arp.c - ARP for IPv4 on Ethernet (RFC 826), duplicate detection left to others (RFC 5227 only in what we announce).
 */
#include <linux/if_arp.h>
#include <linux/if_ether.h>

#include "kernel/net/ether.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/rate.h"

struct arp_packet {
	uint16_t hw_type, proto_type;
	uint8_t hw_len, proto_len;
	uint16_t op;
	uint8_t src_mac[6], src_ip[4], dst_mac[6], dst_ip[4];
};
_Static_assert(sizeof(struct arp_packet) == 28, "RFC 826");

static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static struct net_rate replies = NET_RATE(1000);

static void send_message(struct netif *nif, uint16_t op, const uint8_t to[6], const uint8_t src_ip[4],
			 const uint8_t dst_mac[6], const uint8_t dst_ip[4])
{
	struct arp_packet a = {
		.hw_type = htons(ARPHRD_ETHER),
		.proto_type = htons(ETH_P_IP),
		.hw_len = 6,
		.proto_len = 4,
		.op = htons(op),
	};
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, sizeof(a));

	if (p == NULL)
		return;
	memcpy(a.src_mac, nif->mac, 6);
	memcpy(a.src_ip, src_ip, 4);
	memcpy(a.dst_mac, dst_mac, 6);
	memcpy(a.dst_ip, dst_ip, 4);
	memcpy(p->data, &a, sizeof(a));
	ether_output(nif, p, to, ETH_P_ARP);
}

/* The address to ask from: one on the same subnet if there is one. */
static const struct netif_addr *source_for(const struct netif *nif, const struct ipaddr *addr)
{
	const struct netif_addr *any = NULL;

	for (unsigned i = 0; i < nif->nr_addrs; i++) {
		const struct netif_addr *a = &nif->addr[i];
		if (!ipaddr_is_v4(&a->addr) || a->state != NETIF_ADDR_READY)
			continue;
		if (ipaddr_same_prefix(&a->addr, addr, a->prefix))
			return a;
		any = a;
	}
	return any;
}

void arp_solicit(struct netif *nif, const struct ipaddr *addr, const uint8_t *dst)
{
	static const uint8_t none[6];
	const struct netif_addr *from = source_for(nif, addr);

	send_message(nif, ARPOP_REQUEST, dst != NULL ? dst : all, from != NULL ? from->addr.b + 12 : none, none,
		     addr->b + 12);
}

void arp_announce(struct netif *nif, const struct ipaddr *addr)
{
	static const uint8_t none[6];

	send_message(nif, ARPOP_REQUEST, all, addr->b + 12, none, addr->b + 12);
}

static bool well_formed(const struct arp_packet *a)
{
	if (a->hw_type != htons(ARPHRD_ETHER) || a->proto_type != htons(ETH_P_IP) || a->hw_len != 6 ||
	    a->proto_len != 4)
		return false;
	return !(a->src_mac[0] & 1) && (a->op == htons(ARPOP_REQUEST) || a->op == htons(ARPOP_REPLY));
}

void arp_input(struct pbuf *p)
{
	struct netif *nif = p->netif;
	struct arp_packet a;

	if (!pbuf_need(p, sizeof(a))) {
		net_drop(nif, NET_DROP_ARP_BAD, p);
		return;
	}
	memcpy(&a, p->data, sizeof(a));
	uint32_t src_v4, dst_v4;
	memcpy(&src_v4, a.src_ip, 4);
	memcpy(&dst_v4, a.dst_ip, 4);
	struct ipaddr src = ipaddr_v4(src_v4), dst = ipaddr_v4(dst_v4);
	bool ask = a.op == htons(ARPOP_REQUEST), from_us = netif_find_addr(nif, &src) != NULL;
	if (!well_formed(&a) || ipaddr_is_multicast(&src) || netif_is_broadcast(nif, &src) ||
	    ipaddr_is_loopback(&src) || from_us) {
		net_drop(nif, NET_DROP_ARP_BAD, p);
		return;
	}
	struct netif_addr *ours = netif_find_addr(nif, &dst);
	bool for_us = ours != NULL && ours->state == NETIF_ADDR_READY;
	/* A reply that was sent to all confirms nothing: anybody may announce. */
	if (!ipaddr_is_any(&src))
		neigh_learn(nif, &src, a.src_mac, ask && for_us, !ask && for_us && !p->link_multicast, true);
	if (ask && for_us && net_rate_allows(&replies))
		send_message(nif, ARPOP_REPLY, a.src_mac, a.dst_ip, a.src_mac, a.src_ip);
	pbuf_put(p);
}
