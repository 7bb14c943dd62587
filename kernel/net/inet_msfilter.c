/* SPDX-License-Identifier: MIT */
/*
 * inet_msfilter.c - whole lists of sources at once: IP_MSFILTER, and MCAST_MSFILTER of both families (RFC 3678 sections
 * 4.2 and 5.2). As on Linux with its default limits, a list has at most INET_SOURCES_MAX sources.
 */
#include <errno.h>

#include "kernel/net/inet_multicast.h"
#include "kernel/net/net_priv.h"
#include "lib/string.h"

#define HEAD4 ((unsigned)offsetof(struct ip_msfilter, imsf_slist))
#define HEAD  ((unsigned)offsetof(struct group_filter, gf_slist))

_Static_assert(HEAD + INET_SOURCES_MAX * sizeof(struct sockaddr_storage) <= SOCK_OPTION_BYTES_MAX, "a list fits");

/* IP_MSFILTER's fixed part; its interface by an address of its. */
static int read_head4(const void *value, unsigned len, struct ip_msfilter *h, struct ipaddr *group, struct netif **nif)
{
	if (len < HEAD4)
		return -EINVAL;
	memcpy(h, value, HEAD4);
	*group = ipaddr_v4(h->imsf_multiaddr.s_addr);
	struct ipaddr addr = ipaddr_v4(h->imsf_interface.s_addr);
	if (!ipaddr_is_multicast(group))
		return -EINVAL;
	*nif = inet_group_interface(group, 0, &addr);
	return 0;
}

static int check_mode(uint32_t mode)
{
	return mode == MCAST_INCLUDE || mode == MCAST_EXCLUDE ? 0 : -EINVAL;
}

static int set4(struct inet_sock *in, const void *value, unsigned len)
{
	struct inet_sources s;
	struct ip_msfilter h;
	struct ipaddr group;
	struct netif *nif = NULL;
	int err;

	if (len < HEAD4)
		return -EINVAL;
	memcpy(&h, value, HEAD4);
	if (h.imsf_numsrc > INET_SOURCES_MAX)
		return -ENOBUFS;
	if (HEAD4 + h.imsf_numsrc * 4 > len)
		return -EINVAL;
	err = read_head4(value, len, &h, &group, &nif);
	if (err == 0)
		err = check_mode(h.imsf_fmode);
	if (err == 0 && nif == NULL)
		err = -ENODEV;
	if (err != 0)
		return err;
	s.include = h.imsf_fmode == MCAST_INCLUDE;
	s.nr = h.imsf_numsrc;
	for (unsigned i = 0; i < s.nr; i++) {
		uint32_t a;
		memcpy(&a, (const uint8_t *)value + HEAD4 + i * 4, 4);
		s.addr[i] = ipaddr_v4(a);
	}
	return inet_sources_set(in, &group, nif->index, &s);
}

static int get4(struct inet_sock *in, void *value, unsigned *len)
{
	struct inet_sources s;
	struct ip_msfilter h;
	struct ipaddr group;
	struct netif *nif = NULL;
	int err = read_head4(value, *len, &h, &group, &nif);

	if (err == 0 && nif == NULL)
		err = -ENODEV;
	if (err == 0)
		err = inet_sources_get(in, &group, nif->index, &s);
	if (err != 0)
		return err;
	unsigned nr = MIN(MIN(s.nr, h.imsf_numsrc), (*len - HEAD4) / 4);
	h.imsf_fmode = s.include ? MCAST_INCLUDE : MCAST_EXCLUDE;
	h.imsf_numsrc = s.nr;
	memcpy(value, &h, HEAD4);
	for (unsigned i = 0; i < nr; i++)
		memcpy((uint8_t *)value + HEAD4 + i * 4, &s.addr[i].w[3], 4);
	*len = HEAD4 + nr * 4;
	return 0;
}

/* A group of this option level's family; the interface by its index. */
static int read_group(int level, const void *value, unsigned len, struct group_filter *h, struct ipaddr *group)
{
	if (len < HEAD)
		return -EINVAL;
	memcpy(h, value, HEAD);
	if (h->gf_group.ss_family != (level == IPPROTO_IP ? AF_INET : AF_INET6) ||
	    !inet_group_addr(&h->gf_group, group))
		return -EADDRNOTAVAIL;
	return ipaddr_is_multicast(group) ? 0 : -EINVAL;
}

static int read_sources(int level, const void *value, unsigned nr, struct inet_sources *s)
{
	for (s->nr = 0; s->nr < nr; s->nr++) {
		struct sockaddr_storage a;
		memcpy(&a, (const uint8_t *)value + HEAD + s->nr * sizeof(a), sizeof(a));
		if (level == IPPROTO_IPV6)
			a.ss_family = AF_INET6; /* Linux does not look at it */
		if ((level == IPPROTO_IP && a.ss_family != AF_INET) || !inet_group_addr(&a, &s->addr[s->nr]))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

static int set(struct inet_sock *in, int level, const void *value, unsigned len)
{
	struct inet_sources s;
	struct group_filter h;
	struct ipaddr group;
	struct netif *nif;
	int err;

	if (len < HEAD)
		return -EINVAL;
	memcpy(&h, value, HEAD);
	if (h.gf_numsrc > INET_SOURCES_MAX)
		return -ENOBUFS;
	if (HEAD + h.gf_numsrc * sizeof(struct sockaddr_storage) > len)
		return -EINVAL;
	err = read_group(level, value, len, &h, &group);
	if (err == 0)
		err = read_sources(level, value, h.gf_numsrc, &s);
	if (err == 0)
		err = check_mode(h.gf_fmode);
	if (err != 0)
		return err;
	nif = inet_group_interface(&group, (int)h.gf_interface, &IPADDR_ANY);
	if (nif == NULL)
		return -ENODEV;
	s.include = h.gf_fmode == MCAST_INCLUDE;
	return inet_sources_set(in, &group, nif->index, &s);
}

static void put_source(void *at, const struct ipaddr *a)
{
	struct sockaddr_storage ss = {0};

	if (ipaddr_is_v4(a)) {
		ss.ss_family = AF_INET;
		((struct sockaddr_in *)(void *)&ss)->sin_addr.s_addr = a->w[3];
	} else {
		ss.ss_family = AF_INET6;
		memcpy(&((struct sockaddr_in6 *)(void *)&ss)->sin6_addr, a->b, sizeof(a->b));
	}
	memcpy(at, &ss, sizeof(ss));
}

static int get(struct inet_sock *in, int level, void *value, unsigned *len)
{
	struct inet_sources s;
	struct group_filter h;
	struct ipaddr group;
	int err = read_group(level, value, *len, &h, &group);

	if (err == 0)
		err = inet_sources_get(in, &group, (int)h.gf_interface, &s);
	if (err != 0)
		return err;
	unsigned nr = MIN(MIN(s.nr, h.gf_numsrc), (*len - HEAD) / (unsigned)sizeof(struct sockaddr_storage));
	h.gf_fmode = s.include ? MCAST_INCLUDE : MCAST_EXCLUDE;
	h.gf_numsrc = s.nr;
	memcpy(value, &h, HEAD);
	for (unsigned i = 0; i < nr; i++)
		put_source((uint8_t *)value + HEAD + i * sizeof(struct sockaddr_storage), &s.addr[i]);
	*len = HEAD + nr * (unsigned)sizeof(struct sockaddr_storage);
	return 0;
}

int inet_msfilter_set(struct inet_sock *in, int level, int name, const void *value, unsigned len)
{
	if (name == MCAST_MSFILTER)
		return set(in, level, value, len);
	return level == IPPROTO_IP && name == IP_MSFILTER ? set4(in, value, len) : -ENOPROTOOPT;
}

int inet_msfilter_get(struct inet_sock *in, int level, int name, void *value, unsigned *len)
{
	if (name == MCAST_MSFILTER)
		return get(in, level, value, len);
	return level == IPPROTO_IP && name == IP_MSFILTER ? get4(in, value, len) : -ENOPROTOOPT;
}
