/* SPDX-License-Identifier: MIT */
/* net_priv.h - inside the stack below the transport protocols: from file to file of kernel/net. */
#ifndef CAY_KERNEL_NET_NET_PRIV_H
#define CAY_KERNEL_NET_NET_PRIV_H

#include "kernel/net/channel.h"
#include "kernel/net/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/netif.h"
#include "lib/siphash.h"

/* ---- channel.c, channel_table.c ---- */
/* Puts p into the channel's inbox (consumed) and notes the channel for channel_flush. */
void channel_queue(struct channel *ch, struct pbuf *p);
/* Runs or wakes the channels that this thread brought packets to. Not nested: what protocols send to ourselves
 * meanwhile is seen by the outermost one. No lock of a channel held. */
void channel_flush(void);
/* As if a packet had come: for the network thread. */
void channel_kick(struct channel *ch);

/* ---- loopback.c ---- */
extern struct netif loopback;
void loopback_init(void);

/* ---- ip_input.c, ipv4_input.c, ipv6_input.c ---- */
/* A packet from the link, which begins with its IP header. Consumes it. */
void ipv4_input(struct pbuf *p);
void ipv6_input(struct pbuf *p);
/* A whole packet at its transport header with all marks set, to sockets and protocols. Consumes it. */
void ip_input(struct pbuf *p);

/* ---- raw.c ---- */
/* Copies for raw sockets of p->proto. True: there was one. p at its transport header. */
bool raw_input(struct pbuf *p);

/* ---- icmp4.c, icmp6.c ---- */
void icmp4_input(struct pbuf *p); /* consume p */
void icmp6_input(struct pbuf *p);

/* About p, at its transport header (not consumed): if it may be answered. info: the MTU, host order. */
void icmp4_send_error(struct pbuf *p, uint8_t type, uint8_t code, uint32_t info);
void icmp6_send_unreachable(struct pbuf *p, enum ip_unreachable why);
/* A message without its checksum. src any: chosen, or with hops 255 (neighbour discovery) left so. Consumes p. */
void icmp6_send(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, int ifindex, uint8_t hops);
/* A packet of ours, at its IP header, could not be sent: its socket hears of it. p stays the caller's. */
void ip_report_unreachable(struct pbuf *p, int err);

/* ---- reassembly.c ---- */
struct iphdr;
/* Takes a fragment (data after the IP header; IPv6: at the fragment header). The whole packet when this was the last
 * missing piece, at its transport header; else NULL. */
MUST_CHECK struct pbuf *ip_reassemble4(struct pbuf *p, const struct iphdr *h);
MUST_CHECK struct pbuf *ip_reassemble6(struct pbuf *p);

/* ---- net.c ---- */
/* What the network thread does when it is woken. True: come again. (Host tests are their own network thread.) */
bool net_work_round(void);

/* ---- rtnetlink.c ---- */
/* The nth route that follows from an interface's address; false at the end. */
bool route_get_link(unsigned n, struct route_entry *out);

/* Something has changed: members of its netlink group hear of it. changed: IFF_* of the flags. Any context. */
void rtnetlink_tell_link(const struct netif *nif, unsigned changed);
void rtnetlink_tell_addr(const struct netif *nif, const struct netif_addr *a, bool gone);
void rtnetlink_tell_route(const struct route_entry *e, bool gone);

/* The secret of this boot, for hashes of what peers choose. */
const struct siphash_key *net_secret(void);

#endif
