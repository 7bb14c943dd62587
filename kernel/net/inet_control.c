/* SPDX-License-Identifier: MIT */
/* inet_control.c - see inet_control.h. */
#include "kernel/net/inet_control.h"

#include <errno.h>
#include <linux/udp.h>

#include "kernel/net/net_priv.h"
#include "kernel/time/timespec.h"

/* Not in the headers of both kernel and C library: the values of the system-call interface. */
#define OPT_IPV6_PKTINFO  50
#define OPT_IPV6_HOPLIMIT 52
#define OPT_IPV6_TCLASS   67
#define SOL_UDP_LEVEL     17

/* struct in6_pktinfo, which <netinet/in.h> shows to GNU programs only. */
struct pktinfo6 {
	uint8_t addr[16];
	uint32_t ifindex;
};

static int int_of(const uint8_t *data, size_t bytes, int *v)
{
	if (bytes < sizeof(*v))
		return -EINVAL;
	memcpy(v, data, sizeof(*v));
	return 0;
}

static int at_ip(int type, const uint8_t *data, size_t bytes, struct inet_control *out)
{
	struct in_pktinfo info;
	int v = 0, err;

	switch (type) {
	case IP_PKTINFO:
		if (bytes < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		out->ifindex = info.ipi_ifindex;
		if (info.ipi_spec_dst.s_addr != 0)
			out->src = ipaddr_v4(info.ipi_spec_dst.s_addr);
		return 0;
	case IP_TTL:
		err = int_of(data, bytes, &v);
		if (err != 0 || v < 1 || v > 255)
			return -EINVAL;
		out->has_ttl = true;
		out->ttl = (uint8_t)v;
		return 0;
	case IP_TOS:
		err = bytes == 1 ? 0 : int_of(data, bytes, &v);
		if (err != 0)
			return err;
		out->has_tos = true;
		out->tos = bytes == 1 ? *data : (uint8_t)v;
		return 0;
	}
	return -EINVAL;
}

static int at_ipv6(int type, const uint8_t *data, size_t bytes, struct inet_control *out)
{
	struct pktinfo6 info;
	int v;

	switch (type) {
	case OPT_IPV6_PKTINFO:
		if (bytes < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		out->ifindex = (int)info.ifindex;
		out->src = ipaddr_v6(info.addr);
		return 0;
	case OPT_IPV6_HOPLIMIT:
	case OPT_IPV6_TCLASS:
		if (int_of(data, bytes, &v) != 0 || v < -1 || v > 255)
			return -EINVAL;
		if (v < 0)
			return 0; /* -1: the default */
		if (type == OPT_IPV6_TCLASS) {
			out->has_tos = true;
			out->tos = (uint8_t)v;
		} else {
			out->has_ttl = true;
			out->ttl = (uint8_t)v;
		}
		return 0;
	}
	return -EINVAL;
}

static int one_record(const struct cmsghdr *h, const uint8_t *data, size_t bytes, struct inet_control *out)
{
	if (h->cmsg_level == IPPROTO_IP)
		return at_ip(h->cmsg_type, data, bytes, out);
	if (h->cmsg_level == IPPROTO_IPV6)
		return at_ipv6(h->cmsg_type, data, bytes, out);
	if (h->cmsg_level == SOL_UDP_LEVEL && h->cmsg_type == UDP_SEGMENT && bytes >= sizeof(out->gso_size)) {
		memcpy(&out->gso_size, data, sizeof(out->gso_size));
		return 0;
	}
	return h->cmsg_level == SOL_SOCKET ? 0 : -EINVAL;
}

int inet_control_in(const struct inet_sock *in, const struct sock_msg *m, struct inet_control *out)
{
	size_t at = 0;

	*out = (struct inet_control){0};
	while (m->control_bytes - at >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;
		memcpy(&h, m->control + at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > m->control_bytes - at)
			return -EINVAL;
		int err = one_record(&h, m->control + at + sizeof(h), h.cmsg_len - sizeof(h), out);
		if (err != 0)
			return err;
		at += MIN(ALIGN_UP(h.cmsg_len, sizeof(size_t)), m->control_bytes - at);
	}
	if (!ipaddr_is_any(&out->src) && !in->freebind && !in->transparent && netif_owner_of(&out->src) == NULL)
		return -EINVAL;
	return 0;
}

static void out_v4(const struct inet_sock *in, struct sock_msg *m, const struct pbuf *p)
{
	int ttl = p->ttl;

	if (in->pktinfo) {
		struct in_pktinfo info = {
			.ipi_ifindex = p->netif->index,
			.ipi_addr.s_addr = p->dst.w[3],
			.ipi_spec_dst.s_addr = p->dst.w[3],
		};
		sock_control_put(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (in->recv_ttl)
		sock_control_put(m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (in->recv_tos)
		sock_control_put(m, IPPROTO_IP, IP_TOS, &p->tos, sizeof(p->tos));
	if (in->recv_origdst) {
		struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = p->dport, .sin_addr.s_addr = p->dst.w[3]};
		sock_control_put(m, IPPROTO_IP, IP_RECVORIGDSTADDR, &sin, sizeof(sin));
	}
}

static void out_v6(const struct inet_sock *in, struct sock_msg *m, const struct pbuf *p)
{
	int ttl = p->ttl, tos = p->tos;

	if (in->pktinfo6) {
		struct pktinfo6 info = {.ifindex = (uint32_t)p->netif->index};
		memcpy(info.addr, &p->dst, 16);
		sock_control_put(m, IPPROTO_IPV6, OPT_IPV6_PKTINFO, &info, sizeof(info));
	}
	if (in->recv_ttl6)
		sock_control_put(m, IPPROTO_IPV6, OPT_IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	if (in->recv_tos6)
		sock_control_put(m, IPPROTO_IPV6, OPT_IPV6_TCLASS, &tos, sizeof(tos));
}

void inet_control_out(const struct inet_sock *in, struct sock_msg *m, const struct pbuf *p)
{
	if (m->control_out == NULL)
		return;
	if (in->sock.option[SO_TIMESTAMP]) {
		struct ktimeval tv = {(int64_t)(p->time_ns / NSEC_PER_SEC),
				      (int64_t)(p->time_ns % NSEC_PER_SEC / 1000)};
		sock_control_put(m, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv));
	} else if (in->sock.option[SO_TIMESTAMPNS]) {
		struct ktimespec ts = timespec_from_ns(p->time_ns);
		sock_control_put(m, SOL_SOCKET, SO_TIMESTAMPNS, &ts, sizeof(ts));
	}
	if (ipaddr_is_v4(&p->dst))
		out_v4(in, m, p);
	if (in->sock.family == AF_INET6)
		out_v6(in, m, p);
}
