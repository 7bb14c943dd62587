/* SPDX-License-Identifier: MIT */
/* inet_multicast.c - see inet_multicast.h. An interface counts its members; a socket leaves what it joined when it
 * goes. */
#include "kernel/net/inet_multicast.h"

#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/net_priv.h"
#include "lib/string.h"

/* The list of a socket's memberships changes under the socket's lock and this one; the classifier, which has not the
 * socket's, looks at it under this one. Data to groups alone comes here. */
static struct spinlock lock = SPINLOCK_INIT("memberships");

#define MEMBERSHIPS_MAX 20 /* net.ipv4.igmp_max_memberships */

struct inet_membership {
	struct inet_membership *next;
	struct ipaddr group;
	int ifindex;
	bool include;     /* only what comes from the sources; else all but that. Also under the lock: */
	bool had_sources; /* at some time: `include` stays as it is */
	uint8_t nr_sources;
	struct ipaddr source[INET_SOURCES_MAX];
};

struct netif *inet_group_interface(const struct ipaddr *group, int ifindex, const struct ipaddr *addr)
{
	struct route r;

	if (ifindex != 0)
		return netif_by_index(ifindex);
	if (!ipaddr_is_any(addr))
		return netif_owner_of(addr);
	if (route_lookup(group, &(struct ipaddr){.q = {0, 0}}, 0, &r) == 0)
		return r.netif;
	return &loopback;
}

static struct inet_membership **find(struct inet_sock *in, const struct ipaddr *group, int ifindex)
{
	struct inet_membership **at = &in->memberships;

	while (*at != NULL && (!ipaddr_eq(&(*at)->group, group) || (ifindex != 0 && (*at)->ifindex != ifindex)))
		at = &(*at)->next;
	return at;
}

static int join(struct inet_sock *in, const struct ipaddr *group, struct netif *nif, bool include)
{
	struct inet_membership *m;
	unsigned nr = 0;
	int err;

	if (!ipaddr_is_multicast(group))
		return -EINVAL;
	if (nif == NULL)
		return -ENODEV;
	if (*find(in, group, nif->index) != NULL)
		return -EADDRINUSE;
	for (m = in->memberships; m != NULL; m = m->next)
		nr++;
	m = nr < MEMBERSHIPS_MAX ? kmalloc(sizeof(*m)) : NULL;
	if (m == NULL)
		return -ENOBUFS;
	*m = (struct inet_membership){
		.group = *group, .ifindex = nif->index, .include = include, .next = in->memberships};
	err = netif_join(nif, group);
	if (err != 0) {
		kfree(m);
		return err;
	}
	spin_lock(&lock);
	in->memberships = m;
	spin_unlock(&lock);
	return 0;
}

static void forget(struct inet_membership **at)
{
	struct inet_membership *m = *at;
	struct netif *nif = netif_by_index(m->ifindex);

	spin_lock(&lock);
	*at = m->next;
	spin_unlock(&lock);
	if (nif != NULL)
		(void)netif_leave(nif, &m->group);
	kfree(m);
}

static int leave(struct inet_sock *in, const struct ipaddr *group, int ifindex)
{
	struct inet_membership **at = find(in, group, ifindex);

	if (!ipaddr_is_multicast(group))
		return -EINVAL;
	if (*at == NULL)
		return -EADDRNOTAVAIL;
	forget(at);
	return 0;
}

void inet_leave_all(struct inet_sock *in)
{
	while (in->memberships != NULL)
		forget(&in->memberships);
}

static unsigned find_source(const struct inet_membership *m, const struct ipaddr *source)
{
	unsigned i = 0;

	while (i < m->nr_sources && !ipaddr_eq(&m->source[i], source))
		i++;
	return i;
}

bool inet_wants_group(const struct inet_sock *in, const struct pbuf *p)
{
	/* Linux delivers a group's packets to all sockets of the port unless told otherwise, and so expect programs. */
	bool wants = in->mcast_all;

	spin_lock(&lock);
	for (const struct inet_membership *m = in->memberships; m != NULL; m = m->next) {
		if (!ipaddr_eq(&m->group, &p->dst) ||
		    (m->ifindex != p->netif->index && !(p->netif->flags & IFF_LOOPBACK)))
			continue;
		wants = (find_source(m, &p->src) < m->nr_sources) == m->include;
		break;
	}
	spin_unlock(&lock);
	return wants;
}

/* ---- sources (RFC 3678) ---- */

enum source_change { SOURCE_JOIN, SOURCE_LEAVE, SOURCE_BLOCK, SOURCE_UNBLOCK };

static int add_source(struct inet_membership *m, const struct ipaddr *source)
{
	if (find_source(m, source) < m->nr_sources)
		return -EADDRNOTAVAIL;
	if (m->nr_sources == INET_SOURCES_MAX)
		return -ENOBUFS;
	m->source[m->nr_sources++] = *source;
	return 0;
}

static int remove_source(struct inet_membership *m, const struct ipaddr *source)
{
	unsigned i = find_source(m, source);

	if (i == m->nr_sources)
		return -EADDRNOTAVAIL;
	m->source[i] = m->source[--m->nr_sources];
	return 0;
}

static int change_source(struct inet_sock *in, enum source_change how, const struct ipaddr *group,
			 const struct ipaddr *source, struct netif *nif)
{
	bool include = how == SOURCE_JOIN || how == SOURCE_LEAVE;
	struct inet_membership **at, *m;
	int err;

	if (!ipaddr_is_multicast(group))
		return -EINVAL;
	if (nif == NULL)
		return -ENODEV;
	if (how == SOURCE_JOIN) {
		err = join(in, group, nif, true);
		if (err != 0 && err != -EADDRINUSE)
			return err;
	}
	at = find(in, group, nif->index);
	m = *at;
	/* One that was joined without sources may change its mind, once. */
	if (m == NULL || (m->include != include && m->had_sources))
		return -EINVAL;
	spin_lock(&lock);
	m->include = include;
	err = how == SOURCE_JOIN || how == SOURCE_BLOCK ? add_source(m, source) : remove_source(m, source);
	m->had_sources |= err == 0;
	bool none = include && m->nr_sources == 0;
	spin_unlock(&lock);
	if (none && err == 0)
		forget(at); /* from nobody */
	return err;
}

int inet_sources_set(struct inet_sock *in, const struct ipaddr *group, int ifindex, const struct inet_sources *s)
{
	struct inet_membership *m;

	if (s->include && s->nr == 0)
		return leave(in, group, ifindex);
	m = *find(in, group, ifindex);
	if (!ipaddr_is_multicast(group) || m == NULL)
		return -EINVAL;
	spin_lock(&lock);
	m->include = s->include;
	m->had_sources = s->nr > 0;
	m->nr_sources = (uint8_t)s->nr;
	memcpy(m->source, s->addr, s->nr * sizeof(m->source[0]));
	spin_unlock(&lock);
	return 0;
}

int inet_sources_get(struct inet_sock *in, const struct ipaddr *group, int ifindex, struct inet_sources *s)
{
	const struct inet_membership *m = *find(in, group, ifindex);

	if (m == NULL)
		return -EADDRNOTAVAIL;
	s->include = m->include;
	s->nr = m->nr_sources;
	memcpy(s->addr, m->source, s->nr * sizeof(s->addr[0]));
	return 0;
}

static int set_membership4(struct inet_sock *in, int name, const void *value, unsigned len)
{
	struct ip_mreqn req = {0};

	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&req, value, MIN((size_t)len, sizeof(req)));
	if (len < sizeof(req))
		req.imr_ifindex = 0;
	struct ipaddr group = ipaddr_v4(req.imr_multiaddr.s_addr), addr = ipaddr_v4(req.imr_address.s_addr);
	struct netif *nif = inet_group_interface(&group, req.imr_ifindex, &addr);
	if (name == IP_ADD_MEMBERSHIP)
		return join(in, &group, nif, false);
	bool named = req.imr_ifindex != 0 || req.imr_address.s_addr != 0;
	return leave(in, &group, named && nif != NULL ? nif->index : 0);
}

static int set_membership6(struct inet_sock *in, int name, const void *value, unsigned len)
{
	struct ipv6_mreq req;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, value, sizeof(req));
	struct ipaddr group = ipaddr_v6(&req.ipv6mr_multiaddr);
	if (name == IPV6_ADD_MEMBERSHIP)
		return join(in, &group, inet_group_interface(&group, (int)req.ipv6mr_interface, &IPADDR_ANY), false);
	return leave(in, &group, (int)req.ipv6mr_interface);
}

bool inet_group_addr(const struct sockaddr_storage *a, struct ipaddr *out)
{
	if (a->ss_family == AF_INET)
		*out = ipaddr_v4(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);
	else if (a->ss_family == AF_INET6)
		*out = ipaddr_v6(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
	else
		return false;
	return true;
}

/* MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP of both families. */
static int set_group_req(struct inet_sock *in, int name, const void *value, unsigned len)
{
	struct group_req req;
	struct ipaddr group;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, value, sizeof(req));
	if (!inet_group_addr(&req.gr_group, &group))
		return -EINVAL;
	if (name == MCAST_JOIN_GROUP)
		return join(in, &group, inet_group_interface(&group, (int)req.gr_interface, &IPADDR_ANY), false);
	return leave(in, &group, (int)req.gr_interface);
}

/* MCAST_JOIN_SOURCE_GROUP and its like, of both families. */
static int set_group_source(struct inet_sock *in, enum source_change how, const void *value, unsigned len)
{
	struct group_source_req req;
	struct ipaddr group, source;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, value, sizeof(req));
	if (req.gsr_group.ss_family != req.gsr_source.ss_family || !inet_group_addr(&req.gsr_group, &group) ||
	    !inet_group_addr(&req.gsr_source, &source))
		return -EADDRNOTAVAIL;
	return change_source(in, how, &group, &source,
			     inet_group_interface(&group, (int)req.gsr_interface, &IPADDR_ANY));
}

/* IP_ADD_SOURCE_MEMBERSHIP and its like. */
static int set_source4(struct inet_sock *in, enum source_change how, const void *value, unsigned len)
{
	struct ip_mreq_source req;

	if (len != sizeof(req))
		return -EINVAL;
	memcpy(&req, value, sizeof(req));
	struct ipaddr group = ipaddr_v4(req.imr_multiaddr.s_addr), addr = ipaddr_v4(req.imr_interface.s_addr);
	struct ipaddr source = ipaddr_v4(req.imr_sourceaddr.s_addr);
	return change_source(in, how, &group, &source, inet_group_interface(&group, 0, &addr));
}

static int set_interface4(struct inet_sock *in, const void *value, unsigned len)
{
	struct ip_mreqn req = {0};
	struct netif *nif = NULL;

	if (len < 4)
		return -EINVAL;
	if (len >= sizeof(req))
		memcpy(&req, value, sizeof(req));
	else
		memcpy(&req.imr_address, (const uint8_t *)value + (len >= sizeof(struct ip_mreq) ? 4 : 0), 4);
	struct ipaddr addr = ipaddr_v4(req.imr_address.s_addr);
	if (req.imr_ifindex != 0)
		nif = netif_by_index(req.imr_ifindex);
	else if (!ipaddr_is_any(&addr))
		nif = netif_owner_of(&addr);
	if (nif == NULL && (req.imr_ifindex != 0 || !ipaddr_is_any(&addr)))
		return -EADDRNOTAVAIL;
	in->mcast_if = nif != NULL ? nif->index : 0;
	in->mcast_src = addr;
	return 0;
}

static int set_interface6(struct inet_sock *in, const void *value, unsigned len)
{
	int v;

	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (v != 0 && netif_by_index(v) == NULL)
		return -ENODEV;
	in->mcast_if = v;
	return 0;
}

int inet_multicast_set(struct inet_sock *in, int level, int name, const void *value, unsigned len)
{
	int err = inet_msfilter_set(in, level, name, value, len);

	if (err != -ENOPROTOOPT)
		return err;
	switch (name) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return set_group_req(in, name, value, len);
	case MCAST_JOIN_SOURCE_GROUP:
		return set_group_source(in, SOURCE_JOIN, value, len);
	case MCAST_LEAVE_SOURCE_GROUP:
		return set_group_source(in, SOURCE_LEAVE, value, len);
	case MCAST_BLOCK_SOURCE:
		return set_group_source(in, SOURCE_BLOCK, value, len);
	case MCAST_UNBLOCK_SOURCE:
		return set_group_source(in, SOURCE_UNBLOCK, value, len);
	}
	if (level == IPPROTO_IP) {
		if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
			return set_membership4(in, name, value, len);
		if (name == IP_ADD_SOURCE_MEMBERSHIP)
			return set_source4(in, SOURCE_JOIN, value, len);
		if (name == IP_DROP_SOURCE_MEMBERSHIP)
			return set_source4(in, SOURCE_LEAVE, value, len);
		if (name == IP_BLOCK_SOURCE)
			return set_source4(in, SOURCE_BLOCK, value, len);
		if (name == IP_UNBLOCK_SOURCE)
			return set_source4(in, SOURCE_UNBLOCK, value, len);
		return name == IP_MULTICAST_IF ? set_interface4(in, value, len) : -ENOPROTOOPT;
	}
	if (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP)
		return set_membership6(in, name, value, len);
	return name == IPV6_MULTICAST_IF ? set_interface6(in, value, len) : -ENOPROTOOPT;
}
