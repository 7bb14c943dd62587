/* SPDX-License-Identifier: MIT */
/*
 * inet_errqueue.h - what is fetched with MSG_ERRQUEUE: errors for a socket with IP_RECVERR or IPV6_RECVERR (ip(7)), and
 * that the memory of sends with MSG_ZEROCOPY may be used again (Linux: Documentation/networking/msg_zerocopy.rst).
 * Sends are numbered from 0 for each socket. They copy, so their memory is free at once: what is to be told are the
 * numbers [zc_told, zc_next), always one range, and needs no memory. It comes after the errors.
 * Lock: the channel's.
 */
#ifndef CAY_KERNEL_NET_INET_ERRQUEUE_H
#define CAY_KERNEL_NET_INET_ERRQUEUE_H

#include "kernel/net/inet.h"
#include "kernel/net/pbuf.h"

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
/* A send with MSG_ZEROCOPY has succeeded: counts it if the socket has SO_ZEROCOPY, and wakes who polls. */
void inet_zerocopy_sent(struct inet_sock *in);
static inline bool inet_zerocopy_pending(const struct inet_sock *in)
{
	return in->zc_told != in->zc_next;
}
/* recvmsg(MSG_ERRQUEUE) where there is nothing else to be told (TCP). 0, -EAGAIN. */
ssize_t inet_zerocopy_recv(struct inet_sock *in, struct sock_msg *m);
/* recvmsg(MSG_ERRQUEUE): bytes of the quoted data, with IP_RECVERR in the ancillary data. -EAGAIN. */
ssize_t inet_errqueue_recv(struct inet_sock *in, struct inet_errqueue *e, struct sock_msg *m);

#endif
