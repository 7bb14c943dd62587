/* SPDX-License-Identifier: MIT */
/*
 * ip.h - routes, and sending of IPv4 and IPv6 packets.
 * A socket keeps a struct route and asks again when route_is_valid says no: addresses, routes, interfaces, neighbours'
 * or path MTUs have changed.
 */
#ifndef CAY_KERNEL_NET_IP_H
#define CAY_KERNEL_NET_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/ipaddr.h"
#include "kernel/net/netif.h"
#include "kernel/net/pbuf.h"
#include "lib/compiler.h"

struct route {
	struct netif *netif; /* NULL: not looked up */
	struct ipaddr dst;
	struct ipaddr src;      /* what to send from when the socket is not bound */
	struct ipaddr next_hop; /* dst itself when on the link */
	/* neigh.c's: the link address of next_hop, which saves asking for it packet by packet */
	uint8_t mac[6];
	uint32_t mac_generation; /* 0: not known */
	uint64_t mac_until_ns;
	uint32_t mtu; /* of IP packets to dst, path MTU included */
	uint32_t generation;
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST */
};

extern uint32_t route_generation; /* odd or even says nothing; equal: nothing has changed */
static inline bool route_is_valid(const struct route *r)
{
	return r->netif != NULL && r->generation == __atomic_load_n(&route_generation, __ATOMIC_ACQUIRE);
}
void route_invalidate_all(void);

/*
 * The way to dst. src: what the socket is bound to, or any. bound_if: interface index that must be used
 * (SO_BINDTODEVICE, scope of a link-local address), or 0. -ENETUNREACH: no route; -EHOSTUNREACH: a route says so;
 * -EADDRNOTAVAIL: no address of dst's family to send from; -EINVAL: src is not ours.
 */
MUST_CHECK int route_lookup(const struct ipaddr *dst, const struct ipaddr *src, int bound_if, struct route *out);

/* One entry of the routing table. prefix: of the 128-bit form. */
struct route_entry {
	struct ipaddr dst;
	uint8_t prefix;
	uint8_t type;          /* RTN_UNICAST, RTN_UNREACHABLE, RTN_BLACKHOLE */
	uint8_t protocol;      /* RTPROT_* */
	uint8_t scope;         /* RT_SCOPE_* */
	uint32_t metric;       /* lower wins among equal prefixes */
	struct ipaddr gateway; /* any: on the link */
	struct ipaddr src;     /* preferred, or any */
	struct netif *netif;
	uint32_t mtu;            /* 0: the interface's */
	uint64_t valid_until_ns; /* CLOCK_MONOTONIC; UINT64_MAX */
};
int route_add(const struct route_entry *e);    /* replaces an equal one. -ENOSPC */
int route_delete(const struct route_entry *e); /* by dst, prefix, netif if set, gateway if set. -ESRCH */
/* The nth entry; false at the end. */
bool route_get(unsigned n, struct route_entry *out);

/* A path's MTU has become known (ICMP). Ignored when it is not smaller than what is known or below the protocol's
 * least. */
void pmtu_update(const struct ipaddr *dst, uint32_t mtu);
uint32_t pmtu_lookup(const struct ipaddr *dst, uint32_t mtu_of_link);

struct ip_send {
	uint8_t proto; /* IPPROTO_*; the checksum of the transport header is the caller's business (ip_pseudo_sum) */
	uint8_t tos;
	uint8_t ttl;            /* 0: the default, 64 */
	bool df;                /* IPv4: Don't Fragment. Both: larger than the MTU is -EMSGSIZE instead of being cut */
	uint32_t flow_label;    /* IPv6, host order, 20 bits */
	const uint8_t *options; /* IPv4 options, padded, or NULL */
	unsigned options_bytes;
};

/*
 * Sends p, whose data begins with the transport header, along r (not NULL, looked up). src: the packet's source
 * address. A packet with gso set may be larger than the MTU. Consumes p always. 0: on its way, or in a neighbour's
 * queue. -EMSGSIZE, -ENOBUFS, -ENETDOWN, -EHOSTUNREACH (known not to answer). Context: any thread, timers; a channel's
 * lock may be held: packets to ourselves are queued, never processed inside.
 */
int ip_output(struct route *r, struct pbuf *p, const struct ipaddr *src, const struct ip_send *how);

/* Sum of the pseudo header for a transport checksum (RFC 9293 3.1, RFC 8200 8.1), unfolded. bytes: transport header and
 * data. */
uint64_t ip_pseudo_sum(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto, uint32_t bytes);
/*
 * Prepares the checksum of an outgoing packet that begins with its transport header, whose checksum field is `offset`
 * bytes from there: the pseudo header's sum goes into it and the packet is marked PARTIAL.
 */
void ip_prepare_csum(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto,
		     uint16_t offset);
/* Received, at the transport header: is the checksum over pseudo header and packet right? Marks the packet VALID. */
bool ip_verify_csum(struct pbuf *p);

/* Answers an unexpected packet with an ICMP error (rate limited, never to errors, multicast, broadcast). Does not
 * consume p, whose network header must still be in its head. */
enum ip_unreachable { IP_PORT_UNREACHABLE, IP_PROTO_UNREACHABLE, IP_ADMIN_PROHIBITED };
void ip_send_unreachable(struct pbuf *p, enum ip_unreachable why);

/* Transport protocols register with these. input: packets of a batch at their transport header, one by one; consumes.
 * p's marks (src, dst, proto, ttl, tos, l3, l4) are set. no_channel: no socket for it (TCP answers with RST). */
struct ip_protocol {
	uint8_t proto;
	uint8_t min_header; /* shorter packets are dropped before anything else */
	/* Checks the header and fills in sport and dport. False: drop, counted as `*why`. */
	bool (*classify)(struct pbuf *p, enum net_drop *why);
	void (*no_channel)(struct pbuf *p); /* consumes */
};
void ip_protocol_register(const struct ip_protocol *proto);

#endif
