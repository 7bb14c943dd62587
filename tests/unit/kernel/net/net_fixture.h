/* SPDX-License-Identifier: MIT */
/*
 * net_fixture.h - the whole stack below TCP on the host, with one Ethernet interface whose wire is the test: frames go
 * in with wire_in, what the stack sends is in `sent`.
 */
#ifndef CAY_TESTS_NET_FIXTURE_H
#define CAY_TESTS_NET_FIXTURE_H

#include <errno.h>
#include <stdlib.h>

#include "kernel/net/ether.h"
#include "kernel/net/inet.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"
#include "lib/inet_checksum.h"
#include "shim.h"

#define WIRE_MAX 64
static struct {
	uint32_t bytes;
	uint8_t data[70000];
	uint8_t csum, gso;
} sent[WIRE_MAX];
static unsigned nr_sent;

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};
#define OUR_IP  htonl(0x0a000001)
#define PEER_IP htonl(0x0a000002)

static void wire_transmit(struct netif *nif, struct pbuf *batch)
{
	(void)nif;
	for (struct pbuf *p = batch; p != NULL; p = p->next) {
		if (nr_sent < WIRE_MAX && p->len <= sizeof(sent[0].data)) {
			sent[nr_sent].bytes = p->len;
			sent[nr_sent].csum = p->csum;
			sent[nr_sent].gso = p->gso;
			pbuf_copy_out(p, 0, sent[nr_sent++].data, p->len);
		}
	}
	pbuf_put_chain(batch);
}

static const struct netif_ops wire_ops = {.transmit = wire_transmit};
static struct netif wire = {
	.name = "eth%d",
	.mac = {2, 0, 0, 0, 0, 1},
	.mtu = 1500,
	.features = NETIF_ETHERNET,
	.ops = &wire_ops,
};

/* Once per program: the stack is never torn down. */
static void net_fixture_start(void)
{
	struct ipaddr ours = ipaddr_v4(OUR_IP), ours6 = {.b = {0xfd, [15] = 1}};

	ktimer_subsystem_init();
	if (!net_init() || netif_register(&wire) != 0 || netif_add_addr(&wire, &ours, 24, NETIF_ADDR_READY) != 0 ||
	    netif_add_addr(&wire, &ours6, 64, NETIF_ADDR_READY) != 0)
		abort();
	netif_set_up(&wire, true);
	netif_set_carrier(&wire, true);
}

static inline void wire_in(const void *frame, uint32_t bytes)
{
	struct pbuf *p = pbuf_alloc(0, bytes);

	if (p == NULL)
		return;
	memcpy(p->data, frame, bytes);
	netif_receive(&wire, p);
}

/* An Ethernet and IPv4 header in front of `bytes` at payload; frag: the field in host order. Returns the length. */
static inline uint32_t make_v4(uint8_t *out, uint8_t proto, uint32_t src, uint32_t dst, const void *payload,
			       uint32_t bytes, uint16_t ident, uint16_t frag)
{
	uint8_t *ip = out + 14;
	uint16_t total = htons((uint16_t)(20 + bytes)), sum;

	memcpy(out, our_mac, 6);
	memcpy(out + 6, peer_mac, 6);
	out[12] = 8;
	out[13] = 0;
	memset(ip, 0, 20);
	ip[0] = 0x45;
	memcpy(ip + 2, &total, 2);
	ip[4] = (uint8_t)(ident >> 8);
	ip[5] = (uint8_t)ident;
	ip[6] = (uint8_t)(frag >> 8);
	ip[7] = (uint8_t)frag;
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	sum = inet_checksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
	if (bytes > 0)
		memcpy(ip + 20, payload, bytes);
	return 34 + bytes;
}

/* A UDP header without checksum, and data. Returns the length. */
static inline uint32_t make_udp(uint8_t *out, uint16_t sport, uint16_t dport, const void *data, uint32_t bytes)
{
	uint16_t h[4] = {htons(sport), htons(dport), htons((uint16_t)(8 + bytes)), 0};

	memcpy(out, h, 8);
	memcpy(out + 8, data, bytes);
	return 8 + bytes;
}

/* A UDP socket bound to a port; and one received datagram, -EAGAIN if there is none. */
static inline struct socket *udp_bound(int family, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sock_addr a = {.len = family == AF_INET ? sizeof(sin) : sizeof(sin6)};
	struct socket *s;

	memcpy(a.bytes, family == AF_INET ? (void *)&sin : (void *)&sin6, a.len);
	if (inet_create(family, SOCK_DGRAM, 0, &s) != 0 || s->ops->bind(s, &a) != 0)
		abort();
	return s;
}

static inline ssize_t udp_read(struct socket *s, void *buf, size_t bytes)
{
	struct uio_seg seg = {buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = true, .kernel = true};
	struct sock_msg m = {.uio = &uio, .flags = MSG_DONTWAIT};

	return s->ops->recv(s, &m);
}

static inline ssize_t udp_write(struct socket *s, uint32_t dst, uint16_t port, const void *buf, size_t bytes)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = dst};
	struct uio_seg seg = {(void *)buf, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .kernel = true};
	struct sock_msg m = {.uio = &uio, .flags = MSG_DONTWAIT, .addr.len = sizeof(sin)};

	memcpy(m.addr.bytes, &sin, sizeof(sin));
	return s->ops->send(s, &m);
}

#endif
