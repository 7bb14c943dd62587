/* SPDX-License-Identifier: MIT */
/* icmp4.c - ICMP for IPv4 (RFC 792): echo, errors in both directions. Redirects and the rest are ignored. */
#include <errno.h>
#include <time.h> /* before errqueue.h, which does not include it */

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/ip.h>

#include "kernel/net/icmp.h"
#include "kernel/net/net_priv.h"
#include "lib/inet_checksum.h"

#define QUOTE_MAX 548u /* of the offending packet: an error fits into 576 bytes (RFC 1812 4.3.2.3) */

static void finish_and_send(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, uint8_t tos)
{
	struct ip_send how = {.proto = IPPROTO_ICMP, .tos = tos};
	uint16_t sum;
	struct route r;

	memset(p->data + offsetof(struct icmphdr, checksum), 0, sizeof(sum));
	sum = inet_checksum_finish(pbuf_sum(p, 0, p->len, 0));
	memcpy(p->data + offsetof(struct icmphdr, checksum), &sum, sizeof(sum));
	if (route_lookup(dst, src, 0, &r) != 0) {
		pbuf_put(p);
		return;
	}
	(void)ip_output(&r, p, ipaddr_is_any(src) ? &r.src : src, &how);
}

static void answer_echo(struct pbuf *p)
{
	struct pbuf *a;

	if (ipaddr_is_multicast(&p->dst) || netif_is_broadcast(p->netif, &p->dst)) {
		pbuf_put(p); /* as Linux does by default */
		return;
	}
	a = pbuf_alloc(PBUF_HEADROOM, sizeof(struct icmphdr));
	if (a != NULL) {
		memcpy(a->data, p->data, sizeof(struct icmphdr));
		a->data[0] = ICMP_ECHOREPLY;
		if (pbuf_add_range(a, p, sizeof(struct icmphdr), p->len - (uint32_t)sizeof(struct icmphdr)))
			finish_and_send(a, &p->dst, &p->src, p->tos);
		else
			pbuf_put(a);
	}
	pbuf_put(p);
}

/* errno and weight of a destination-unreachable code (as Linux's icmp_err_convert). */
static struct net_error error_of(uint8_t type, uint8_t code)
{
	static const struct {
		uint8_t err;
		bool hard;
	} unreachable[] = {
		[ICMP_NET_UNREACH] = {ENETUNREACH, false},    [ICMP_HOST_UNREACH] = {EHOSTUNREACH, false},
		[ICMP_PROT_UNREACH] = {ENOPROTOOPT, true},    [ICMP_PORT_UNREACH] = {ECONNREFUSED, true},
		[ICMP_FRAG_NEEDED] = {EMSGSIZE, false},       [ICMP_SR_FAILED] = {EOPNOTSUPP, false},
		[ICMP_NET_UNKNOWN] = {ENETUNREACH, true},     [ICMP_HOST_UNKNOWN] = {EHOSTDOWN, true},
		[ICMP_HOST_ISOLATED] = {ENONET, true},        [ICMP_NET_ANO] = {ENETUNREACH, true},
		[ICMP_HOST_ANO] = {EHOSTUNREACH, true},       [ICMP_NET_UNR_TOS] = {ENETUNREACH, false},
		[ICMP_HOST_UNR_TOS] = {EHOSTUNREACH, false},  [ICMP_PKT_FILTERED] = {EHOSTUNREACH, true},
		[ICMP_PREC_VIOLATION] = {EHOSTUNREACH, true}, [ICMP_PREC_CUTOFF] = {EHOSTUNREACH, true},
	};
	struct net_error e = {.err = EHOSTUNREACH, .origin = SO_EE_ORIGIN_ICMP, .type = type, .code = code};

	if (type == ICMP_DEST_UNREACH && code < ARRAY_SIZE(unreachable)) {
		e.err = unreachable[code].err;
		e.hard = unreachable[code].hard;
	} else if (type == ICMP_PARAMETERPROB) {
		e.err = EPROTO;
		e.hard = true;
	}
	return e;
}

/* An error about a packet that we are said to have sent. */
static void take_error(struct pbuf *p, const struct icmphdr *icmp)
{
	struct netif *nif = p->netif;
	struct net_error e = error_of(icmp->type, icmp->code);
	struct ipaddr from = p->src;
	struct iphdr h;

	pbuf_pull(p, sizeof(*icmp));
	if (!pbuf_need(p, sizeof(h)))
		goto bad;
	memcpy(&h, p->data, sizeof(h));
	unsigned header = h.ihl * 4u;
	if (h.version != 4 || header < sizeof(h) || !pbuf_need(p, header + 8) || (h.frag_off & htons(IP_OFFMASK)))
		goto bad;
	p->src = ipaddr_v4(h.saddr);
	p->dst = ipaddr_v4(h.daddr);
	p->proto = h.protocol;
	if (netif_owner_of(&p->src) == NULL)
		goto bad;
	e.offender = from;
	if (e.err == EMSGSIZE) {
		e.info = ntohs(icmp->un.frag.mtu);
		e.shrinks_path = e.info != 0 && e.info < ntohs(h.tot_len);
	}
	pbuf_pull(p, header);
	p->error = e;
	icmp_report(p);
	return;
bad:
	net_drop(nif, NET_DROP_ICMP_BAD, p);
}

void icmp4_input(struct pbuf *p)
{
	struct icmphdr h;

	if (!pbuf_need(p, sizeof(h)) ||
	    (p->csum == PBUF_CSUM_NONE && inet_checksum_finish(pbuf_sum(p, 0, p->len, 0)) != 0)) {
		net_drop(p->netif, NET_DROP_ICMP_BAD, p);
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	switch (h.type) {
	case ICMP_ECHO:
		answer_echo(p);
		break;
	case ICMP_ECHOREPLY:
		if (!ping_input(p))
			pbuf_put(p);
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		take_error(p, &h);
		break;
	default:
		pbuf_put(p);
	}
}

void icmp4_send_error(struct pbuf *p, uint8_t type, uint8_t code, uint32_t info)
{
	struct icmphdr h = {.type = type, .code = code, .un.gateway = htonl(info)};
	uint32_t header = p->l4 - (uint32_t)p->l3, quote = MIN(QUOTE_MAX - header, p->len);
	struct pbuf *a;

	if (!icmp_may_answer(p))
		return;
	a = pbuf_alloc(PBUF_HEADROOM, (uint32_t)sizeof(h) + header);
	if (a == NULL)
		return;
	memcpy(a->data, &h, sizeof(h));
	memcpy(a->data + sizeof(h), pbuf_l3(p), header);
	if (!pbuf_add_range(a, p, 0, quote)) {
		pbuf_put(a);
		return;
	}
	finish_and_send(a, &p->dst, &p->src, 0);
}

void ip_send_unreachable(struct pbuf *p, enum ip_unreachable why)
{
	static const uint8_t code4[] = {ICMP_PORT_UNREACH, ICMP_PROT_UNREACH, ICMP_PKT_FILTERED};

	/* p->data has to be where the quoted packet's payload begins. */
	if (ipaddr_is_v4(&p->dst))
		icmp4_send_error(p, ICMP_DEST_UNREACH, code4[why], 0);
	else
		icmp6_send_unreachable(p, why);
}
