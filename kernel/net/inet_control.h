/* SPDX-License-Identifier: MIT */
/* inet_control.h - ancillary data of sendmsg and recvmsg at the levels of IP, IPv6 and UDP (ip(7), ipv6(7)). */
#ifndef CAY_KERNEL_NET_INET_CONTROL_H
#define CAY_KERNEL_NET_INET_CONTROL_H

#include "kernel/net/inet.h"

/* What a sender said. */
struct inet_control {
	struct ipaddr src; /* any: not said */
	int ifindex;       /* 0: not said */
	uint16_t gso_size; /* UDP_SEGMENT */
	bool has_tos, has_ttl;
	uint8_t tos, ttl;
};

/* -EINVAL: malformed, or an address that is not ours. */
MUST_CHECK int inet_control_in(const struct inet_sock *in, const struct sock_msg *m, struct inet_control *out);
/* The records this socket asked for, of a received packet. */
void inet_control_out(const struct inet_sock *in, struct sock_msg *m, const struct pbuf *p);

#endif
