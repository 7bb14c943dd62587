/* SPDX-License-Identifier: MIT */
/* rtnetlink.c - interfaces, addresses, routes and neighbours as rtnetlink(7) tells them. Changes: rtnetlink_change.c.
 */
#include <sys/socket.h>

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netlink.h"
#include "kernel/time/clock.h"

#define FAMILY_ANY 0

static bool wants(uint8_t family, const struct ipaddr *a)
{
	return family == FAMILY_ANY || (family == AF_INET) == ipaddr_is_v4(a);
}

/* An address as an attribute: 4 or 16 bytes. */
static void put_addr(struct nl_reply *r, uint16_t type, const struct ipaddr *a)
{
	bool v4 = ipaddr_is_v4(a);

	nl_put(r, type, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
}

static unsigned shown_prefix(const struct ipaddr *a, unsigned prefix)
{
	return ipaddr_is_v4(a) ? prefix - 96 : prefix;
}

/* ---- links ---- */

static void put_stats(struct nl_reply *r, const struct netif *nif)
{
	const struct netif_traffic t = netif_traffic(nif);
	const struct netif_stats *st = &nif->stats;
	struct rtnl_link_stats64 s = {
		.rx_packets = t.rx_packets,
		.tx_packets = t.tx_packets,
		.rx_bytes = t.rx_bytes,
		.tx_bytes = t.tx_bytes,
		.rx_errors = st->rx_errors,
		.tx_errors = st->tx_errors,
		.rx_dropped = st->rx_dropped,
		.tx_dropped = st->tx_dropped,
		.multicast = st->rx_multicast,
	};

	nl_put(r, IFLA_STATS64, &s, sizeof(s));
}

static void put_link(struct nl_reply *r, const struct netif *nif, unsigned change)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, none[6];
	bool lo = nif->flags & IFF_LOOPBACK, running = nif->flags & IFF_RUNNING;
	struct ifinfomsg *i = nl_begin(r, RTM_NEWLINK, sizeof(*i));

	if (i == NULL)
		return;
	i->ifi_type = lo ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
	i->ifi_index = nif->index;
	i->ifi_change = change;
	i->ifi_flags = nif->flags | (running ? 1u << 16 /* IFF_LOWER_UP */ : 0);
	nl_put_string(r, IFLA_IFNAME, nif->name);
	nl_put_u32(r, IFLA_TXQLEN, 1000);
	nl_put_u8(r, IFLA_OPERSTATE, lo ? IF_OPER_UNKNOWN : running ? IF_OPER_UP : IF_OPER_DOWN);
	nl_put_u8(r, IFLA_LINKMODE, 0);
	nl_put_u32(r, IFLA_MTU, nif->mtu);
	nl_put_u32(r, IFLA_GROUP, 0);
	nl_put_u32(r, IFLA_PROMISCUITY, 0);
	nl_put_u32(r, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(r, IFLA_NUM_RX_QUEUES, 1);
	nl_put_u8(r, IFLA_CARRIER, running);
	nl_put_string(r, IFLA_QDISC, "noqueue");
	nl_put(r, IFLA_ADDRESS, lo ? none : nif->mac, 6);
	nl_put(r, IFLA_BROADCAST, lo ? none : all, 6);
	put_stats(r, nif);
	nl_end(r);
}

static int get_link(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	struct ifinfomsg i = {0};
	struct netif *nif;
	const char *name;
	unsigned len;
	char text[IFNAMSIZ] = "";

	memcpy(&i, body, MIN(bytes, (unsigned)sizeof(i)));
	if (r->multi) {
		for (nif = netif_first(); nif != NULL; nif = nif->next)
			put_link(r, nif, 0);
		return 0;
	}
	if (bytes < sizeof(i))
		return -EINVAL;
	name = nl_find(body + sizeof(i), bytes - (unsigned)sizeof(i), IFLA_IFNAME, 1, &len);
	if (name != NULL)
		memcpy(text, name, MIN(len, (unsigned)sizeof(text) - 1));
	nif = i.ifi_index != 0 ? netif_by_index(i.ifi_index) : netif_by_name(text);
	if (nif == NULL)
		return -ENODEV;
	put_link(r, nif, 0);
	return 0;
}

/* ---- addresses ---- */

static uint8_t scope_of(const struct ipaddr *a)
{
	if (ipaddr_is_loopback(a))
		return RT_SCOPE_HOST;
	return ipaddr_is_link_local(a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static uint32_t seconds_until(uint64_t at_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (at_ns == UINT64_MAX)
		return UINT32_MAX;
	return at_ns > now_ns ? (uint32_t)((at_ns - now_ns) / NSEC_PER_SEC) : 0;
}

static void put_address(struct nl_reply *r, uint16_t message, const struct netif *nif, const struct netif_addr *a)
{
	bool v4 = ipaddr_is_v4(&a->addr);
	struct ifa_cacheinfo c = {.ifa_prefered = seconds_until(a->preferred_until_ns),
				  .ifa_valid = seconds_until(a->valid_until_ns)};
	uint32_t flags = a->dynamic ? 0 : IFA_F_PERMANENT;
	struct ifaddrmsg *m = nl_begin(r, message, sizeof(*m));

	if (m == NULL)
		return;
	if (a->state == NETIF_ADDR_TENTATIVE)
		flags |= IFA_F_TENTATIVE;
	if (a->state == NETIF_ADDR_DUPLICATE)
		flags |= IFA_F_TENTATIVE | IFA_F_DADFAILED;
	m->ifa_family = v4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = (uint8_t)shown_prefix(&a->addr, a->prefix);
	m->ifa_flags = (uint8_t)flags;
	m->ifa_scope = scope_of(&a->addr);
	m->ifa_index = (uint32_t)nif->index;
	put_addr(r, IFA_ADDRESS, &a->addr);
	if (v4) {
		put_addr(r, IFA_LOCAL, &a->addr);
		if (a->broadcast.w[3] != 0)
			put_addr(r, IFA_BROADCAST, &a->broadcast);
		nl_put_string(r, IFA_LABEL, nif->name);
	}
	nl_put_u32(r, IFA_FLAGS, flags);
	nl_put(r, IFA_CACHEINFO, &c, sizeof(c));
	nl_end(r);
}

static int get_addresses(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	struct ifaddrmsg m = {0};

	memcpy(&m, body, MIN(bytes, (unsigned)sizeof(m)));
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		for (unsigned i = 0; i < nif->nr_addrs; i++)
			if (wants(m.ifa_family, &nif->addr[i].addr))
				put_address(r, RTM_NEWADDR, nif, &nif->addr[i]);
	return 0;
}

/* ---- routes ---- */

static void put_route(struct nl_reply *r, uint16_t message, const struct route_entry *e, uint8_t type, uint8_t table)
{
	struct rtmsg *m = nl_begin(r, message, sizeof(*m));

	if (m == NULL)
		return;
	m->rtm_family = ipaddr_is_v4(&e->dst) ? AF_INET : AF_INET6;
	m->rtm_dst_len = (uint8_t)shown_prefix(&e->dst, e->prefix);
	m->rtm_table = table;
	m->rtm_protocol = e->protocol;
	m->rtm_scope = e->scope;
	m->rtm_type = type;
	nl_put_u32(r, RTA_TABLE, table);
	if (m->rtm_dst_len > 0)
		put_addr(r, RTA_DST, &e->dst);
	if (!ipaddr_is_any(&e->gateway))
		put_addr(r, RTA_GATEWAY, &e->gateway);
	if (!ipaddr_is_any(&e->src))
		put_addr(r, RTA_PREFSRC, &e->src);
	if (e->netif != NULL)
		nl_put_u32(r, RTA_OIF, (uint32_t)e->netif->index);
	if (e->metric != 0)
		nl_put_u32(r, RTA_PRIORITY, e->metric);
	nl_end(r);
}

/* The prefix of an address is a route on the link. */
static bool link_route(struct netif *nif, const struct netif_addr *a, struct route_entry *e)
{
	if ((nif->flags & IFF_LOOPBACK) || a->prefix == 128 || !(nif->flags & IFF_UP))
		return false;
	*e = (struct route_entry){
		.dst = a->addr,
		.prefix = a->prefix,
		.protocol = RTPROT_KERNEL,
		.scope = ipaddr_is_v4(&a->addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.src = ipaddr_is_v4(&a->addr) ? a->addr : IPADDR_ANY,
		.metric = ipaddr_is_v4(&a->addr) ? 0 : 256,
		.netif = nif,
	};
	for (unsigned i = 0; i < 128; i++)
		if (i >= a->prefix)
			e->dst.b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return true;
}

bool route_get_link(unsigned n, struct route_entry *out)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		for (unsigned i = 0; i < nif->nr_addrs; i++)
			if (link_route(nif, &nif->addr[i], out) && n-- == 0)
				return true;
	return false;
}

static void dump_routes(struct nl_reply *r, uint8_t family)
{
	struct route_entry e;

	for (unsigned i = 0; route_get(i, &e); i++)
		if (wants(family, &e.dst))
			put_route(r, RTM_NEWROUTE, &e, e.type, RT_TABLE_MAIN);
	for (unsigned i = 0; route_get_link(i, &e); i++)
		if (wants(family, &e.dst))
			put_route(r, RTM_NEWROUTE, &e, RTN_UNICAST, RT_TABLE_MAIN);
}

/* RTM_GETROUTE for one destination: `ip route get`. */
static int find_route(struct nl_reply *r, const struct rtmsg *m, const uint8_t *attrs, unsigned bytes)
{
	unsigned want = m->rtm_family == AF_INET ? 4 : 16;
	const uint8_t *dst = nl_find(attrs, bytes, RTA_DST, want, NULL);
	struct route_entry e = {.prefix = 128};
	struct route route;
	uint32_t v4;
	int err;

	if (dst == NULL || (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return -EINVAL;
	memcpy(&v4, dst, 4);
	e.dst = want == 4 ? ipaddr_v4(v4) : ipaddr_v6(dst);
	err = route_lookup(&e.dst, &IPADDR_ANY, 0, &route);
	if (err != 0)
		return err;
	e.netif = route.netif;
	e.src = route.src;
	if (!ipaddr_eq(&route.next_hop, &route.dst))
		e.gateway = route.next_hop;
	put_route(r, RTM_NEWROUTE, &e, route.type, route.type == RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
	return 0;
}

static int get_routes(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	struct rtmsg m = {0};

	memcpy(&m, body, MIN(bytes, (unsigned)sizeof(m)));
	if (r->multi) {
		dump_routes(r, m.rtm_family);
		return 0;
	}
	if (bytes < sizeof(m))
		return -EINVAL;
	return find_route(r, &m, body + sizeof(m), bytes - (unsigned)sizeof(m));
}

/* ---- neighbours ---- */

static int get_neighbours(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	static const uint16_t state[] = {
		[NEIGH_INCOMPLETE] = NUD_INCOMPLETE, [NEIGH_REACHABLE] = NUD_REACHABLE, [NEIGH_STALE] = NUD_STALE,
		[NEIGH_DELAY] = NUD_DELAY,           [NEIGH_PROBE] = NUD_PROBE,
	};
	struct ndmsg want = {0};
	struct neigh_info n;

	memcpy(&want, body, MIN(bytes, (unsigned)sizeof(want)));
	for (unsigned i = 0; neigh_get(i, &n); i++) {
		if (!wants(want.ndm_family, &n.addr) || (want.ndm_ifindex != 0 && want.ndm_ifindex != n.ifindex))
			continue;
		struct ndmsg *m = nl_begin(r, RTM_NEWNEIGH, sizeof(*m));
		if (m == NULL)
			return 0;
		m->ndm_family = ipaddr_is_v4(&n.addr) ? AF_INET : AF_INET6;
		m->ndm_ifindex = n.ifindex;
		m->ndm_state = state[n.state];
		m->ndm_type = RTN_UNICAST;
		put_addr(r, NDA_DST, &n.addr);
		if (n.state != NEIGH_INCOMPLETE)
			nl_put(r, NDA_LLADDR, n.mac, 6);
		nl_end(r);
	}
	return 0;
}

/* ---- notifications ---- */

void rtnetlink_tell_link(const struct netif *nif, unsigned changed)
{
	struct nl_reply r = {0};

	if (!netlink_has_listeners(RTNLGRP_LINK))
		return;
	put_link(&r, nif, changed);
	netlink_notify(RTNLGRP_LINK, &r);
}

void rtnetlink_tell_addr(const struct netif *nif, const struct netif_addr *a, bool gone)
{
	unsigned group = ipaddr_is_v4(&a->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
	struct nl_reply r = {0};

	if (!netlink_has_listeners(group))
		return;
	put_address(&r, gone ? RTM_DELADDR : RTM_NEWADDR, nif, a);
	netlink_notify(group, &r);
}

void rtnetlink_tell_route(const struct route_entry *e, bool gone)
{
	unsigned group = ipaddr_is_v4(&e->dst) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
	struct nl_reply r = {0};

	if (!netlink_has_listeners(group))
		return;
	put_route(&r, gone ? RTM_DELROUTE : RTM_NEWROUTE, e, e->type, RT_TABLE_MAIN);
	netlink_notify(group, &r);
}

int rtnetlink_request(struct nl_reply *r, const struct nlmsghdr *h, const uint8_t *body, unsigned bytes)
{
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		return get_link(r, body, bytes);
	case RTM_GETADDR:
		return get_addresses(r, body, bytes);
	case RTM_GETROUTE:
		return get_routes(r, body, bytes);
	case RTM_GETNEIGH:
		return get_neighbours(r, body, bytes);
	case RTM_GETQDISC:
	case RTM_GETRULE:
	case RTM_GETNEXTHOP:
		return r->multi ? 0 : -EOPNOTSUPP; /* there are none */
	default:
		return rtnetlink_change(h, body, bytes);
	}
}
