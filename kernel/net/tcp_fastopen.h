/* SPDX-License-Identifier: MIT */
/*
 * tcp_fastopen.h - TCP Fast Open (RFC 7413) for clients: the first data goes with the SYN to a server that has given us
 * a cookie before. Servers do not take such data: that is off, as by default on Linux (net.ipv4.tcp_fastopen = 1), so
 * what comes with a SYN is acknowledged only when it comes again.
 * Lock: the socket's channel's; the cookies have one of their own.
 */
#ifndef CAY_KERNEL_NET_TCP_FASTOPEN_H
#define CAY_KERNEL_NET_TCP_FASTOPEN_H

#include "kernel/net/tcp_sock.h"

/* tcp_conn_ops.cookie: what the peer of c has given us, or (bytes 0) that its cookie is to be forgotten. */
void tcp_fastopen_learn(struct tcp_conn *c, const uint8_t *cookie, unsigned bytes);
bool tcp_fastopen_has_cookie(const struct ipaddr *peer);
/* Sends the first SYN of a connection that has just begun: with what fits of m's data where the peer's cookie is known,
 * else asking for one. m NULL: no data. Bytes that went along. May block (a fault that reads a file). */
size_t tcp_fastopen_syn(struct tcp_sock *t, struct sock_msg *m);

#endif
