/* SPDX-License-Identifier: MIT */
/*
 * inet.h - what all sockets of AF_INET and AF_INET6 share: addresses of the program, options at IPPROTO_IP and
 * IPPROTO_IPV6, names. TCP, UDP and raw sockets embed struct inet_sock as their first member.
 * Lock: the channel's, for everything here.
 */
#ifndef CAY_KERNEL_NET_INET_H
#define CAY_KERNEL_NET_INET_H

#include "kernel/net/channel.h"
#include "kernel/net/filter.h"
#include "kernel/net/ip.h"
#include "kernel/net/port.h"
#include "kernel/net/socket.h"

struct inet_sock {
	struct socket sock; /* first: sock.priv points here */
	struct channel ch;
	struct port_claim claim;
	struct ipaddr local, remote; /* any: not bound, not connected. v4 as mapped in sockets of both families */
	uint16_t lport, rport;       /* network order */
	int bound_if;                /* SO_BINDTODEVICE, or the scope of a link-local address */
	bool v6only;
	uint8_t tos, ttl; /* IP_TOS and IPV6_TCLASS; ttl 0: default */
	uint8_t mcast_ttl;
	bool mcast_loop;
	uint8_t mtu_discover; /* IP_PMTUDISC_* */
	int mcast_if;
	struct ipaddr mcast_src;
	bool recv_err, recv_err6; /* IP_RECVERR, IPV6_RECVERR */
	bool pktinfo, pktinfo6, recv_ttl, recv_ttl6, recv_tos, recv_tos6, recv_opts, recv_origdst;
	bool freebind, transparent, hdrincl, no_port, mcast_all;
	struct inet_membership *memberships; /* joined groups: inet_multicast.c */
	struct net_filter *filter;           /* NULL: none. Owned */
	int error;                           /* positive errno for SO_ERROR and the next call */
	uint32_t zc_next, zc_told;           /* sends with MSG_ZEROCOPY: inet_errqueue.h */
	struct route route;
};

static inline struct inet_sock *inet_of(struct socket *s)
{
	return s->priv;
}

/* Fills in sock, ch and defaults. */
void inet_sock_init(struct inet_sock *in, const struct socket_ops *ops, const struct channel_ops *ch_ops, int family,
		    int type, int protocol);
/* Releases claim, memberships; the channel must be out of the tables. */
void inet_sock_fini(struct inet_sock *in);

/*
 * Checks and converts an address of the program for a socket: length, family (AF_INET, AF_INET6, and AF_UNSPEC as Linux
 * takes it for bind), v4-mapped addresses against v6only. *scope: interface index or 0; may be NULL.
 * -EINVAL, -EAFNOSUPPORT, -ENETUNREACH (IPv4 to a v6only socket).
 */
MUST_CHECK int inet_addr_in(const struct inet_sock *in, const struct sock_addr *a, struct ipaddr *addr, uint16_t *port,
			    int *scope);
/* As the socket's family shows it. */
void inet_addr_out(const struct inet_sock *in, const struct ipaddr *addr, uint16_t port, int scope,
		   struct sock_addr *out);
/* socket_ops.name. -ENOTCONN when the peer is asked for and there is none. */
int inet_name(struct socket *s, bool peer, struct sock_addr *out);

/* bind(2) but for the channel: checks the address (ours, or any, or freebind; privileged port), claims the port, sets
 * local, lport. -EADDRNOTAVAIL, -EADDRINUSE, -EACCES, -EINVAL (bound already). Lock held. */
MUST_CHECK int inet_bind_claim(struct inet_sock *in, const struct sock_addr *a);
/* The claim's and channel's conditions from the socket's options and addresses: before claiming a port by other means.
 */
void inet_fill_claim(struct inet_sock *in);
/* inet_multicast.c: does the socket want a packet to this group? And when it goes. */
bool inet_wants_group(const struct inet_sock *in, const struct pbuf *p);
void inet_leave_all(struct inet_sock *in);
/* ioctl on a socket: interfaces and routes (netdevice(7)). -ENOTTY. */
int64_t inet_ioctl(struct socket *s, unsigned cmd, uint64_t arg);
/* Looks up in->route for in->remote if it is not valid. route_lookup's errors. Lock held. */
MUST_CHECK int inet_route(struct inet_sock *in);
/* How packets of this socket are sent. */
struct ip_send inet_ip_send(const struct inet_sock *in, const struct ipaddr *dst);

/* Options at levels SOL_IP and SOL_IPV6 and those at SOL_SOCKET that need an inet_sock (SO_BINDTODEVICE...). Value
 * already copied to the kernel (SOCK_OPTION_BYTES_MAX). -ENOPROTOOPT, -EINVAL... */
int inet_set_option(struct socket *s, int level, int name, const void *value, unsigned len);
/* Value as socket_ops.get_option; *len: room in, size out. */
int inet_get_option(struct socket *s, int level, int name, void *value, unsigned *len);

/* Families' entry: socket(2). 0, -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -EPERM (raw), -ENOMEM, -EAFNOSUPPORT. */
MUST_CHECK int inet_create(int family, int type, int protocol, struct socket **out);

/* TCP's, in kernel/net/tcp*.c: a new closed socket. 0, -ENOMEM. */
MUST_CHECK int tcp_create(int family, struct socket **out);
/* Registers TCP with ip_protocol_register; by net_init. */
void tcp_init(void);

/* udp.c, raw.c */
MUST_CHECK int udp_create(int family, int protocol, struct socket **out); /* IPPROTO_UDP, IPPROTO_UDPLITE */
void udp_init(void);
MUST_CHECK int raw_create(int family, int protocol, struct socket **out);
/* For lists: raw sockets and those of ping. The program's "port" of a raw socket is its protocol. rx_bytes: of memory.
 * Called under a spin lock; sockets are read without theirs. */
struct raw_view {
	const struct inet_sock *in;
	bool ping;
	size_t rx_bytes;
};
void raw_for_each(void (*fn)(const struct raw_view *v, void *arg), void *arg);
/* SOCK_DGRAM with IPPROTO_ICMP: what ping uses without privileges. */
MUST_CHECK int ping_create(int family, int protocol, struct socket **out);

#endif
