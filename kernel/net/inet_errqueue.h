/* SPDX-License-Identifier: MIT */
/*
 * inet_errqueue.h - errors for a socket with IP_RECVERR or IPV6_RECVERR, fetched with MSG_ERRQUEUE (ip(7)).
 * Lock: the channel's.
 */
#ifndef CAY_KERNEL_NET_INET_ERRQUEUE_H
#define CAY_KERNEL_NET_INET_ERRQUEUE_H

#include "kernel/net/pbuf.h"

struct inet_sock;
struct sock_msg;

struct inet_errqueue {
	struct pbuf_queue q; /* pbufs with is_error: the data is what was quoted of our payload; dst, dport: the peer */
};
#define INET_ERRQUEUE_MAX 64u

void inet_errqueue_init(struct inet_errqueue *e);
/* Takes note of an error that came as a pbuf (consumed): the socket's pending error, and the queue if it wants one.
 * True: the socket has something new to tell. */
bool inet_errqueue_add(struct inet_sock *in, struct inet_errqueue *e, struct pbuf *p);
/* The same for an error of our own (EMSGSIZE), without data. */
void inet_errqueue_local(struct inet_sock *in, struct inet_errqueue *e, int err, uint32_t info,
			 const struct ipaddr *dst, uint16_t dport);
/* recvmsg(MSG_ERRQUEUE): bytes of the quoted data, with IP_RECVERR in the ancillary data. -EAGAIN. */
ssize_t inet_errqueue_recv(struct inet_sock *in, struct inet_errqueue *e, struct sock_msg *m);

#endif
