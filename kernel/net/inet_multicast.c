/* SPDX-License-Identifier: MIT */
/* inet_multicast.c - see inet_multicast.h. An interface counts its members; a socket leaves what it joined when it
 * goes. */
#include "kernel/net/inet_multicast.h"

#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/net_priv.h"

/* The list of a socket's memberships changes under the socket's lock and this one; the classifier, which has not the
 * socket's, looks at it under this one. Data to groups alone comes here. */
static struct spinlock lock = SPINLOCK_INIT("memberships");

#define MEMBERSHIPS_MAX 20 /* net.ipv4.igmp_max_memberships */

struct inet_membership {
	struct inet_membership *next;
	struct ipaddr group;
	int ifindex;
};

/* The interface for a group: by index, by one of its addresses, or the one that multicast leaves by. */
static struct netif *interface_for(const struct ipaddr *group, int ifindex, const struct ipaddr *addr)
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

static int join(struct inet_sock *in, const struct ipaddr *group, struct netif *nif)
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
	*m = (struct inet_membership){.group = *group, .ifindex = nif->index, .next = in->memberships};
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

bool inet_wants_group(const struct inet_sock *in, const struct pbuf *p)
{
	/* Linux delivers a group's packets to all sockets of the port unless told otherwise, and so expect programs. */
	bool wants = in->mcast_all;

	spin_lock(&lock);
	for (const struct inet_membership *m = in->memberships; m != NULL && !wants; m = m->next)
		wants = ipaddr_eq(&m->group, &p->dst) &&
			(m->ifindex == p->netif->index || (p->netif->flags & IFF_LOOPBACK));
	spin_unlock(&lock);
	return wants;
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
	struct netif *nif = interface_for(&group, req.imr_ifindex, &addr);
	if (name == IP_ADD_MEMBERSHIP)
		return join(in, &group, nif);
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
		return join(in, &group, interface_for(&group, (int)req.ipv6mr_interface, &IPADDR_ANY));
	return leave(in, &group, (int)req.ipv6mr_interface);
}

/* MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP of both families. */
static int set_group_req(struct inet_sock *in, int name, const void *value, unsigned len)
{
	struct group_req req;
	struct ipaddr group;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, value, sizeof(req));
	if (req.gr_group.ss_family == AF_INET)
		group = ipaddr_v4(((struct sockaddr_in *)(void *)&req.gr_group)->sin_addr.s_addr);
	else if (req.gr_group.ss_family == AF_INET6)
		group = ipaddr_v6(&((struct sockaddr_in6 *)(void *)&req.gr_group)->sin6_addr);
	else
		return -EINVAL;
	if (name == MCAST_JOIN_GROUP)
		return join(in, &group, interface_for(&group, (int)req.gr_interface, &IPADDR_ANY));
	return leave(in, &group, (int)req.gr_interface);
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
	if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP)
		return set_group_req(in, name, value, len);
	if (level == IPPROTO_IP) {
		if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
			return set_membership4(in, name, value, len);
		return name == IP_MULTICAST_IF ? set_interface4(in, value, len) : -ENOPROTOOPT;
	}
	if (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP)
		return set_membership6(in, name, value, len);
	return name == IPV6_MULTICAST_IF ? set_interface6(in, value, len) : -ENOPROTOOPT;
}
