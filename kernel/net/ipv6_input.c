/* SPDX-License-Identifier: MIT */
/* ipv6_input.c - the IPv6 header and its extension headers, checked (RFC 8200). */
#include <netinet/ip6.h>

#include "kernel/net/net_priv.h"

#define EXT_HEADERS_MAX 8   /* in one packet; nobody sends more in earnest */
#define EXT_BYTES_MAX   512 /* all together */

static bool addresses_possible(const struct netif *nif, const struct ipaddr *src, const struct ipaddr *dst)
{
	bool lo = nif->flags & IFF_LOOPBACK;

	if (ipaddr_is_multicast(src) || ipaddr_is_any(dst) || ipaddr_is_v4(src) || ipaddr_is_v4(dst))
		return false;
	return lo || (!ipaddr_is_loopback(src) && !ipaddr_is_loopback(dst));
}

/* Options of a hop-by-hop or destination header: unknown ones are skipped if their type says so (section 4.2). */
static bool options_fine(const uint8_t *at, unsigned left)
{
	while (left > 0) {
		if (at[0] == IP6OPT_PAD1) {
			at++;
			left--;
			continue;
		}
		if (left < 2 || at[1] + 2u > left)
			return false;
		if (at[0] != IP6OPT_PADN && at[0] != IP6OPT_ROUTER_ALERT && (at[0] & 0xc0) != IP6OPT_TYPE_SKIP)
			return false;
		left -= at[1] + 2u;
		at += at[1] + 2u;
	}
	return true;
}

/* A routing header is passed over when nothing is left to do; type 0 never has an effect (RFC 5095). */
static bool ext_fine(uint8_t type, const uint8_t *ext, unsigned bytes)
{
	if (type == IPPROTO_ROUTING)
		return ext[3] == 0;
	return options_fine(ext + 2, bytes - 2);
}

/*
 * Walks the chain from p->proto on; p->data moves to the transport header. A fragment ends the walk until the packet is
 * whole. NULL: p is gone.
 */
static struct pbuf *walk_ext(struct pbuf *p, bool *whole)
{
	struct netif *nif = p->netif;

	for (unsigned n = 0;; n++) {
		uint8_t type = p->proto;
		if (type != IPPROTO_HOPOPTS && type != IPPROTO_ROUTING && type != IPPROTO_DSTOPTS &&
		    type != IPPROTO_FRAGMENT)
			return p;
		if (n == EXT_HEADERS_MAX || (type == IPPROTO_HOPOPTS && n > 0) || !pbuf_need(p, 8))
			break;
		if (type == IPPROTO_FRAGMENT) {
			*whole = false;
			return p;
		}
		unsigned bytes = (p->data[1] + 1u) * 8;
		if (bytes > EXT_BYTES_MAX || !pbuf_need(p, bytes) || !ext_fine(type, p->data, bytes))
			break;
		p->proto = p->data[0];
		pbuf_pull(p, bytes);
	}
	net_drop(nif, NET_DROP_IP_EXT, p);
	return NULL;
}

void ipv6_input(struct pbuf *p)
{
	struct netif *nif = p->netif;
	struct ip6_hdr h;
	bool whole = true;

	if (!pbuf_need(p, sizeof(h))) {
		net_drop(nif, NET_DROP_IP_SHORT, p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	p->src = ipaddr_v6(&h.ip6_src);
	p->dst = ipaddr_v6(&h.ip6_dst);
	if (h.ip6_vfc >> 4 != 6 || ntohs(h.ip6_plen) > p->len - sizeof(h)) {
		net_drop(nif, h.ip6_vfc >> 4 != 6 ? NET_DROP_IP_HEADER : NET_DROP_IP_SHORT, p);
		return;
	}
	if (!addresses_possible(nif, &p->src, &p->dst)) {
		net_drop(nif, NET_DROP_IP_ADDR, p);
		return;
	}
	if (!netif_accepts(nif, &p->dst)) {
		net_drop(nif, NET_DROP_IP_NOT_OURS, p);
		return;
	}
	pbuf_trim(p, sizeof(h) + ntohs(h.ip6_plen));
	p->proto = h.ip6_nxt;
	p->ttl = h.ip6_hlim;
	p->tos = (uint8_t)(ntohl(h.ip6_flow) >> 20);
	p->l3 = pbuf_mark(p, p->data);
	if (ipaddr_is_multicast(&p->dst))
		nif->stats.rx_multicast++;
	pbuf_pull(p, sizeof(h));
	p = walk_ext(p, &whole);
	if (p != NULL && !whole) {
		p = ip_reassemble6(p);
		whole = true;
		if (p != NULL)
			p = walk_ext(p, &whole);
		if (p != NULL && !whole) { /* a fragment of a fragment */
			net_drop(nif, NET_DROP_IP_EXT, p);
			return;
		}
	}
	if (p == NULL)
		return;
	p->l4 = pbuf_mark(p, p->data);
	ip_input(p);
}
