/* SPDX-License-Identifier: MIT */
/*
 * route.c - the routing table: longest prefix, then lowest metric; and what address to send from.
 * A VM has a handful of routes: an array, searched from one end to the other. Sockets keep what they found.
 * Addresses of interfaces are local routes by themselves, their prefixes routes on the link.
 * Looking one up takes no lock: sending to ever new destinations must not make two sockets wait for each other.
 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"

#define ROUTES_MAX 64

static struct route_entry table[ROUTES_MAX];
static unsigned nr_routes;
static struct spinlock lock = SPINLOCK_INIT("route"); /* writers */
static struct seqcount table_seq;
uint32_t route_generation;

void route_invalidate_all(void)
{
	__atomic_add_fetch(&route_generation, 1, __ATOMIC_RELEASE); /* pairs with route_is_valid */
}

static bool same_entry(const struct route_entry *a, const struct route_entry *b)
{
	return a->prefix == b->prefix && ipaddr_eq(&a->dst, &b->dst) && (b->netif == NULL || a->netif == b->netif) &&
	       (ipaddr_is_any(&b->gateway) || ipaddr_eq(&a->gateway, &b->gateway));
}

int route_add(const struct route_entry *e)
{
	int err = 0;
	unsigned i;

	spin_lock(&lock);
	for (i = 0; i < nr_routes; i++)
		if (same_entry(&table[i], e) && table[i].metric == e->metric)
			break;
	if (i == ROUTES_MAX) {
		err = -ENOSPC;
	} else {
		seq_write_begin(&table_seq);
		table[i] = *e;
		nr_routes = MAX(nr_routes, i + 1);
		seq_write_end(&table_seq);
	}
	spin_unlock(&lock);
	route_invalidate_all();
	if (err == 0)
		rtnetlink_tell_route(e, false);
	return err;
}

int route_delete(const struct route_entry *e)
{
	struct route_entry gone;
	int err = -ESRCH;

	spin_lock(&lock);
	for (unsigned i = 0; i < nr_routes && err != 0; i++) {
		if (!same_entry(&table[i], e))
			continue;
		gone = table[i];
		seq_write_begin(&table_seq);
		for (unsigned j = i + 1; j < nr_routes; j++)
			table[j - 1] = table[j];
		nr_routes--;
		seq_write_end(&table_seq);
		err = 0;
	}
	spin_unlock(&lock);
	route_invalidate_all();
	if (err == 0)
		rtnetlink_tell_route(&gone, true);
	return err;
}

bool route_get(unsigned n, struct route_entry *out)
{
	uint32_t seq;
	bool there;

	do {
		seq = seq_read_begin(&table_seq);
		there = n < nr_routes;
		*out = there ? table[n] : (struct route_entry){0};
	} while (seq_read_retry(&table_seq, seq));
	return there;
}

/* The best entry of the table; false if there is none. */
static bool search(const struct ipaddr *dst, int bound_if, struct route_entry *best)
{
	bool found = false, v4 = ipaddr_is_v4(dst);
	uint64_t now_ns = clock_monotonic_ns();
	struct route_entry e;

	for (unsigned i = 0; route_get(i, &e); i++) {
		if (ipaddr_is_v4(&e.dst) != v4 || !ipaddr_same_prefix(&e.dst, dst, e.prefix) ||
		    e.valid_until_ns < now_ns)
			continue;
		if (bound_if != 0 && (e.netif == NULL || e.netif->index != bound_if))
			continue;
		if (e.netif != NULL && !(e.netif->flags & IFF_UP))
			continue;
		if (found && (e.prefix < best->prefix || (e.prefix == best->prefix && e.metric >= best->metric)))
			continue;
		*best = e;
		found = true;
	}
	return found;
}

/* The address of nif with the longest prefix, beyond more_than, that dst has as well. False: none. */
static bool best_prefix(const struct netif *nif, const struct ipaddr *dst, int more_than, struct netif_addr *best)
{
	uint32_t seq;
	bool found;

	do {
		seq = seq_read_begin(&nif->seq);
		found = false;
		for (unsigned i = 0; i < nif->nr_addrs; i++) {
			const struct netif_addr *a = &nif->addr[i];
			bool host = a->prefix == 128 && !(nif->flags & IFF_LOOPBACK);
			if (host || a->state != NETIF_ADDR_READY || ipaddr_is_v4(&a->addr) != ipaddr_is_v4(dst) ||
			    !ipaddr_same_prefix(&a->addr, dst, a->prefix) ||
			    a->prefix <= (found ? (int)best->prefix : more_than))
				continue;
			*best = *a;
			found = true;
		}
	} while (seq_read_retry(&nif->seq, seq));
	return found;
}

/* The interface on whose link dst lies, by the prefix of one of its addresses. */
static bool on_link(const struct ipaddr *dst, int bound_if, struct route_entry *best)
{
	struct netif_addr a = {0};
	bool found = false;

	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		if (!(nif->flags & IFF_UP) || (bound_if != 0 && nif->index != bound_if) ||
		    !best_prefix(nif, dst, found ? (int)best->prefix : -1, &a))
			continue;
		*best = (struct route_entry){
			.dst = a.addr, .prefix = a.prefix, .type = RTN_UNICAST, .src = a.addr, .netif = nif};
		found = true;
	}
	return found;
}

/* Larger is better: same scope as the destination, not deprecated, longest common prefix (RFC 6724 section 5, in
 * short). 0: unusable. */
static unsigned source_score(const struct netif_addr *a, const struct ipaddr *dst)
{
	unsigned score = 1, common = 0;

	if (a->state != NETIF_ADDR_READY || ipaddr_is_v4(&a->addr) != ipaddr_is_v4(dst))
		return 0;
	if (ipaddr_is_link_local(&a->addr) == ipaddr_is_link_local(dst) ||
	    (ipaddr_is_multicast(dst) && (dst->b[1] & 0xf) == 2 && ipaddr_is_link_local(&a->addr)))
		score += 512;
	if (a->preferred_until_ns > clock_monotonic_ns())
		score += 256;
	while (common < 128 && ipaddr_same_prefix(&a->addr, dst, common + 1))
		common++;
	return score + common;
}

static bool choose_source(const struct netif *nif, const struct ipaddr *dst, struct ipaddr *src)
{
	unsigned best;
	uint32_t seq;

	do {
		seq = seq_read_begin(&nif->seq);
		best = 0;
		for (unsigned i = 0; i < nif->nr_addrs; i++) {
			unsigned score = source_score(&nif->addr[i], dst);
			/* The first IPv4 address of a subnet is the primary one. */
			if (score > best && (best == 0 || !ipaddr_is_v4(dst))) {
				best = score;
				*src = nif->addr[i].addr;
			}
		}
	} while (seq_read_retry(&nif->seq, seq));
	return best > 0;
}

/* Any address of ours of dst's family, for an interface without one (the weak end system model). */
static bool any_source(const struct ipaddr *dst, struct ipaddr *src)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (!(nif->flags & IFF_LOOPBACK) && choose_source(nif, dst, src))
			return true;
	return false;
}

static uint8_t type_of(const struct netif *nif, const struct ipaddr *dst)
{
	if (ipaddr_is_multicast(dst))
		return RTN_MULTICAST;
	return netif_is_broadcast(nif, dst) ? RTN_BROADCAST : RTN_UNICAST;
}

/* Where multicast and limited broadcast go without a route: out of the interface asked for, or the first real one. */
static struct netif *default_netif(int bound_if)
{
	if (bound_if != 0)
		return netif_by_index(bound_if);
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if ((nif->flags & IFF_UP) && !(nif->flags & IFF_LOOPBACK))
			return nif;
	return NULL;
}

static int lookup_local(const struct ipaddr *dst, struct netif *owner, struct route *out)
{
	(void)owner;
	out->netif = &loopback;
	out->type = RTN_LOCAL;
	out->src = out->next_hop = *dst;
	out->mtu = loopback.mtu;
	return 0;
}

int route_lookup(const struct ipaddr *dst, const struct ipaddr *src, int bound_if, struct route *out)
{
	struct route_entry e = {0}, link;
	struct netif *owner;
	struct ipaddr to = *dst;

	/* Generation first: a change meanwhile makes the result invalid at once. */
	*out = (struct route){.generation = __atomic_load_n(&route_generation, __ATOMIC_ACQUIRE)};
	if (ipaddr_is_any(&to)) /* "this host" (Linux takes it so) */
		to = ipaddr_is_v4(&to) ? ipaddr_v4(htonl(INADDR_LOOPBACK)) : (struct ipaddr){.b = {[15] = 1}};
	out->dst = to;
	if (!ipaddr_is_any(src) && netif_owner_of(src) == NULL && !ipaddr_is_multicast(src))
		return -EINVAL;
	owner = netif_owner_of(&to);
	if (owner != NULL && (bound_if == 0 || bound_if == owner->index || bound_if == loopback.index))
		return lookup_local(&to, owner, out);
	bool have = search(&to, bound_if, &e), direct = on_link(&to, bound_if, &link);
	if (direct && (!have || link.prefix >= e.prefix)) {
		e = link;
		have = true;
	}
	if (!have && (ipaddr_is_multicast(&to) || ipaddr_is_broadcast(&to) ||
		      (!ipaddr_is_v4(&to) && ipaddr_is_link_local(&to)))) {
		e = (struct route_entry){.type = RTN_UNICAST, .netif = default_netif(bound_if)};
		have = e.netif != NULL;
	}
	if (!have && bound_if != 0) { /* a device was named: all is on its link */
		e = (struct route_entry){.type = RTN_UNICAST, .netif = netif_by_index(bound_if)};
		have = e.netif != NULL && (e.netif->flags & IFF_UP);
	}
	if (!have)
		return -ENETUNREACH;
	if (e.type != RTN_UNICAST || e.netif == NULL)
		return e.type == RTN_BLACKHOLE ? -EINVAL : -EHOSTUNREACH;
	out->netif = e.netif;
	out->type = type_of(e.netif, &to);
	out->next_hop = ipaddr_is_any(&e.gateway) || out->type != RTN_UNICAST ? to : e.gateway;
	out->mtu = pmtu_lookup(&to, e.mtu != 0 ? MIN(e.mtu, e.netif->mtu) : e.netif->mtu);
	out->src = e.src;
	if (!ipaddr_is_any(src))
		out->src = *src;
	else if ((ipaddr_is_any(&e.src) || !ipaddr_is_v4(&to)) && !choose_source(e.netif, &to, &out->src) &&
		 !any_source(&to, &out->src)) {
		if (!ipaddr_is_v4(&to))
			return -EADDRNOTAVAIL;
		out->src = ipaddr_v4(0); /* DHCP sends like that */
	}
	return 0;
}
