/* SPDX-License-Identifier: MIT */
/* tcp_xmit.c - segments become packets: header, payload by reference, checksum left to the interface where it can. */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "kernel/net/net_priv.h"
#include "kernel/net/tcp_fastopen.h"
#include "kernel/net/tcp_sock.h"

#define CHECKSUM_OFFSET 16  /* in the TCP header */
#define COPY_BYTES      256 /* so small a payload is copied into the head: cheaper than a reference to a page */
#define ECN_ECT0        2

static uint32_t ip_header_bytes(const struct ipaddr *dst)
{
	return ipaddr_is_v4(dst) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}

uint16_t tcp_mss_of_route(const struct route *r)
{
	uint32_t headers = ip_header_bytes(&r->dst) + TCP_HEADER_BYTES;

	return (uint16_t)(MIN(MAX(r->mtu, headers + 88), 65535u) - headers);
}

uint32_t tcp_gso_of_route(const struct route *r)
{
	uint32_t want = ipaddr_is_v4(&r->dst) ? NETIF_TSO4 : NETIF_TSO6;
	uint32_t max = MIN(r->netif->gso_max, 65535u);

	return r->netif->features & want ? max - ip_header_bytes(&r->dst) - TCP_HEADER_BYTES - TCP_OPTIONS_BYTES : 0;
}

void tcp_sock_refresh_route(struct tcp_sock *t)
{
	if (likely(route_is_valid(&t->in.route)) || t->in.rport == 0)
		return;
	if (inet_route(&t->in) != 0)
		return; /* segments are lost until there is a way again */
	t->c.gso_bytes = tcp_gso_of_route(&t->in.route);
	uint16_t mss = tcp_mss_of_route(&t->in.route);
	if (mss != t->c.mss_path)
		tcp_conn_set_mss_path(&t->c, mss);
}

static struct pbuf *build(struct tcp_conn *c, const struct tcp_out *out, uint16_t sport, uint16_t dport)
{
	struct tcp_seg seg = out->seg;
	bool copy = seg.len > 0 && seg.len <= COPY_BYTES;
	uint32_t from = seg.seq + !!(seg.flags & TCP_SYN); /* of the payload in the send queue */
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, copy ? seg.len : 0);

	if (p == NULL)
		return NULL;
	if (copy)
		tcp_sndq_copy(&c->sndq, from, seg.len, p->data);
	else if (seg.len > 0 && !tcp_sndq_attach(&c->sndq, from, seg.len, p)) {
		pbuf_put(p);
		return NULL;
	}
	seg.src_port = ntohs(sport);
	seg.dst_port = ntohs(dport);
	tcp_wire_build(&seg, out->opt, out->opt_bytes, pbuf_push(p, TCP_HEADER_BYTES + out->opt_bytes));
	return p;
}

static int output(struct tcp_conn *c, const struct tcp_out *out)
{
	struct tcp_sock *t = tcp_of_conn(c);
	struct ip_send how = inet_ip_send(&t->in, &t->in.remote);
	struct pbuf *p;

	if (t->in.route.netif == NULL)
		return -EHOSTUNREACH;
	p = build(c, out, t->in.lport, t->in.rport);
	if (p == NULL)
		return -ENOBUFS;
	if (out->ect)
		how.tos |= ECN_ECT0;
	ip_prepare_csum(p, &t->in.local, &t->in.remote, IPPROTO_TCP, CHECKSUM_OFFSET);
	if (out->mss != 0 && out->seg.len > out->mss) {
		p->gso = ipaddr_is_v4(&t->in.remote) ? PBUF_GSO_TCP4 : PBUF_GSO_TCP6;
		p->gso_size = out->mss;
	}
	return ip_output(&t->in.route, p, &t->in.local, &how);
}

const struct tcp_conn_ops tcp_sock_conn_ops = {.output = output, .cookie = tcp_fastopen_learn};

void tcp_send_unattached(const struct tcp_tuple *t, const struct tcp_out *out, int bound_if, uint8_t tos)
{
	struct ip_send how = {.proto = IPPROTO_TCP, .df = true, .tos = tos};
	struct route r;
	struct pbuf *p;

	if (route_lookup(&t->remote, &t->local, bound_if, &r) != 0)
		return;
	p = build(NULL, out, t->lport, t->rport);
	if (p == NULL)
		return;
	ip_prepare_csum(p, &t->local, &t->remote, IPPROTO_TCP, CHECKSUM_OFFSET);
	ip_output(&r, p, &t->local, &how);
}

void tcp_send_reset(const struct pbuf *p, const struct tcp_seg *seg)
{
	struct tcp_tuple t = {.local = p->dst, .remote = p->src, .lport = p->dport, .rport = p->sport};
	struct tcp_out out;
	bool scoped = !ipaddr_is_v4(&p->src) && ipaddr_is_link_local(&p->src);

	if (p->link_multicast || ipaddr_is_multicast(&p->dst) || !tcp_reset_answer(seg, &out))
		return;
	tcp_send_unattached(&t, &out, scoped && p->netif != NULL ? p->netif->index : 0, 0);
}

static void listener_output(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_out *out)
{
	(void)l;
	tcp_send_unattached(t, out, 0, 0);
}

static uint16_t listener_mss(struct tcp_listener *l, const struct tcp_tuple *t)
{
	struct route r;

	(void)l;
	return route_lookup(&t->remote, &t->local, 0, &r) == 0 ? tcp_mss_of_route(&r) : 536;
}

const struct tcp_listener_ops tcp_sock_listener_ops = {.output = listener_output, .mss_of = listener_mss};
