/* SPDX-License-Identifier: MIT */
/*
 * netif_addr.c - addresses of interfaces and the groups they have joined. Each packet asks whether it is for us, so
 * readers take no lock: nif->seq.
 */
#include <endian.h>
#include <errno.h>

#include "kernel/net/group_report.h"
#include "kernel/net/net_priv.h"

struct netif_addr *netif_find_addr(struct netif *nif, const struct ipaddr *addr)
{
	for (unsigned i = 0; i < nif->nr_addrs; i++)
		if (ipaddr_eq(&nif->addr[i].addr, addr))
			return &nif->addr[i];
	return NULL;
}

static struct ipaddr broadcast_of(const struct ipaddr *addr, unsigned prefix)
{
	return ipaddr_v4(prefix >= 31 ? 0 : addr->w[3] | htonl(0xffffffffu >> prefix));
}

int netif_add_addr(struct netif *nif, const struct ipaddr *addr, unsigned prefix, enum netif_addr_state state)
{
	bool v4 = ipaddr_is_v4(addr);
	struct netif_addr added;
	int err = 0;

	spin_lock(&nif->lock);
	if (netif_find_addr(nif, addr) != NULL) {
		err = -EEXIST;
	} else if (nif->nr_addrs == NETIF_ADDRS_MAX) {
		err = -ENOSPC;
	} else {
		struct netif_addr *a = &nif->addr[nif->nr_addrs];
		seq_write_begin(&nif->seq);
		*a = (struct netif_addr){
			.addr = *addr,
			.prefix = (uint8_t)(v4 ? prefix + 96 : prefix),
			.state = (uint8_t)state,
			.valid_until_ns = UINT64_MAX,
			.preferred_until_ns = UINT64_MAX,
		};
		if (v4 && !(nif->flags & IFF_LOOPBACK))
			a->broadcast = broadcast_of(addr, prefix);
		added = *a;
		nif->nr_addrs++;
		seq_write_end(&nif->seq);
	}
	spin_unlock(&nif->lock);
	route_invalidate_all();
	if (err == 0)
		rtnetlink_tell_addr(nif, &added, false);
	return err;
}

int netif_del_addr(struct netif *nif, const struct ipaddr *addr)
{
	struct netif_addr *a, gone;

	spin_lock(&nif->lock);
	a = netif_find_addr(nif, addr);
	seq_write_begin(&nif->seq);
	if (a != NULL) {
		gone = *a;
		*a = nif->addr[--nif->nr_addrs];
	}
	seq_write_end(&nif->seq);
	spin_unlock(&nif->lock);
	route_invalidate_all();
	if (a != NULL)
		rtnetlink_tell_addr(nif, &gone, true);
	return a != NULL ? 0 : -EADDRNOTAVAIL;
}

/* The first and last address of 127/8. */
static bool is_loopback_broadcast(const struct ipaddr *addr)
{
	return addr->w[3] == htonl(0x7f000000) || addr->w[3] == htonl(0x7fffffff);
}

/* All of 127/8 is the loopback interface's own. */
static bool has_addr(struct netif *nif, const struct ipaddr *addr)
{
	const struct netif_addr *a;
	bool found, usable;
	uint32_t seq;

	do {
		seq = seq_read_begin(&nif->seq);
		a = netif_find_addr(nif, addr);
		found = a != NULL;
		usable = found && a->state == NETIF_ADDR_READY;
	} while (seq_read_retry(&nif->seq, seq));
	if (found)
		return usable;
	return (nif->flags & IFF_LOOPBACK) && ipaddr_is_v4(addr) && ipaddr_is_loopback(addr) &&
	       !is_loopback_broadcast(addr);
}

struct netif *netif_owner_of(const struct ipaddr *addr)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (has_addr(nif, addr))
			return nif;
	return NULL;
}

static bool has_group(const struct netif *nif, const struct ipaddr *group)
{
	uint32_t seq;
	bool found;

	do {
		seq = seq_read_begin(&nif->seq);
		found = false;
		for (unsigned i = 0; i < nif->nr_groups; i++)
			found |= ipaddr_eq(&nif->group[i].group, group);
	} while (seq_read_retry(&nif->seq, seq));
	return found;
}

static bool is_subnet_broadcast(const struct netif *nif, const struct ipaddr *dst)
{
	uint32_t seq;
	bool found;

	if (!ipaddr_is_v4(dst))
		return false;
	do {
		seq = seq_read_begin(&nif->seq);
		found = false;
		for (unsigned i = 0; i < nif->nr_addrs; i++)
			found |= !ipaddr_is_any(&nif->addr[i].broadcast) && ipaddr_eq(&nif->addr[i].broadcast, dst);
	} while (seq_read_retry(&nif->seq, seq));
	return found;
}

bool netif_is_broadcast(const struct netif *nif, const struct ipaddr *dst)
{
	if ((nif->flags & IFF_LOOPBACK) && ipaddr_is_v4(dst) && is_loopback_broadcast(dst))
		return true;
	return ipaddr_is_broadcast(dst) || is_subnet_broadcast(nif, dst);
}

/* ff02::1, all nodes, and the solicited-node group of an address (RFC 4291 section 2.7.1). */
static bool is_own_multicast6(const struct netif *nif, const struct ipaddr *dst)
{
	static const uint8_t solicited[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	uint32_t seq;
	bool found;

	if (dst->q[1] == htobe64(1) && dst->b[0] == 0xff && (dst->b[1] == 1 || dst->b[1] == 2))
		return true;
	if (memcmp(dst->b, solicited, sizeof(solicited)) != 0)
		return false;
	do {
		seq = seq_read_begin(&nif->seq);
		found = false;
		for (unsigned i = 0; i < nif->nr_addrs; i++)
			found |= memcmp(nif->addr[i].addr.b + 13, dst->b + 13, 3) == 0;
	} while (seq_read_retry(&nif->seq, seq));
	return found;
}

bool netif_accepts(struct netif *nif, const struct ipaddr *dst)
{
	if (has_addr(nif, dst) || netif_is_broadcast(nif, dst))
		return true;
	if (!ipaddr_is_multicast(dst))
		/* The weak end system model, as Linux: an address of another interface is ours as well. */
		return !ipaddr_is_loopback(dst) && netif_owner_of(dst) != NULL;
	if (dst->w[3] == htonl(0xe0000001) && ipaddr_is_v4(dst))
		return true; /* all hosts */
	return has_group(nif, dst) || (!ipaddr_is_v4(dst) && is_own_multicast6(nif, dst));
}

int netif_join(struct netif *nif, const struct ipaddr *group)
{
	bool first = false;
	int err = 0;

	spin_lock(&nif->lock);
	for (unsigned i = 0; i < nif->nr_groups; i++) {
		if (ipaddr_eq(&nif->group[i].group, group)) {
			nif->group[i].refs++;
			goto out;
		}
	}
	if (nif->nr_groups == NETIF_MULTICAST_MAX) {
		err = -ENOBUFS;
	} else {
		seq_write_begin(&nif->seq);
		nif->group[nif->nr_groups].group = *group;
		nif->group[nif->nr_groups++].refs = 1;
		seq_write_end(&nif->seq);
		first = true;
	}
out:
	spin_unlock(&nif->lock);
	if (first)
		group_joined(nif, group);
	return err;
}

int netif_leave(struct netif *nif, const struct ipaddr *group)
{
	int err = -EADDRNOTAVAIL;
	bool last = false;

	spin_lock(&nif->lock);
	for (unsigned i = 0; i < nif->nr_groups; i++) {
		if (!ipaddr_eq(&nif->group[i].group, group))
			continue;
		seq_write_begin(&nif->seq);
		last = --nif->group[i].refs == 0;
		if (last)
			nif->group[i] = nif->group[--nif->nr_groups];
		seq_write_end(&nif->seq);
		err = 0;
		break;
	}
	spin_unlock(&nif->lock);
	if (last)
		group_left(nif, group);
	return err;
}
