/* SPDX-License-Identifier: MIT */
/*
 * slaac.c - IPv6 addresses of an interface: link-local, by router advertisements (RFC 4862), duplicate detection;
 * default routers and MTU from advertisements (RFC 4861 section 6.3.4), DNS servers (RFC 8106).
 * All of it happens on the network thread, which is the lock: who receives an advertisement leaves it there.
 */
#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>

#include "kernel/net/ndp.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netconf.h"
#include "kernel/time/clock.h"

#define PROBE_INTERVAL_NS   NSEC_PER_SEC
#define ROUTER_SOLICITS_MAX 3
#define SOLICIT_INTERVAL_NS (4 * NSEC_PER_SEC)
#define TWO_HOURS_S         7200u
#define MTU_MIN             1280u
#define IFF_SLAAC_MAX       4
#define ADVERTS_MAX         16 /* that wait for the network thread; more are a storm */
/* What advertisements may take of an interface's addresses and of the routing table: anybody on the link can send them.
 */
#define PREFIXES_MAX 8u
#define ROUTERS_MAX  8u

#define OPT_SOURCE_LINK 1
#define OPT_PREFIX      3
#define OPT_MTU         5
#define OPT_DNS         25

struct router_advert {
	struct icmp6hdr icmp;
	uint32_t reachable_ms, retrans_ms;
};
struct prefix_option {
	uint8_t type, len, prefix, flags;
	uint32_t valid_s, preferred_s, reserved;
	uint8_t addr[16];
};
#define PREFIX_ON_LINK    0x80
#define PREFIX_AUTONOMOUS 0x40

/* One interface that configures itself. */
static struct slaac {
	struct netif *nif;
	bool probe, routers;
	unsigned solicits;
	uint64_t next_solicit_ns;
	bool heard; /* a router has answered */
} all[IFF_SLAAC_MAX];
static unsigned nr_all;
static struct ktimer timer;
static struct net_work work;

static struct {
	struct spinlock lock;
	struct pbuf_queue waiting;
	struct net_work work;
} adverts = {.lock = SPINLOCK_INIT("router adverts"), .waiting.last = &adverts.waiting.first};

static void take_adverts(struct net_work *w);

/* Modified EUI-64 (RFC 4291 appendix A). */
static void interface_id(const struct netif *nif, uint8_t id[8])
{
	const uint8_t *m = nif->mac;
	const uint8_t eui[8] = {(uint8_t)(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};

	memcpy(id, eui, 8);
}

static struct slaac *find(const struct netif *nif)
{
	for (unsigned i = 0; i < nr_all; i++)
		if (all[i].nif == nif)
			return &all[i];
	return NULL;
}

static void arm(uint64_t at_ns)
{
	if (!ktimer_armed(&timer) || at_ns < timer.deadline_ns)
		ktimer_arm(&timer, at_ns);
}

static void timer_fired(struct ktimer *t)
{
	(void)t;
	net_defer(&work);
}

static void add(struct slaac *s, const struct ipaddr *addr, unsigned prefix)
{
	enum netif_addr_state state = s->probe ? NETIF_ADDR_TENTATIVE : NETIF_ADDR_READY;

	if (netif_add_addr(s->nif, addr, prefix, state) == 0 && s->probe) {
		ndp_probe(s->nif, addr);
		arm(clock_monotonic_ns() + PROBE_INTERVAL_NS);
	}
}

/* Tentative addresses that nobody claimed for a second are ours. *gone: one whose time is over; true if there is any.
 */
static bool check_addrs(struct slaac *s, uint64_t now_ns, struct ipaddr *gone)
{
	struct netif *nif = s->nif;
	bool over = false;

	spin_lock(&nif->lock);
	for (unsigned i = 0; i < nif->nr_addrs; i++) {
		struct netif_addr *a = &nif->addr[i];
		if (ipaddr_is_v4(&a->addr))
			continue;
		if (a->valid_until_ns < now_ns) {
			*gone = a->addr;
			over = true;
		} else if (a->state == NETIF_ADDR_TENTATIVE) {
			if (a->probes++ > 0) {
				a->state = NETIF_ADDR_READY;
				route_invalidate_all();
				rtnetlink_tell_addr(nif, a, false);
			}
			arm(now_ns + PROBE_INTERVAL_NS);
		}
	}
	spin_unlock(&nif->lock);
	return over;
}

static void solicit(struct slaac *s, uint64_t now_ns)
{
	if (!s->routers || s->heard || s->solicits >= ROUTER_SOLICITS_MAX)
		return;
	if (now_ns >= s->next_solicit_ns) {
		ndp_solicit_routers(s->nif);
		s->solicits++;
		s->next_solicit_ns = now_ns + SOLICIT_INTERVAL_NS;
	}
	arm(s->next_solicit_ns);
}

static void run_timer(struct net_work *w)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct ipaddr gone;

	(void)w;
	for (unsigned i = 0; i < nr_all; i++) {
		while (check_addrs(&all[i], now_ns, &gone))
			(void)netif_del_addr(all[i].nif, &gone);
		solicit(&all[i], now_ns);
	}
}

void slaac_start(struct netif *nif, bool probe, bool routers)
{
	struct ipaddr local = {.b = {0xfe, 0x80}};
	struct slaac *s;

	if (nr_all == IFF_SLAAC_MAX)
		return;
	if (nr_all == 0) {
		ktimer_init_unlocked(&timer, timer_fired, NULL);
		work.fn = run_timer;
		adverts.work.fn = take_adverts;
	}
	s = &all[nr_all++];
	*s = (struct slaac){.nif = nif, .probe = probe, .routers = routers};
	interface_id(nif, local.b + 8);
	add(s, &local, 64);
	if (routers)
		arm(clock_monotonic_ns());
}

void ndp_duplicate(struct netif *nif, const struct ipaddr *addr)
{
	struct netif_addr *a;

	spin_lock(&nif->lock);
	a = netif_find_addr(nif, addr);
	/* One that is in use stays: a forged advertisement must not take it from us. */
	if (a != NULL && a->state == NETIF_ADDR_TENTATIVE)
		a->state = NETIF_ADDR_DUPLICATE;
	spin_unlock(&nif->lock);
}

static uint64_t until(uint32_t seconds)
{
	return seconds == UINT32_MAX ? UINT64_MAX : clock_monotonic_ns() + seconds * NSEC_PER_SEC;
}

static unsigned nr_prefixes(const struct netif *nif)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nif->nr_addrs; i++)
		n += nif->addr[i].dynamic && !ipaddr_is_v4(&nif->addr[i].addr);
	return n;
}

static void take_prefix(struct slaac *s, const struct prefix_option *o)
{
	struct ipaddr addr = ipaddr_v6(o->addr);
	uint32_t valid = ntohl(o->valid_s), preferred = ntohl(o->preferred_s);
	struct netif_addr *a;

	if (o->prefix != 64 || !(o->flags & PREFIX_AUTONOMOUS) || ipaddr_is_link_local(&addr) ||
	    ipaddr_is_multicast(&addr) || ipaddr_is_v4(&addr) || preferred > valid)
		return;
	interface_id(s->nif, addr.b + 8);
	if (valid > 0 && nr_prefixes(s->nif) < PREFIXES_MAX)
		add(s, &addr, 64);
	spin_lock(&s->nif->lock);
	a = netif_find_addr(s->nif, &addr);
	if (a != NULL) {
		a->dynamic = true;
		/* A forged advertisement cannot end an address at once (RFC 4862 section 5.5.3 e). */
		if (valid > TWO_HOURS_S || until(valid) > a->valid_until_ns || a->valid_until_ns == UINT64_MAX)
			a->valid_until_ns = until(MAX(valid, TWO_HOURS_S));
		a->preferred_until_ns = until(preferred);
	}
	spin_unlock(&s->nif->lock);
}

static void take_dns(const uint8_t *option, unsigned bytes)
{
	for (unsigned off = 8; off + 16 <= bytes; off += 16) {
		struct ipaddr server = ipaddr_v6(option + off);
		netconf_add_dns(&server);
	}
}

static void take_option(struct slaac *s, const uint8_t *at, unsigned bytes)
{
	struct prefix_option prefix;
	uint32_t mtu;

	if (at[0] == OPT_PREFIX && bytes == sizeof(prefix)) {
		memcpy(&prefix, at, sizeof(prefix));
		take_prefix(s, &prefix);
	} else if (at[0] == OPT_MTU && bytes == 8) {
		memcpy(&mtu, at + 4, 4);
		mtu = ntohl(mtu);
		if (mtu >= MTU_MIN && mtu < s->nif->mtu) {
			s->nif->mtu = mtu;
			route_invalidate_all();
		}
	} else if (at[0] == OPT_DNS && bytes >= 24) {
		take_dns(at, bytes);
	}
}

/* Is there room for this router, or is it known? What has expired goes. */
static bool has_room_for_router(const struct ipaddr *gateway)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct route_entry e;
	unsigned nr = 0;

	for (unsigned i = 0; route_get(i, &e);) {
		if (e.protocol == RTPROT_RA && e.valid_until_ns < now_ns && route_delete(&e) == 0)
			continue;
		if (e.protocol == RTPROT_RA && ipaddr_eq(&e.gateway, gateway))
			return true;
		nr += e.protocol == RTPROT_RA;
		i++;
	}
	return nr < ROUTERS_MAX;
}

static void take_router(struct slaac *s, const struct pbuf *p, uint16_t lifetime_s)
{
	struct route_entry e = {
		.type = RTN_UNICAST,
		.protocol = RTPROT_RA,
		.metric = 1024,
		.gateway = p->src,
		.netif = s->nif,
		.valid_until_ns = clock_monotonic_ns() + lifetime_s * NSEC_PER_SEC,
	};

	if (lifetime_s == 0)
		(void)route_delete(&e);
	else if (has_room_for_router(&p->src))
		(void)route_add(&e);
}

static void take_advert(struct pbuf *p)
{
	struct slaac *s = find(p->netif);
	struct router_advert h;
	const uint8_t *mac;
	bool fine;

	if (s == NULL || !s->routers)
		return;
	if (p->len < sizeof(h) || !ipaddr_is_link_local(&p->src)) {
		p->netif->stats.drop[NET_DROP_NDP_BAD]++;
		return;
	}
	memcpy(&h, p->data, sizeof(h));
	mac = ndp_link_option(p, sizeof(h), OPT_SOURCE_LINK, &fine);
	if (!fine) {
		p->netif->stats.drop[NET_DROP_NDP_BAD]++;
		return;
	}
	s->heard = true;
	if (mac != NULL)
		neigh_learn(p->netif, &p->src, mac, true, false, true);
	take_router(s, p, ntohs(h.icmp.icmp6_rt_lifetime));
	for (uint32_t off = sizeof(h); off + 8 <= p->head_len;) {
		unsigned bytes = p->data[off + 1] * 8u;
		if (bytes == 0 || off + bytes > p->head_len)
			break;
		take_option(s, p->data + off, bytes);
		off += bytes;
	}
}

static struct pbuf *next_advert(void)
{
	struct pbuf *p;

	spin_lock(&adverts.lock);
	p = pbuf_queue_pop(&adverts.waiting);
	spin_unlock(&adverts.lock);
	return p;
}

static void take_adverts(struct net_work *w)
{
	struct pbuf *p;

	(void)w;
	while ((p = next_advert()) != NULL) {
		take_advert(p);
		pbuf_put(p);
	}
}

void slaac_router_advert(struct pbuf *p)
{
	bool taken;

	spin_lock(&adverts.lock);
	taken = nr_all > 0 && adverts.waiting.nr < ADVERTS_MAX;
	if (taken)
		pbuf_queue_push(&adverts.waiting, pbuf_get(p));
	spin_unlock(&adverts.lock);
	if (taken)
		net_defer(&adverts.work);
}
