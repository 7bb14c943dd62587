/* SPDX-License-Identifier: MIT */
/*
 * inet_options.c - setsockopt and getsockopt at IPPROTO_IP and IPPROTO_IPV6, and at SOL_SOCKET what needs addresses.
 * Most are a number or a switch in struct inet_sock: one table says which. Groups: inet_multicast.c.
 */
#include <errno.h>
#include <stddef.h>

#include "kernel/fs/cred.h"
#include "kernel/net/inet_multicast.h"
#include "kernel/net/net_priv.h"
#include "lib/string.h"

#define OPT_IPV6_RECVPKTINFO  49
#define OPT_IPV6_RECVHOPLIMIT 51
#define OPT_IPV6_RECVTCLASS   66
#define OPT_IPV6_TCLASS       67
#define IP_DEFAULT_TTL        64

enum kind { SWITCH, BYTE };

/* A field of struct inet_sock that is set and read as an int. */
static const struct option {
	uint8_t level;
	uint8_t name;
	uint8_t kind;
	uint16_t offset;
	int16_t min, max;
} options[] = {
#define OPTION(level, name, kind, field, min, max)                                                                     \
	{                                                                                                              \
		(level), (name), (kind), offsetof(struct inet_sock, field), (min), (max)                               \
	}
	OPTION(IPPROTO_IP, IP_TOS, BYTE, tos, 0, 255),
	OPTION(IPPROTO_IP, IP_MTU_DISCOVER, BYTE, mtu_discover, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT),
	OPTION(IPPROTO_IP, IP_RECVERR, SWITCH, recv_err, 0, 1),
	OPTION(IPPROTO_IP, IP_PKTINFO, SWITCH, pktinfo, 0, 1),
	OPTION(IPPROTO_IP, IP_RECVTTL, SWITCH, recv_ttl, 0, 1),
	OPTION(IPPROTO_IP, IP_RECVTOS, SWITCH, recv_tos, 0, 1),
	OPTION(IPPROTO_IP, IP_RECVOPTS, SWITCH, recv_opts, 0, 1),
	OPTION(IPPROTO_IP, IP_RETOPTS, SWITCH, recv_opts, 0, 1),
	OPTION(IPPROTO_IP, IP_RECVORIGDSTADDR, SWITCH, recv_origdst, 0, 1),
	OPTION(IPPROTO_IP, IP_FREEBIND, SWITCH, freebind, 0, 1),
	OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, SWITCH, no_port, 0, 1),
	OPTION(IPPROTO_IP, IP_MULTICAST_LOOP, SWITCH, mcast_loop, 0, 1),
	OPTION(IPPROTO_IP, IP_MULTICAST_ALL, SWITCH, mcast_all, 0, 1),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR, SWITCH, recv_err6, 0, 1),
	OPTION(IPPROTO_IPV6, OPT_IPV6_RECVPKTINFO, SWITCH, pktinfo6, 0, 1),
	OPTION(IPPROTO_IPV6, OPT_IPV6_RECVHOPLIMIT, SWITCH, recv_ttl6, 0, 1),
	OPTION(IPPROTO_IPV6, OPT_IPV6_RECVTCLASS, SWITCH, recv_tos6, 0, 1),
	OPTION(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, SWITCH, mcast_loop, 0, 1),
	OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER, BYTE, mtu_discover, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT),
};

static const struct option *find(int level, int name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].level == level && options[i].name == name)
			return &options[i];
	return NULL;
}

static void *field_of(struct inet_sock *in, const struct option *o)
{
	return (char *)in + o->offset;
}

static int set_field(struct inet_sock *in, const struct option *o, int v)
{
	if (o->kind == SWITCH) {
		*(bool *)field_of(in, o) = v != 0;
		return 0;
	}
	if (v < o->min || v > o->max)
		return -EINVAL;
	*(uint8_t *)field_of(in, o) = (uint8_t)v;
	return 0;
}

/* IPv4's options may be given as one byte (ip(7)). */
static int number(const void *value, unsigned len, int level, int *v)
{
	if (len >= sizeof(*v)) {
		memcpy(v, value, sizeof(*v));
		return 0;
	}
	if (len == 0 || level != IPPROTO_IP)
		return -EINVAL;
	*v = *(const uint8_t *)value;
	return 0;
}

/* A number of hops; -1: the default. */
static int set_hops(uint8_t *field, int v, int least, uint8_t def)
{
	if (v < -1 || v > 255 || (v >= 0 && v < least))
		return -EINVAL;
	*field = v < 0 ? def : (uint8_t)v;
	return 0;
}

static int set_v6only(struct inet_sock *in, int v)
{
	if (in->lport != 0 || in->sock.family != AF_INET6)
		return -EINVAL;
	in->v6only = v != 0;
	return 0;
}

static int set_ip(struct inet_sock *in, int name, const void *value, unsigned len)
{
	int v, err = inet_multicast_set(in, IPPROTO_IP, name, value, len);

	if (err != -ENOPROTOOPT)
		return err;
	err = number(value, len, IPPROTO_IP, &v);
	if (err != 0)
		return err;
	switch (name) {
	case IP_TTL:
		return set_hops(&in->ttl, v, 1, 0);
	case IP_MULTICAST_TTL:
		return set_hops(&in->mcast_ttl, v, 0, 1);
	case IP_HDRINCL:
		if (in->sock.type != SOCK_RAW)
			return -ENOPROTOOPT;
		in->hdrincl = v != 0;
		return 0;
	case IP_TRANSPARENT:
		if (v != 0 && !capable(CAP_NET_ADMIN))
			return -EPERM;
		in->transparent = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set_ipv6(struct inet_sock *in, int name, const void *value, unsigned len)
{
	int v, err;

	if (in->sock.family != AF_INET6)
		return -ENOPROTOOPT;
	err = inet_multicast_set(in, IPPROTO_IPV6, name, value, len);
	if (err != -ENOPROTOOPT)
		return err;
	err = number(value, len, IPPROTO_IPV6, &v);
	if (err != 0)
		return err;
	switch (name) {
	case IPV6_V6ONLY:
		return set_v6only(in, v);
	case IPV6_UNICAST_HOPS:
		return set_hops(&in->ttl, v, 0, 0);
	case IPV6_MULTICAST_HOPS:
		return set_hops(&in->mcast_ttl, v, 0, 1);
	case OPT_IPV6_TCLASS:
		return set_hops(&in->tos, v, 0, 0);
	case IPV6_CHECKSUM:
		return in->sock.type == SOCK_RAW ? 0 : -ENOPROTOOPT;
	}
	return -ENOPROTOOPT;
}

static int bind_to_device(struct inet_sock *in, const char *name, unsigned len)
{
	char text[IFNAMSIZ] = "";
	struct netif *nif;

	memcpy(text, name, MIN(len, (unsigned)sizeof(text) - 1));
	if (text[0] == '\0') {
		in->bound_if = in->ch.bound_if = 0;
		return 0;
	}
	nif = netif_by_name(text);
	if (nif == NULL)
		return -ENODEV;
	in->bound_if = in->ch.bound_if = nif->index;
	in->route.netif = NULL;
	return 0;
}

static int set_socket(struct inet_sock *in, int name, const void *value, unsigned len)
{
	int v;

	if (name == SO_BINDTODEVICE)
		return bind_to_device(in, value, len);
	if (name == SO_BINDTOIFINDEX) {
		if (number(value, len, SOL_SOCKET, &v) != 0 || v < 0)
			return -EINVAL;
		if (v != 0 && netif_by_index(v) == NULL)
			return -ENODEV;
		in->bound_if = in->ch.bound_if = v;
		in->route.netif = NULL;
		return 0;
	}
	/* Kept already; what follows from them: */
	if (name == SO_RCVBUF)
		in->ch.inbox_limit = (uint32_t)in->sock.option[SO_RCVBUF];
	else if (name == SO_REUSEADDR)
		in->claim.reuse_addr = in->sock.option[SO_REUSEADDR]; /* counts for those who come later */
	else if (name == SO_REUSEPORT)
		in->claim.reuse_port = in->sock.option[SO_REUSEPORT];
	else
		return -ENOPROTOOPT;
	return 0;
}

int inet_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	struct inet_sock *in = inet_of(s);
	const struct option *o = level <= 255 && name <= 255 ? find(level, name) : NULL;
	int v, err;

	channel_lock(&in->ch);
	if (o != NULL) {
		err = number(value, len, level, &v);
		if (err == 0)
			err = set_field(in, o, v);
	} else if (level == IPPROTO_IP) {
		err = set_ip(in, name, value, len);
	} else if (level == IPPROTO_IPV6) {
		err = set_ipv6(in, name, value, len);
	} else {
		err = level == SOL_SOCKET ? set_socket(in, name, value, len) : -ENOPROTOOPT;
	}
	channel_unlock(&in->ch);
	return err;
}

static int give(void *value, unsigned *len, const void *from, unsigned bytes)
{
	*len = MIN(*len, bytes);
	memcpy(value, from, *len);
	return 0;
}

static int route_mtu(struct inet_sock *in, int *v)
{
	if (in->rport == 0 || inet_route(in) != 0)
		return -ENOTCONN;
	*v = (int)in->route.mtu;
	return 0;
}

static int get_number(struct inet_sock *in, int level, int name, int *v)
{
	const struct option *o = find(level, name);

	if (o != NULL) {
		*v = o->kind == SWITCH ? *(bool *)field_of(in, o) : *(uint8_t *)field_of(in, o);
		return 0;
	}
	if (level == IPPROTO_IP) {
		switch (name) {
		case IP_TTL:
			*v = in->ttl != 0 ? in->ttl : IP_DEFAULT_TTL;
			return 0;
		case IP_MULTICAST_TTL:
			*v = in->mcast_ttl;
			return 0;
		case IP_HDRINCL:
			*v = in->hdrincl;
			return 0;
		case IP_TRANSPARENT:
			*v = in->transparent;
			return 0;
		case IP_MTU:
			return route_mtu(in, v);
		}
		return -ENOPROTOOPT;
	}
	if (in->sock.family != AF_INET6)
		return -ENOPROTOOPT;
	switch (name) {
	case IPV6_V6ONLY:
		*v = in->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
		*v = in->ttl != 0 ? in->ttl : IP_DEFAULT_TTL;
		return 0;
	case IPV6_MULTICAST_HOPS:
		*v = in->mcast_ttl;
		return 0;
	case IPV6_MULTICAST_IF:
		*v = in->mcast_if;
		return 0;
	case OPT_IPV6_TCLASS:
		*v = in->tos;
		return 0;
	case IPV6_MTU:
		return route_mtu(in, v);
	}
	return -ENOPROTOOPT;
}

static int get_socket(struct inet_sock *in, int name, void *value, unsigned *len)
{
	struct netif *nif = netif_by_index(in->bound_if);

	if (name == SO_BINDTODEVICE) {
		if (nif == NULL) {
			*len = 0;
			return 0;
		}
		if (*len < IFNAMSIZ)
			return -EINVAL;
		return give(value, len, nif->name, (unsigned)strlen(nif->name) + 1);
	}
	if (name == SO_BINDTOIFINDEX)
		return give(value, len, &in->bound_if, sizeof(in->bound_if));
	return -ENOPROTOOPT;
}

int inet_get_option(struct socket *s, int level, int name, void *value, unsigned *len)
{
	struct inet_sock *in = inet_of(s);
	int v = 0, err = -ENOPROTOOPT;

	channel_lock(&in->ch);
	if (level == SOL_SOCKET) {
		err = get_socket(in, name, value, len);
	} else if (level == IPPROTO_IP && name == IP_MULTICAST_IF) {
		err = give(value, len, &in->mcast_src.w[3], 4);
	} else if (level == IPPROTO_IP && name == IP_OPTIONS) {
		*len = 0;
		err = 0;
	} else if (level == IPPROTO_IP || level == IPPROTO_IPV6) {
		err = inet_msfilter_get(in, level, name, value, len);
		if (err != -ENOPROTOOPT)
			goto out;
		err = get_number(in, level, name, &v);
		if (err == 0)
			err = give(value, len, &v, sizeof(v));
	}
out:
	channel_unlock(&in->ch);
	return err;
}
