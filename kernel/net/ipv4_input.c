/* SPDX-License-Identifier: MIT */
/* ipv4_input.c - the IPv4 header of a received packet, checked (RFC 791, RFC 1122 section 3.2.1). */
#include <netinet/ip.h>

#include "kernel/net/net_priv.h"
#include "lib/inet_checksum.h"

/* Source routes could make us an accomplice; anything else in options is ignored. Malformed ones are not. */
static bool options_fine(const uint8_t *at, unsigned left)
{
	while (left > 0) {
		if (at[0] == IPOPT_EOL)
			return true;
		if (at[0] == IPOPT_NOP) {
			at++;
			left--;
			continue;
		}
		if (left < 2 || at[1] < 2 || at[1] > left || at[0] == IPOPT_LSRR || at[0] == IPOPT_SSRR)
			return false;
		left -= at[1];
		at += at[1];
	}
	return true;
}

static bool source_possible(const struct netif *nif, const struct ipaddr *src)
{
	if (ipaddr_is_loopback(src))
		return nif->flags & IFF_LOOPBACK;
	return !ipaddr_is_multicast(src) && !netif_is_broadcast(nif, src);
}

/* Length, checksum and addresses of the header, which is contiguous. */
static bool check_header(struct pbuf *p, const struct iphdr *h, enum net_drop *why)
{
	unsigned header = h->ihl * 4u, total = ntohs(h->tot_len);

	*why = NET_DROP_IP_HEADER;
	if (h->version != 4 || header < sizeof(*h))
		return false;
	*why = NET_DROP_IP_SHORT;
	if (total < header || total > p->len || !pbuf_need(p, header))
		return false;
	*why = NET_DROP_IP_CSUM;
	if (!(p->netif->flags & IFF_LOOPBACK) && inet_checksum(p->data, header) != 0)
		return false;
	*why = NET_DROP_IP_HEADER;
	if (header > sizeof(*h) && !options_fine(p->data + sizeof(*h), header - sizeof(*h)))
		return false;
	p->src = ipaddr_v4(h->saddr);
	p->dst = ipaddr_v4(h->daddr);
	*why = NET_DROP_IP_ADDR;
	if (!source_possible(p->netif, &p->src) || (ipaddr_is_loopback(&p->dst) && !(p->netif->flags & IFF_LOOPBACK)))
		return false;
	*why = NET_DROP_IP_NOT_OURS;
	return netif_accepts(p->netif, &p->dst) || p->netif->accept_any;
}

void ipv4_input(struct pbuf *p)
{
	struct netif *nif = p->netif;
	enum net_drop why = NET_DROP_IP_SHORT;
	struct iphdr h;

	if (!pbuf_need(p, sizeof(h))) {
		net_drop(nif, why, p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	if (!check_header(p, &h, &why)) {
		net_drop(nif, why, p);
		return;
	}
	pbuf_trim(p, ntohs(h.tot_len));
	p->proto = h.protocol;
	p->ttl = h.ttl;
	p->tos = h.tos;
	p->l3 = pbuf_mark(p, p->data);
	p->l4 = (uint16_t)(p->l3 + h.ihl * 4u);
	if (ipaddr_is_multicast(&p->dst))
		nif->stats.rx_multicast++;
	pbuf_pull(p, h.ihl * 4u);
	if (h.frag_off & htons(IP_MF | IP_OFFMASK)) {
		p = ip_reassemble4(p, &h);
		if (p == NULL)
			return;
	}
	ip_input(p);
}
