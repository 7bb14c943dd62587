/* SPDX-License-Identifier: MIT */
/* icmp.h - what ICMP of both families shares: reports from the network to the socket that sent, and limits. */
#ifndef CAY_KERNEL_NET_ICMP_H
#define CAY_KERNEL_NET_ICMP_H

#include "kernel/net/ip.h"

/*
 * A packet of ours was answered with an error. p: at the quoted packet's transport header, of which at least 8 bytes
 * are there; src, dst and proto as in the quoted packet (so src is ours). error is filled in. Consumes p. The socket
 * gets it as a pbuf with is_error: data behind the transport header's ports, src and dst as sent.
 */
void icmp_report(struct pbuf *p);

/* May an ICMP error be sent about p (RFC 1122 3.2.2, RFC 4443 2.4)? Takes from the rate limit when it says yes. */
bool icmp_may_answer(const struct pbuf *p);

/* SOCK_DGRAM sockets of ping: an echo reply (at its ICMP header) goes to the one with its identifier. True: consumed.
 */
bool ping_input(struct pbuf *p);

#endif
