/* SPDX-License-Identifier: MIT */
/* udplite.c - UDP-Lite (RFC 3828, udplite(7)): UDP whose checksum may cover a part of the packet only. */
#include <errno.h>

#include "kernel/net/net_priv.h"
#include "kernel/net/udp.h"
#include "lib/inet_checksum.h"

#define OPT_SEND_COVERAGE 10
#define OPT_RECV_COVERAGE 11
#define HEADER_BYTES      8u

static bool classify(struct pbuf *p, enum net_drop *why)
{
	struct udphdr_wire h;
	uint16_t coverage;

	memcpy(&h, p->data, sizeof(h));
	coverage = ntohs(h.len);
	*why = NET_DROP_L4_SHORT;
	if (coverage != 0 && (coverage < HEADER_BYTES || coverage > p->len))
		return false;
	*why = NET_DROP_L4_CSUM;
	if (h.check == 0)
		return false; /* section 3.1: never without */
	p->sport = h.sport;
	p->dport = h.dport;
	return h.dport != 0;
}

static const struct ip_protocol protocol = {
	.proto = IPPROTO_UDPLITE,
	.min_header = HEADER_BYTES,
	.classify = classify,
	.no_channel = udp_no_channel,
};

void udplite_init(void)
{
	ip_protocol_register(&protocol);
}

/* No device knows this checksum: always in software. */
static uint64_t sum_of(const struct pbuf *p, uint16_t coverage, const struct ipaddr *src, const struct ipaddr *dst)
{
	uint32_t covered = coverage == 0 ? p->len : MIN((uint32_t)coverage, p->len);

	return pbuf_sum(p, 0, covered, ip_pseudo_sum(src, dst, IPPROTO_UDPLITE, p->len));
}

bool udplite_verify(const struct udp_sock *u, struct pbuf *p)
{
	struct udphdr_wire h;

	memcpy(&h, p->data, sizeof(h));
	uint16_t coverage = ntohs(h.len);
	if (u->recv_coverage != 0 && coverage != 0 && coverage < u->recv_coverage)
		return false;
	return inet_checksum_finish(sum_of(p, coverage, &p->src, &p->dst)) == 0;
}

void udplite_finish(const struct udp_sock *u, struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst)
{
	uint16_t coverage = u->send_coverage > p->len ? 0 : u->send_coverage, wire = htons(coverage), sum;

	memcpy(p->data + offsetof(struct udphdr_wire, len), &wire, sizeof(wire));
	sum = inet_checksum_finish(sum_of(p, coverage, src, dst));
	if (sum == 0)
		sum = 0xffff;
	memcpy(p->data + offsetof(struct udphdr_wire, check), &sum, sizeof(sum));
}

int udplite_set_option(struct udp_sock *u, int name, int v)
{
	uint16_t coverage = (uint16_t)(v == 0 ? 0 : MIN(MAX(v, (int)HEADER_BYTES), UINT16_MAX));

	if (u->in.sock.protocol != IPPROTO_UDPLITE)
		return -ENOPROTOOPT;
	if (name == OPT_SEND_COVERAGE)
		u->send_coverage = coverage;
	else if (name == OPT_RECV_COVERAGE)
		u->recv_coverage = coverage;
	else
		return -ENOPROTOOPT;
	return 0;
}

int udplite_get_option(const struct udp_sock *u, int name, int *v)
{
	if (u->in.sock.protocol != IPPROTO_UDPLITE || (name != OPT_SEND_COVERAGE && name != OPT_RECV_COVERAGE))
		return -ENOPROTOOPT;
	*v = name == OPT_SEND_COVERAGE ? u->send_coverage : u->recv_coverage;
	return 0;
}
