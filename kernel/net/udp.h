/* SPDX-License-Identifier: MIT */
/*
 * udp.h - a UDP socket: its state, between udp.c (life, names, receive path), udp_send.c and udp_recv.c.
 * Invariant: a socket with a port is in the channel tables; connected, under its exact key, unless another socket has
 * that key (SO_REUSEADDR): then among the bound ones, and udp_accepts looks at the peer.
 */
#ifndef CAY_KERNEL_NET_UDP_H
#define CAY_KERNEL_NET_UDP_H

#include "kernel/net/inet.h"
#include "kernel/net/inet_errqueue.h"
#include "kernel/time/clock.h"

struct udp_sock {
	struct inet_sock in;  /* first */
	struct pbuf_queue rx; /* at their data */
	struct inet_errqueue errors;
	struct pbuf *corked; /* MSG_MORE, UDP_CORK: what has been said so far */
	struct ipaddr corked_dst;
	uint16_t corked_port;
	bool cork;
	struct ipaddr bound;      /* what bind asked for: local may be the choice of connect */
	bool port_chosen;         /* by connect or send, not by bind */
	struct netif *full;       /* its queue had no room for the last datagram; NULL: it had */
	struct ktimer room_timer; /* runs while somebody waits for room: looks again */
	bool shut_rd, shut_wr;
	uint16_t gso_size;                     /* UDP_SEGMENT */
	uint16_t send_coverage, recv_coverage; /* UDP-Lite: bytes, header included; 0: all */
};

static inline struct udp_sock *udp_of(struct socket *s)
{
	return s->priv;
}

struct udphdr_wire {
	uint16_t sport, dport, len, check;
};

/* udplite.c: RFC 3828. The header's length field says how much the checksum covers. */
void udplite_init(void);
/* Received, at its header: is the checksum right, and does it cover what the socket insists on? */
bool udplite_verify(const struct udp_sock *u, struct pbuf *p);
/* Fills in length field and checksum of a packet at its header. */
void udplite_finish(const struct udp_sock *u, struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst);
int udplite_set_option(struct udp_sock *u, int name, int v);
/* -ENOPROTOOPT */
int udplite_get_option(const struct udp_sock *u, int name, int *v);
/* For both: an unexpected packet is answered. */
void udp_no_channel(struct pbuf *p);

/* A port for a socket without one. Lock held. */
MUST_CHECK int udp_autobind(struct udp_sock *u);
#define UDP_POST_ROOM 1u
ssize_t udp_send(struct socket *s, struct sock_msg *m);
/* May a datagram be sent as far as the interface of the last one goes? If not, POLLOUT will be told some time later,
 * and who waits asks again. Lock held. */
bool udp_is_writable(struct udp_sock *u);
void udp_room_init(struct udp_sock *u);
ssize_t udp_recv(struct socket *s, struct sock_msg *m);
void udp_push_corked(struct udp_sock *u); /* sends it, or drops it */

#endif
