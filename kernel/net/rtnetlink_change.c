/* SPDX-License-Identifier: MIT */
/* rtnetlink_change.c - requests of rtnetlink(7) that change something: a link up or down, its MTU, addresses, routes.
 */
#include <sys/socket.h>

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "kernel/fs/cred.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netlink.h"

#define MTU_MIN 68u
#define MTU_MAX 65536u

/* An address attribute of the request's family; false: not there. */
static bool find_addr(const uint8_t *attrs, unsigned bytes, uint16_t type, uint8_t family, struct ipaddr *out)
{
	const uint8_t *at = nl_find(attrs, bytes, type, family == AF_INET ? 4 : 16, NULL);
	uint32_t v4;

	if (at == NULL)
		return false;
	memcpy(&v4, at, 4);
	*out = family == AF_INET ? ipaddr_v4(v4) : ipaddr_v6(at);
	return true;
}

static uint32_t find_u32(const uint8_t *attrs, unsigned bytes, uint16_t type, uint32_t def)
{
	const void *at = nl_find(attrs, bytes, type, sizeof(def), NULL);

	if (at != NULL)
		memcpy(&def, at, sizeof(def));
	return def;
}

static int change_link(const uint8_t *body, unsigned bytes)
{
	struct ifinfomsg i;
	struct netif *nif;
	char name[IFNAMSIZ] = "";
	const char *at;
	unsigned len;
	uint32_t mtu;

	if (bytes < sizeof(i))
		return -EINVAL;
	memcpy(&i, body, sizeof(i));
	body += sizeof(i);
	bytes -= (unsigned)sizeof(i);
	at = nl_find(body, bytes, IFLA_IFNAME, 1, &len);
	if (at != NULL)
		memcpy(name, at, MIN(len, (unsigned)sizeof(name) - 1));
	nif = i.ifi_index != 0 ? netif_by_index(i.ifi_index) : netif_by_name(name);
	if (nif == NULL)
		return i.ifi_index == 0 && nl_find(body, bytes, IFLA_LINKINFO, 0, NULL) != NULL ? -EOPNOTSUPP : -ENODEV;
	mtu = find_u32(body, bytes, IFLA_MTU, nif->mtu);
	if (mtu < MTU_MIN || mtu > MTU_MAX)
		return -EINVAL;
	if (mtu != nif->mtu) {
		nif->mtu = mtu;
		route_invalidate_all();
		rtnetlink_tell_link(nif, 0);
	}
	if (i.ifi_change & IFF_UP)
		netif_set_up(nif, i.ifi_flags & IFF_UP);
	return 0;
}

static int change_addr(uint16_t type, const uint8_t *body, unsigned bytes)
{
	struct ifaddrmsg m;
	struct ipaddr addr;
	struct netif *nif;

	if (bytes < sizeof(m))
		return -EINVAL;
	memcpy(&m, body, sizeof(m));
	body += sizeof(m);
	bytes -= (unsigned)sizeof(m);
	if ((m.ifa_family != AF_INET && m.ifa_family != AF_INET6) ||
	    m.ifa_prefixlen > (m.ifa_family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (!find_addr(body, bytes, IFA_LOCAL, m.ifa_family, &addr) &&
	    !find_addr(body, bytes, IFA_ADDRESS, m.ifa_family, &addr))
		return -EINVAL;
	nif = netif_by_index((int)m.ifa_index);
	if (nif == NULL)
		return -ENODEV;
	if (type == RTM_DELADDR)
		return netif_del_addr(nif, &addr);
	if (ipaddr_is_any(&addr) || ipaddr_is_multicast(&addr))
		return -EINVAL;
	return netif_add_addr(nif, &addr, m.ifa_prefixlen, NETIF_ADDR_READY);
}

static int change_route(uint16_t type, const uint8_t *body, unsigned bytes)
{
	struct route_entry e = {.valid_until_ns = UINT64_MAX};
	struct rtmsg m;
	uint32_t oif;
	bool v4;

	if (bytes < sizeof(m))
		return -EINVAL;
	memcpy(&m, body, sizeof(m));
	body += sizeof(m);
	bytes -= (unsigned)sizeof(m);
	v4 = m.rtm_family == AF_INET;
	if ((!v4 && m.rtm_family != AF_INET6) || m.rtm_dst_len > (v4 ? 32 : 128))
		return -EINVAL;
	e.dst = v4 ? ipaddr_v4(0) : IPADDR_ANY;
	if (m.rtm_dst_len > 0 && !find_addr(body, bytes, RTA_DST, m.rtm_family, &e.dst))
		return -EINVAL;
	e.prefix = (uint8_t)(v4 ? m.rtm_dst_len + 96 : m.rtm_dst_len);
	e.type = m.rtm_type != 0 ? m.rtm_type : RTN_UNICAST;
	e.protocol = m.rtm_protocol;
	e.scope = m.rtm_scope;
	(void)find_addr(body, bytes, RTA_GATEWAY, m.rtm_family, &e.gateway);
	(void)find_addr(body, bytes, RTA_PREFSRC, m.rtm_family, &e.src);
	e.metric = find_u32(body, bytes, RTA_PRIORITY, v4 ? 0 : 1024);
	oif = find_u32(body, bytes, RTA_OIF, 0);
	if (oif != 0) {
		e.netif = netif_by_index((int)oif);
		if (e.netif == NULL)
			return -ENODEV;
	}
	if (type == RTM_DELROUTE)
		return route_delete(&e);
	if (e.netif == NULL && !ipaddr_is_any(&e.gateway)) {
		struct route r;
		if (route_lookup(&e.gateway, &IPADDR_ANY, 0, &r) != 0)
			return -ENETUNREACH;
		e.netif = r.netif;
	}
	if (e.netif == NULL && e.type == RTN_UNICAST)
		return -ENODEV;
	return route_add(&e);
}

int rtnetlink_change(const struct nlmsghdr *h, const uint8_t *body, unsigned bytes)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
		return change_link(body, bytes);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return change_addr(h->nlmsg_type, body, bytes);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return change_route(h->nlmsg_type, body, bytes);
	}
	return -EOPNOTSUPP;
}
