/* SPDX-License-Identifier: MIT */
/*
 * netlink.h - sockets of AF_NETLINK (netlink(7)), family NETLINK_ROUTE (rtnetlink(7)): enough for getifaddrs,
 * getaddrinfo and iproute2's addr, link, route and neigh; and NETLINK_SOCK_DIAG (sock_diag.h). A request is answered
 * while it is sent: the answer lies in the socket's queue when sendmsg returns. Changes of links, addresses and routes
 * are told to who has joined their group (RTNLGRP_LINK, ..._IPV4_IFADDR, ..._IPV4_ROUTE and IPv6's); neighbours are
 * not.
 */
#ifndef CAY_KERNEL_NET_NETLINK_H
#define CAY_KERNEL_NET_NETLINK_H

#include <linux/netlink.h>

#include "kernel/net/pbuf.h"
#include "kernel/net/socket.h"

/* socket(AF_NETLINK). -EPROTONOSUPPORT: another family. */
MUST_CHECK int netlink_create(int type, int protocol, struct socket **out);

/* An answer being written: messages, gathered into datagrams. */
struct nl_reply {
	struct pbuf_queue *to;
	struct pbuf *datagram; /* being filled */
	uint32_t msg;          /* offset of the message being written */
	uint32_t seq, pid;
	bool failed; /* no memory: the reader gets what there is */
	bool multi;  /* several messages, the last one is NLMSG_DONE */
};

/* A message with a fixed part of `bytes`, which is zeroed and returned; NULL without memory. */
void *nl_begin(struct nl_reply *r, uint16_t type, unsigned bytes);
void nl_put(struct nl_reply *r, uint16_t type, const void *data, unsigned bytes);
void nl_put_u32(struct nl_reply *r, uint16_t type, uint32_t v);
void nl_put_u8(struct nl_reply *r, uint16_t type, uint8_t v);
void nl_put_string(struct nl_reply *r, uint16_t type, const char *s);
void nl_end(struct nl_reply *r);

/* The attribute `type` of a request, whose attributes begin at `attrs`; NULL if there is none of at least `min` bytes.
 */
const void *nl_find(const uint8_t *attrs, unsigned bytes, uint16_t type, unsigned min, unsigned *len);

/* Sends the one message that was made in *r to the group's members. Consumes it. Any context; must not block. */
void netlink_notify(unsigned group, struct nl_reply *r);
bool netlink_has_listeners(unsigned group);

/* A datagram that is no netlink message, to a socket of AF_NETLINK. Without room its reader gets ENOBUFS. Any context.
 */
void netlink_push(struct socket *s, const void *data, unsigned bytes);

/* rtnetlink.c: does what a request wants. req: the whole message, len checked. 0: done or answered; or -errno. */
int rtnetlink_request(struct nl_reply *r, const struct nlmsghdr *h, const uint8_t *body, unsigned bytes);
/* rtnetlink_change.c: requests that change something. */
int rtnetlink_change(const struct nlmsghdr *h, const uint8_t *body, unsigned bytes);

#endif
