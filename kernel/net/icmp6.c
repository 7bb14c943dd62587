/* SPDX-License-Identifier: MIT */
/* icmp6.c - ICMP for IPv6 (RFC 4443): echo, errors in both directions. Neighbour discovery: ndp.c. */
#include <errno.h>
#include <time.h> /* before errqueue.h, which does not include it */

#include <linux/errqueue.h>
#include <linux/icmpv6.h>
#include <netinet/ip6.h>

#include "kernel/net/group_report.h"
#include "kernel/net/icmp.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"

#define ERROR_MAX    1232u /* bytes after the IPv6 header: the least MTU less that header */
#define TYPE_NDP_MIN 133
#define TYPE_NDP_MAX 137

void icmp6_send(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, int ifindex, uint8_t hops)
{
	struct ip_send how = {.proto = IPPROTO_ICMPV6, .ttl = hops};
	struct route r;

	if (route_lookup(dst, src, ifindex, &r) != 0) {
		pbuf_put(p);
		return;
	}
	if (ipaddr_is_any(src) && hops != 255)
		src = &r.src;
	memset(p->data + offsetof(struct icmp6hdr, icmp6_cksum), 0, 2);
	ip_prepare_csum(p, src, &r.dst, IPPROTO_ICMPV6, offsetof(struct icmp6hdr, icmp6_cksum));
	(void)ip_output(&r, p, src, &how);
}

static int link_of(const struct pbuf *p)
{
	return ipaddr_is_link_local(&p->src) ? p->netif->index : 0;
}

static void answer_echo(struct pbuf *p)
{
	struct pbuf *a = pbuf_alloc(PBUF_HEADROOM, sizeof(struct icmp6hdr));
	struct ipaddr from = ipaddr_is_multicast(&p->dst) ? IPADDR_ANY : p->dst;

	if (a != NULL) {
		memcpy(a->data, p->data, sizeof(struct icmp6hdr));
		a->data[0] = ICMPV6_ECHO_REPLY;
		if (pbuf_add_range(a, p, sizeof(struct icmp6hdr), p->len - (uint32_t)sizeof(struct icmp6hdr)))
			icmp6_send(a, &from, &p->src, link_of(p), 0);
		else
			pbuf_put(a);
	}
	pbuf_put(p);
}

static struct net_error error_of(uint8_t type, uint8_t code)
{
	static const struct {
		uint8_t err;
		bool hard;
	} unreachable[] = {
		[ICMPV6_NOROUTE] = {ENETUNREACH, false},        [ICMPV6_ADM_PROHIBITED] = {EACCES, true},
		[ICMPV6_NOT_NEIGHBOUR] = {EHOSTUNREACH, false}, [ICMPV6_ADDR_UNREACH] = {EHOSTUNREACH, false},
		[ICMPV6_PORT_UNREACH] = {ECONNREFUSED, true},   [ICMPV6_POLICY_FAIL] = {EACCES, true},
		[ICMPV6_REJECT_ROUTE] = {EACCES, true},
	};
	struct net_error e = {.err = EHOSTUNREACH, .origin = SO_EE_ORIGIN_ICMP6, .type = type, .code = code};

	if (type == ICMPV6_DEST_UNREACH && code < ARRAY_SIZE(unreachable)) {
		e.err = unreachable[code].err;
		e.hard = unreachable[code].hard;
	} else if (type == ICMPV6_PKT_TOOBIG) {
		e.err = EMSGSIZE;
	} else if (type == ICMPV6_PARAMPROB) {
		e.err = EPROTO;
		e.hard = true;
	}
	return e;
}

static void take_error(struct pbuf *p, const struct icmp6hdr *icmp)
{
	struct netif *nif = p->netif;
	struct net_error e = error_of(icmp->icmp6_type, icmp->icmp6_code);
	struct ipaddr from = p->src;
	struct ip6_hdr h;

	pbuf_pull(p, sizeof(*icmp));
	if (!pbuf_need(p, sizeof(h) + 8))
		goto bad;
	memcpy(&h, p->data, sizeof(h));
	p->src = ipaddr_v6(&h.ip6_src);
	p->dst = ipaddr_v6(&h.ip6_dst);
	p->proto = h.ip6_nxt; /* we send no extension headers but for fragments, whose errors are of no use */
	if (h.ip6_vfc >> 4 != 6 || netif_owner_of(&p->src) == NULL)
		goto bad;
	e.offender = from;
	if (e.err == EMSGSIZE) {
		e.info = ntohl(icmp->icmp6_mtu);
		e.shrinks_path = true;
	}
	pbuf_pull(p, sizeof(h));
	p->error = e;
	icmp_report(p);
	return;
bad:
	net_drop(nif, NET_DROP_ICMP_BAD, p);
}

void icmp6_input(struct pbuf *p)
{
	struct icmp6hdr h;

	if (!pbuf_need(p, sizeof(h)) || !ip_verify_csum(p)) {
		net_drop(p->netif, NET_DROP_ICMP_BAD, p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	if (h.icmp6_type == ICMPV6_ECHO_REQUEST) {
		answer_echo(p);
	} else if (h.icmp6_type == ICMPV6_ECHO_REPLY) {
		if (!ping_input(p))
			pbuf_put(p);
	} else if (h.icmp6_type < ICMPV6_INFOMSG_MASK) {
		take_error(p, &h);
	} else if (h.icmp6_type >= TYPE_NDP_MIN && h.icmp6_type <= TYPE_NDP_MAX) {
		ndp_input(p, h.icmp6_type);
	} else if (h.icmp6_type == ICMPV6_MGM_QUERY) {
		mld_query(p);
		pbuf_put(p);
	} else {
		pbuf_put(p);
	}
}

void icmp6_send_unreachable(struct pbuf *p, enum ip_unreachable why)
{
	struct icmp6hdr h = {.icmp6_type = ICMPV6_DEST_UNREACH, .icmp6_code = ICMPV6_PORT_UNREACH};
	uint32_t header = p->l4 - (uint32_t)p->l3, quote;
	struct pbuf *a;

	if (!icmp_may_answer(p) || header > 512)
		return;
	if (why == IP_ADMIN_PROHIBITED)
		h.icmp6_code = ICMPV6_ADM_PROHIBITED;
	if (why == IP_PROTO_UNREACHABLE) {
		h.icmp6_type = ICMPV6_PARAMPROB;
		h.icmp6_code = ICMPV6_UNK_NEXTHDR;
		h.icmp6_pointer = htonl(offsetof(struct ip6_hdr, ip6_nxt));
	}
	quote = MIN(ERROR_MAX - (uint32_t)sizeof(h) - header, p->len);
	a = pbuf_alloc(PBUF_HEADROOM, (uint32_t)sizeof(h) + header);
	if (a == NULL)
		return;
	memcpy(a->data, &h, sizeof(h));
	memcpy(a->data + sizeof(h), pbuf_l3(p), header);
	if (!pbuf_add_range(a, p, 0, quote)) {
		pbuf_put(a);
		return;
	}
	icmp6_send(a, &p->dst, &p->src, link_of(p), 0);
}
