/* SPDX-License-Identifier: MIT */
/* ndp.c - neighbour solicitations and advertisements (RFC 4861 sections 4.3, 4.4, 7). Routers and SLAAC: slaac.c. */
#include <linux/icmpv6.h>

#include "kernel/net/ndp.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/rate.h"

#define NDP_HOPS 255

enum { ND_SOLICIT = 135, ND_ADVERT = 136 };
#define OPT_SOURCE_LINK 1
#define OPT_TARGET_LINK 2

/* Solicitations and advertisements have the same shape. */
struct nd_message {
	struct icmp6hdr icmp;
	uint8_t target[16];
};
struct nd_link_option {
	uint8_t type, len; /* len in 8 bytes */
	uint8_t mac[6];
};

static struct net_rate replies = NET_RATE(1000);

static struct ipaddr solicited_node(const struct ipaddr *addr)
{
	struct ipaddr g = {.b = {0xff, 2, [11] = 1, [12] = 0xff}};

	memcpy(g.b + 13, addr->b + 13, 3);
	return g;
}

static void send_message(struct netif *nif, uint8_t type, uint32_t flags, const struct ipaddr *src,
			 const struct ipaddr *dst, const struct ipaddr *target, uint8_t option)
{
	struct nd_message h = {.icmp = {.icmp6_type = type}};
	struct nd_link_option o = {.type = option, .len = 1};
	bool with_option = !ipaddr_is_any(src); /* not in probes for duplicates (section 4.3) */
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, sizeof(h) + (with_option ? sizeof(o) : 0));

	if (p == NULL)
		return;
	h.icmp.icmp6_dataun.un_data32[0] = htonl(flags);
	memcpy(h.target, target, 16);
	memcpy(o.mac, nif->mac, 6);
	memcpy(p->data, &h, sizeof(h));
	if (with_option)
		memcpy(p->data + sizeof(h), &o, sizeof(o));
	icmp6_send(p, src, dst, nif->index, NDP_HOPS);
}

/* Link-local for choice: a neighbour answers any of them. */
static struct ipaddr own_address(const struct netif *nif)
{
	struct ipaddr any = IPADDR_ANY;

	for (unsigned i = 0; i < nif->nr_addrs; i++) {
		const struct netif_addr *a = &nif->addr[i];
		if (ipaddr_is_v4(&a->addr) || a->state != NETIF_ADDR_READY)
			continue;
		any = a->addr;
		if (ipaddr_is_link_local(&any))
			break;
	}
	return any;
}

void ndp_solicit(struct netif *nif, const struct ipaddr *addr, const uint8_t *dst)
{
	struct ipaddr from = own_address(nif), group = solicited_node(addr);

	if (!ipaddr_is_any(&from))
		send_message(nif, ND_SOLICIT, 0, &from, dst != NULL ? addr : &group, addr, OPT_SOURCE_LINK);
}

void ndp_probe(struct netif *nif, const struct ipaddr *addr)
{
	struct ipaddr group = solicited_node(addr);

	send_message(nif, ND_SOLICIT, 0, &IPADDR_ANY, &group, addr, OPT_SOURCE_LINK);
}

/* The link-layer address in the options, or NULL; *fine: the options are well formed. */
const uint8_t *ndp_link_option(struct pbuf *p, uint32_t off, uint8_t type, bool *fine)
{
	const uint8_t *found = NULL;

	*fine = true;
	while (off + 8 <= p->head_len) {
		unsigned bytes = p->data[off + 1] * 8u;
		if (bytes == 0 || off + bytes > p->len) {
			*fine = false;
			return NULL;
		}
		if (p->data[off] == type)
			found = p->data + off + 2;
		off += bytes;
	}
	return found;
}

static void on_solicit(struct pbuf *p, const struct nd_message *h)
{
	struct netif *nif = p->netif;
	struct ipaddr target = ipaddr_v6(h->target), all = {.b = {0xff, 2, [15] = 1}};
	struct netif_addr *ours = netif_find_addr(nif, &target);
	bool fine, probe = ipaddr_is_any(&p->src);
	const uint8_t *mac = ndp_link_option(p, sizeof(*h), OPT_SOURCE_LINK, &fine);

	if (!fine || (probe && mac != NULL)) {
		nif->stats.drop[NET_DROP_NDP_BAD]++;
		return;
	}
	if (ours == NULL)
		return;
	if (ours->state == NETIF_ADDR_TENTATIVE) {
		if (probe)
			ndp_duplicate(nif, &target); /* somebody else wants it, too */
		return;
	}
	if (mac != NULL)
		neigh_learn(nif, &p->src, mac, true, false, true);
	if (ours->state == NETIF_ADDR_READY && net_rate_allows(&replies))
		send_message(nif, ND_ADVERT, 1u << 29 | (probe ? 0 : 1u << 30), &target, probe ? &all : &p->src,
			     &target, OPT_TARGET_LINK);
}

static void on_advert(struct pbuf *p, const struct nd_message *h)
{
	struct netif *nif = p->netif;
	uint32_t flags = ntohl(h->icmp.icmp6_dataun.un_data32[0]);
	bool solicited = flags >> 30 & 1, override = flags >> 29 & 1, fine;
	struct ipaddr target = ipaddr_v6(h->target);
	const uint8_t *mac = ndp_link_option(p, sizeof(*h), OPT_TARGET_LINK, &fine);

	if (!fine || (solicited && ipaddr_is_multicast(&p->dst))) {
		nif->stats.drop[NET_DROP_NDP_BAD]++;
		return;
	}
	if (netif_find_addr(nif, &target) != NULL) {
		ndp_duplicate(nif, &target);
		return;
	}
	if (mac != NULL)
		neigh_learn(nif, &target, mac, false, solicited, override);
}

void ndp_input(struct pbuf *p, uint8_t type)
{
	struct nd_message h;

	/* 255 hops: it cannot have come through a router (section 11). */
	if (p->ttl != NDP_HOPS || p->data[1] != 0) {
		net_drop(p->netif, NET_DROP_NDP_BAD, p);
		return;
	}
	p = pbuf_flatten(p);
	if (p == NULL)
		return;
	if (type == ND_SOLICIT || type == ND_ADVERT) {
		if (p->len < sizeof(h)) {
			net_drop(p->netif, NET_DROP_NDP_BAD, p);
			return;
		}
		memcpy(&h, p->data, sizeof(h));
		if ((h.target[0] & 0xff) == 0xff)
			p->netif->stats.drop[NET_DROP_NDP_BAD]++;
		else if (type == ND_SOLICIT)
			on_solicit(p, &h);
		else
			on_advert(p, &h);
	} else if (type == 134) {
		slaac_router_advert(p);
	}
	pbuf_put(p);
}

void ndp_solicit_routers(struct netif *nif)
{
	struct ipaddr from = own_address(nif), routers = {.b = {0xff, 2, [15] = 2}};
	struct icmp6hdr h = {.icmp6_type = 133};
	struct nd_link_option o = {.type = OPT_SOURCE_LINK, .len = 1};
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, sizeof(h) + (ipaddr_is_any(&from) ? 0 : sizeof(o)));

	if (p == NULL)
		return;
	memcpy(p->data, &h, sizeof(h));
	memcpy(o.mac, nif->mac, 6);
	if (!ipaddr_is_any(&from))
		memcpy(p->data + sizeof(h), &o, sizeof(o));
	icmp6_send(p, &from, &routers, nif->index, NDP_HOPS);
}
