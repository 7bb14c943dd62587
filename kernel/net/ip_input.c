/* SPDX-License-Identifier: MIT */
/* ip_input.c - whole packets of both families to raw sockets, transport protocols and their channels. */
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "kernel/log.h"
#include "kernel/net/group_report.h"
#include "kernel/net/net_priv.h"
#include "lib/inet_checksum.h"

static const struct ip_protocol *protocols[256];

void ip_protocol_register(const struct ip_protocol *proto)
{
	ASSERT(protocols[proto->proto] == NULL);
	protocols[proto->proto] = proto;
}

static void copy_to_channel(struct channel *ch, void *arg)
{
	struct pbuf *p = arg, *copy = pbuf_clone(p, 0);

	if (copy != NULL)
		channel_queue(ch, copy);
	else
		p->netif->stats.drop[NET_DROP_NO_MEMORY]++;
}

static void count_channel(struct channel *ch, void *arg)
{
	(void)ch;
	(*(unsigned *)arg)++;
}

/* To every socket that has the port and the group. */
static void to_group(struct pbuf *p)
{
	unsigned nr = 0;

	channel_for_each_bound(p, count_channel, &nr);
	if (nr == 0) {
		net_drop(p->netif, NET_DROP_NO_SOCKET, p);
		return;
	}
	channel_for_each_bound(p, copy_to_channel, p);
	pbuf_put(p);
}

void ip_input(struct pbuf *p)
{
	const struct ip_protocol *proto = protocols[p->proto];
	bool v4 = ipaddr_is_v4(&p->dst),
	     to_many = ipaddr_is_multicast(&p->dst) || netif_is_broadcast(p->netif, &p->dst);
	bool taken = raw_input(p);
	enum net_drop why = NET_DROP_L4_SHORT;

	if (p->proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		if (v4)
			icmp4_input(p);
		else
			icmp6_input(p);
		return;
	}
	if (p->proto == IPPROTO_IGMP && v4) {
		igmp_input(p);
		return;
	}
	if (proto == NULL) {
		if (!taken && !to_many)
			ip_send_unreachable(p, IP_PROTO_UNREACHABLE);
		net_drop(taken ? NULL : p->netif, NET_DROP_IP_PROTO, p);
		return;
	}
	if (!pbuf_need(p, proto->min_header) || !proto->classify(p, &why)) {
		net_drop(p->netif, why, p);
		return;
	}
	if (to_many) {
		to_group(p);
		return;
	}
	struct channel *ch = channel_lookup(p);
	if (ch == NULL) {
		proto->no_channel(p);
		return;
	}
	channel_queue(ch, p);
	channel_put(ch);
}

uint64_t ip_pseudo_sum(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto, uint32_t bytes)
{
	uint64_t sum = (uint64_t)htonl(bytes) + htonl(proto);

	if (ipaddr_is_v4(dst))
		return sum + src->w[3] + dst->w[3];
	return inet_sum(dst->b, 16, inet_sum(src->b, 16, sum));
}

void ip_prepare_csum(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto, uint16_t offset)
{
	uint16_t sum = inet_sum_fold(ip_pseudo_sum(src, dst, proto, p->len));

	ASSERT(offset + sizeof(sum) <= p->head_len);
	memcpy(p->data + offset, &sum, sizeof(sum));
	p->csum = PBUF_CSUM_PARTIAL;
	p->csum_start = pbuf_mark(p, p->data);
	p->csum_offset = offset;
}

bool ip_verify_csum(struct pbuf *p)
{
	if (p->csum != PBUF_CSUM_NONE)
		return true;
	if (inet_checksum_finish(pbuf_sum(p, 0, p->len, ip_pseudo_sum(&p->src, &p->dst, p->proto, p->len))) != 0)
		return false;
	p->csum = PBUF_CSUM_VALID;
	return true;
}
