/* SPDX-License-Identifier: MIT */
/* inet.c - what sockets of AF_INET and AF_INET6 share: life, addresses, names, binding, routes. Options:
 * inet_options.c. */
#include "kernel/net/inet.h"

#include <errno.h>

#include "kernel/fs/cred.h"
#include "kernel/net/net_priv.h"
#include "lib/string.h"

#define SIN6_BYTES_MIN 24u /* sockaddr_in6 without its scope, as RFC 2133 had it */

int inet_create(int family, int type, int protocol, struct socket **out)
{
	switch (type) {
	case SOCK_STREAM:
		if (protocol != 0 && protocol != IPPROTO_TCP)
			return -EPROTONOSUPPORT;
		return tcp_create(family, out);
	case SOCK_DGRAM:
		if (protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
			return udp_create(family, protocol != 0 ? protocol : IPPROTO_UDP, out);
		if (protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			return ping_create(family, protocol, out);
		return -EPROTONOSUPPORT;
	case SOCK_RAW:
		if (!capable(CAP_NET_RAW))
			return -EPERM;
		if (protocol <= 0 || protocol > 255)
			return protocol == 0 ? -EPROTONOSUPPORT : -EINVAL;
		return raw_create(family, protocol, out);
	}
	return -ESOCKTNOSUPPORT;
}

void inet_sock_init(struct inet_sock *in, const struct socket_ops *ops, const struct channel_ops *ch_ops, int family,
		    int type, int protocol)
{
	memset(in, 0, sizeof(*in));
	socket_init(&in->sock, ops, family, type, protocol);
	in->sock.priv = in;
	channel_init(&in->ch, ch_ops, SOCK_BUFFER_BYTES);
	in->local = in->remote = family == AF_INET ? ipaddr_v4(0) : IPADDR_ANY;
	in->mcast_ttl = 1;
	in->mcast_loop = in->mcast_all = true;
	in->mtu_discover = IP_PMTUDISC_WANT;
	in->claim.proto = (uint8_t)protocol;
}

void inet_sock_fini(struct inet_sock *in)
{
	port_release(&in->claim);
	inet_leave_all(in);
}

static int addr4_in(const struct inet_sock *in, const struct sock_addr *a, struct ipaddr *addr, uint16_t *port)
{
	struct sockaddr_in sin;

	if (a->len < sizeof(sin))
		return -EINVAL;
	memcpy(&sin, a->bytes, sizeof(sin));
	if (sin.sin_family != AF_INET && (sin.sin_family != AF_UNSPEC || sin.sin_addr.s_addr != 0))
		return -EAFNOSUPPORT;
	if (in->v6only)
		return -ENETUNREACH;
	*addr = ipaddr_v4(sin.sin_addr.s_addr);
	*port = sin.sin_port;
	return 0;
}

int inet_addr_in(const struct inet_sock *in, const struct sock_addr *a, struct ipaddr *addr, uint16_t *port, int *scope)
{
	struct sockaddr_in6 sin6 = {0};

	if (scope != NULL)
		*scope = 0;
	if (a->len < sizeof(a->family))
		return -EINVAL;
	if (in->sock.family == AF_INET)
		return addr4_in(in, a, addr, port);
	if (a->family != AF_INET6)
		return -EAFNOSUPPORT;
	if (a->len < SIN6_BYTES_MIN)
		return -EINVAL;
	memcpy(&sin6, a->bytes, MIN((size_t)a->len, sizeof(sin6)));
	*addr = ipaddr_v6(&sin6.sin6_addr);
	*port = sin6.sin6_port;
	if (scope != NULL && (ipaddr_is_link_local(addr) || ipaddr_is_multicast(addr)) && !ipaddr_is_v4(addr))
		*scope = (int)sin6.sin6_scope_id;
	return ipaddr_is_v4(addr) && in->v6only ? -ENETUNREACH : 0;
}

void inet_addr_out(const struct inet_sock *in, const struct ipaddr *addr, uint16_t port, int scope,
		   struct sock_addr *out)
{
	if (in->sock.family == AF_INET) {
		struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = addr->w[3]};
		out->len = sizeof(sin);
		memcpy(out->bytes, &sin, sizeof(sin));
		return;
	}
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = port};
	memcpy(&sin6.sin6_addr, addr, 16);
	if (!ipaddr_is_v4(addr) && (ipaddr_is_link_local(addr) || ipaddr_is_multicast(addr)))
		sin6.sin6_scope_id = (uint32_t)scope;
	out->len = sizeof(sin6);
	memcpy(out->bytes, &sin6, sizeof(sin6));
}

int inet_name(struct socket *s, bool peer, struct sock_addr *out)
{
	struct inet_sock *in = inet_of(s);
	int err = 0;

	channel_lock(&in->ch);
	if (peer && in->rport == 0)
		err = -ENOTCONN;
	else
		inet_addr_out(in, peer ? &in->remote : &in->local, peer ? in->rport : in->lport, in->bound_if, out);
	channel_unlock(&in->ch);
	return err;
}

/* May a socket be bound to this? */
static int check_local(const struct inet_sock *in, const struct ipaddr *addr, int scope)
{
	if (ipaddr_is_any(addr) || in->freebind || in->transparent)
		return 0;
	if (in->sock.type != SOCK_STREAM && (ipaddr_is_multicast(addr) || ipaddr_is_broadcast(addr)))
		return 0;
	if (!ipaddr_is_v4(addr) && ipaddr_is_link_local(addr) && scope == 0 && in->bound_if == 0)
		return -EINVAL;
	if (netif_owner_of(addr) != NULL)
		return 0;
	for (struct netif *nif = netif_first(); nif != NULL && in->sock.type != SOCK_STREAM; nif = nif->next)
		if (netif_is_broadcast(nif, addr))
			return 0;
	return -EADDRNOTAVAIL;
}

void inet_fill_claim(struct inet_sock *in)
{
	struct port_claim *c = &in->claim;

	c->addr = in->local;
	c->v4only = in->sock.family == AF_INET || (ipaddr_is_any(&in->local) && ipaddr_is_v4(&in->local));
	c->v6only = in->v6only;
	c->reuse_addr = in->sock.option[SO_REUSEADDR];
	c->reuse_port = in->sock.option[SO_REUSEPORT];
	c->bound_if = in->bound_if;
	c->uid = cred_current()->fsuid;
	in->ch.v4only = c->v4only;
	in->ch.v6only = c->v6only;
	in->ch.bound_if = in->bound_if;
	in->ch.group = c->reuse_port ? c->uid + 1 : 0;
}

int inet_bind_claim(struct inet_sock *in, const struct sock_addr *a)
{
	struct ipaddr addr, before = in->local;
	int scope, err;
	uint16_t port;

	err = inet_addr_in(in, a, &addr, &port, &scope);
	if (err != 0)
		return err == -ENETUNREACH ? -EINVAL : err;
	err = check_local(in, &addr, scope);
	if (err != 0)
		return err;
	if (port != 0 && ntohs(port) < port_unprivileged_start && !capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (in->lport != 0)
		return -EINVAL;
	if (scope != 0) {
		if (netif_by_index(scope) == NULL)
			return -ENODEV;
		in->bound_if = scope;
	}
	in->local = addr;
	inet_fill_claim(in);
	in->claim.port = port;
	err = port_claim(&in->claim);
	if (err != 0) {
		in->local = before;
		return err;
	}
	in->lport = in->claim.port;
	return 0;
}

int inet_route(struct inet_sock *in)
{
	if (likely(route_is_valid(&in->route) && ipaddr_eq(&in->route.dst, &in->remote)))
		return 0;
	return route_lookup(&in->remote, &in->local, in->bound_if, &in->route);
}

struct ip_send inet_ip_send(const struct inet_sock *in, const struct ipaddr *dst)
{
	return (struct ip_send){
		.proto = (uint8_t)in->sock.protocol,
		.tos = in->tos,
		.ttl = ipaddr_is_multicast(dst) ? in->mcast_ttl : in->ttl,
		.df = in->mtu_discover == IP_PMTUDISC_DO || in->mtu_discover == IP_PMTUDISC_PROBE ||
		      (in->mtu_discover == IP_PMTUDISC_WANT && in->sock.type == SOCK_STREAM),
	};
}
