/* SPDX-License-Identifier: MIT */
/* inet_ioctl.c - interfaces and addresses by ioctl (netdevice(7)), for programs that do not speak netlink. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <stddef.h>

#include "kernel/fs/cred.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/inet.h"
#include "kernel/net/net_priv.h"

#define IFREQ_BYTES 40

_Static_assert(sizeof(struct ifreq) == IFREQ_BYTES, "layout of the system call");

static const struct netif_addr *first_v4(const struct netif *nif)
{
	for (unsigned i = 0; i < nif->nr_addrs; i++)
		if (ipaddr_is_v4(&nif->addr[i].addr))
			return &nif->addr[i];
	return NULL;
}

static void put_addr(struct sockaddr *sa, uint32_t v4)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = v4};

	memcpy(sa, &sin, sizeof(sin));
}

/* SIOCGIFCONF: all interfaces with an IPv4 address. */
static int list_all(uint64_t arg)
{
	struct ifconf c;
	uint32_t used = 0;

	if (copy_from_user(&c, (void *)arg, sizeof(c)) != 0)
		return -EFAULT;
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		for (unsigned i = 0; i < nif->nr_addrs; i++) {
			struct ifreq r = {0};
			if (!ipaddr_is_v4(&nif->addr[i].addr))
				continue;
			memcpy(r.ifr_name, nif->name, IFNAMSIZ);
			put_addr(&r.ifr_addr, nif->addr[i].addr.w[3]);
			if (c.ifc_buf != NULL) {
				if (used + sizeof(r) > (uint32_t)MAX(c.ifc_len, 0))
					break;
				if (copy_to_user(c.ifc_buf + used, &r, sizeof(r)) != 0)
					return -EFAULT;
			}
			used += (uint32_t)sizeof(r);
		}
	}
	c.ifc_len = (int)used;
	return copy_to_user((void *)arg, &c, sizeof(c));
}

static int get_addr(const struct netif *nif, unsigned cmd, struct ifreq *r)
{
	const struct netif_addr *a = first_v4(nif);
	uint32_t v4;

	if (a == NULL)
		return -EADDRNOTAVAIL;
	switch (cmd) {
	case SIOCGIFNETMASK:
		v4 = a->prefix == 96 ? 0 : htonl(0xffffffffu << (128 - a->prefix));
		break;
	case SIOCGIFBRDADDR:
		v4 = a->broadcast.w[3];
		break;
	default:
		v4 = a->addr.w[3];
	}
	put_addr(&r->ifr_addr, v4);
	return 0;
}

static int get(struct netif *nif, unsigned cmd, struct ifreq *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->ifr_flags = (short)nif->flags;
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = (int)nif->mtu;
		return 0;
	case SIOCGIFINDEX:
		r->ifr_ifindex = nif->index;
		return 0;
	case SIOCGIFMETRIC:
		r->ifr_metric = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->ifr_qlen = 1000;
		return 0;
	case SIOCGIFMAP:
		memset(&r->ifr_map, 0, sizeof(r->ifr_map));
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
		r->ifr_hwaddr.sa_family = nif->flags & IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
		memcpy(r->ifr_hwaddr.sa_data, nif->mac, 6);
		return 0;
	default:
		return get_addr(nif, cmd, r);
	}
}

static int set(struct netif *nif, unsigned cmd, const struct ifreq *r)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	switch (cmd) {
	case SIOCSIFFLAGS:
		netif_set_up(nif, r->ifr_flags & IFF_UP);
		return 0;
	case SIOCSIFMTU:
		if (r->ifr_mtu < 68 || r->ifr_mtu > 65536)
			return -EINVAL;
		nif->mtu = (uint32_t)r->ifr_mtu;
		route_invalidate_all();
		return 0;
	}
	return -EOPNOTSUPP;
}

static int by_name(unsigned cmd, uint64_t arg)
{
	struct ifreq r;
	struct netif *nif;
	int err;

	if (copy_from_user(&r, (void *)arg, sizeof(r)) != 0)
		return -EFAULT;
	if (cmd == SIOCGIFNAME) {
		nif = netif_by_index(r.ifr_ifindex);
		if (nif == NULL)
			return -ENODEV;
		memcpy(r.ifr_name, nif->name, IFNAMSIZ);
		return copy_to_user((void *)arg, &r, sizeof(r));
	}
	r.ifr_name[IFNAMSIZ - 1] = '\0';
	nif = netif_by_name(r.ifr_name);
	if (nif == NULL)
		return -ENODEV;
	if (cmd == SIOCETHTOOL)
		return -EOPNOTSUPP; /* as of a card whose driver has none of it */
	if (cmd == SIOCSIFFLAGS || cmd == SIOCSIFMTU)
		return set(nif, cmd, &r);
	err = get(nif, cmd, &r);
	return err != 0 ? err : copy_to_user((void *)arg, &r, sizeof(r));
}

int64_t inet_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
	(void)s;
	switch (cmd) {
	case SIOCGIFCONF:
		return list_all(arg);
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
	case SIOCSIFFLAGS:
	case SIOCSIFMTU:
	case SIOCETHTOOL:
		return by_name(cmd, arg);
	}
	return -ENOTTY;
}
