/* SPDX-License-Identifier: MIT */
/*
 * neigh.c - see neigh.h. One timer for all entries: it runs once a second while some entry waits for an answer.
 * A route remembers the link address that was found for it, for TRUST_NS and while no address has changed: so two
 * connections do not meet at the table's lock.
 */
#include "kernel/net/neigh.h"

#include <errno.h>
#include <time.h> /* before errqueue.h, which does not include it */

#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/ether.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"
#include "lib/list.h"

#define REACHABLE_NS (30 * NSEC_PER_SEC)
#define DELAY_NS     (5 * NSEC_PER_SEC)
#define PROBE_NS     (1 * NSEC_PER_SEC)
#define PROBES_MAX   3u
#define CHAINS       64u
#define TRUST_NS     (1 * NSEC_PER_SEC)

struct neighbour {
	struct list link;
	struct netif *nif;
	struct ipaddr addr;
	uint8_t mac[6];
	uint8_t state; /* enum neigh_state */
	uint8_t probes;
	uint64_t until_ns; /* REACHABLE, DELAY: end of the state. INCOMPLETE, PROBE: next question */
	uint64_t used_ns;
	struct pbuf_queue waiting;
};

static struct list chains[CHAINS];
static unsigned nr_entries;
static struct spinlock lock = SPINLOCK_INIT("neigh");
static struct ktimer timer;
static struct net_work work;
static uint32_t generation = 1; /* grows when what routes remember may be wrong; never 0 */

static struct list *chain_of(const struct ipaddr *addr)
{
	return &chains[siphash13_words(net_secret(), addr->q, 2) % CHAINS];
}

static struct neighbour *find(struct netif *nif, const struct ipaddr *addr)
{
	list_for_each (n, chain_of(addr), link, struct neighbour)
		if (n->nif == nif && ipaddr_eq(&n->addr, addr))
			return n;
	return NULL;
}

static void forget_remembered(void)
{
	uint32_t next = generation + 1;

	__atomic_store_n(&generation, next != 0 ? next : 1, __ATOMIC_RELEASE);
}

/* Unlinked; its packets are returned, for they are given up without the lock. */
static struct pbuf *forget(struct neighbour *n)
{
	struct pbuf *waiting = n->waiting.first;

	forget_remembered();
	list_remove(&n->link);
	nr_entries--;
	kfree(n);
	return waiting;
}

static struct neighbour *least_used(void)
{
	struct neighbour *least = NULL;

	for (unsigned i = 0; i < CHAINS; i++)
		list_for_each (n, &chains[i], link, struct neighbour)
			if (least == NULL || n->used_ns < least->used_ns)
				least = n;
	return least;
}

static struct neighbour *create(struct netif *nif, const struct ipaddr *addr, struct pbuf **given_up)
{
	struct neighbour *n;

	*given_up = nr_entries >= NEIGH_MAX ? forget(least_used()) : NULL;
	n = kzalloc(sizeof(*n));
	if (n == NULL)
		return NULL;
	n->nif = nif;
	n->addr = *addr;
	n->used_ns = clock_monotonic_ns();
	pbuf_queue_init(&n->waiting);
	list_push_back(chain_of(addr), &n->link);
	nr_entries++;
	return n;
}

static void solicit(struct netif *nif, const struct ipaddr *addr, const uint8_t *dst)
{
	if (ipaddr_is_v4(addr))
		arp_solicit(nif, addr, dst);
	else
		ndp_solicit(nif, addr, dst);
}

static uint16_t ether_type(const struct ipaddr *addr)
{
	return ipaddr_is_v4(addr) ? ETH_P_IP : ETH_P_IPV6;
}

static void send_to(struct netif *nif, struct pbuf *p, const uint8_t mac[6], const struct ipaddr *next_hop)
{
	ether_output(nif, p, mac, ether_type(next_hop));
}

/* Nobody answered: each packet's socket hears of it as if a router had said so. */
static void give_up(struct netif *nif, struct pbuf *p)
{
	while (p != NULL) {
		struct pbuf *next = p->next;
		p->next = NULL;
		nif->stats.tx_dropped++;
		nif->stats.drop[NET_DROP_NO_NEIGHBOUR]++;
		ip_report_unreachable(p, EHOSTUNREACH);
		pbuf_put(p);
		p = next;
	}
}

/* ---- the timer ---- */

static void timer_fired(struct ktimer *t)
{
	(void)t;
	net_defer(&work);
}

static bool waits(const struct neighbour *n)
{
	return n->state != NEIGH_REACHABLE && n->state != NEIGH_STALE;
}

/* One entry whose time has come. What to do about it without the lock: *ask, and packets to give up. */
static struct pbuf *step(struct neighbour *n, uint64_t now_ns, bool *ask)
{
	*ask = false;
	if (n->state == NEIGH_DELAY) {
		n->state = NEIGH_PROBE;
		n->probes = 0;
	}
	if (n->probes >= PROBES_MAX)
		return forget(n);
	n->probes++;
	n->until_ns = now_ns + PROBE_NS;
	*ask = true;
	return NULL;
}

/* The first entry that is due, worked on. False: none is. */
static bool work_on_one(uint64_t now_ns)
{
	struct neighbour *due = NULL, copy;
	struct pbuf *lost = NULL;
	bool ask = false;

	spin_lock(&lock);
	for (unsigned i = 0; i < CHAINS && due == NULL; i++)
		list_for_each (n, &chains[i], link, struct neighbour)
			if (waits(n) && n->until_ns <= now_ns)
				due = n;
	if (due != NULL) {
		copy = *due;
		lost = step(due, now_ns, &ask);
	}
	spin_unlock(&lock);
	if (due == NULL)
		return false;
	give_up(copy.nif, lost);
	if (ask)
		solicit(copy.nif, &copy.addr, copy.state == NEIGH_INCOMPLETE ? NULL : copy.mac);
	return true;
}

/* Lock held. */
static void arm(void)
{
	if (!ktimer_armed(&timer))
		ktimer_arm(&timer, clock_monotonic_ns() + PROBE_NS);
}

static void run_timer(struct net_work *w)
{
	uint64_t now_ns = clock_monotonic_ns();
	bool any = false;

	(void)w;
	while (work_on_one(now_ns))
		;
	spin_lock(&lock);
	for (unsigned i = 0; i < CHAINS && !any; i++)
		list_for_each (n, &chains[i], link, struct neighbour)
			any |= waits(n);
	if (any)
		arm();
	spin_unlock(&lock);
}

void neigh_init(void)
{
	for (unsigned i = 0; i < CHAINS; i++)
		list_init(&chains[i]);
	ktimer_init_unlocked(&timer, timer_fired, NULL);
	work.fn = run_timer;
}

/* ---- sending ---- */

static void multicast_mac(const struct ipaddr *group, uint8_t mac[6])
{
	if (ipaddr_is_v4(group)) { /* RFC 1112 section 6.4 */
		const uint8_t m[6] = {0x01, 0x00, 0x5e, group->b[13] & 0x7f, group->b[14], group->b[15]};
		memcpy(mac, m, 6);
	} else { /* RFC 2464 section 7 */
		const uint8_t m[6] = {0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15]};
		memcpy(mac, m, 6);
	}
}

/* The entry's link address if it has one, else p is queued (or dropped: -ENOBUFS). Lock held. 1: *mac is set. */
static int use_entry(struct neighbour *n, struct pbuf *p, uint8_t mac[6])
{
	uint64_t now_ns = clock_monotonic_ns();

	n->used_ns = now_ns;
	if (n->state == NEIGH_INCOMPLETE) {
		if (n->waiting.nr >= NEIGH_QUEUE_MAX)
			pbuf_put(pbuf_queue_pop(&n->waiting)); /* the oldest goes (RFC 4861 section 7.2.2) */
		pbuf_queue_push(&n->waiting, p);
		return 0;
	}
	if (n->state == NEIGH_REACHABLE && now_ns > n->until_ns)
		n->state = NEIGH_STALE;
	if (n->state == NEIGH_STALE) {
		n->state = NEIGH_DELAY;
		n->until_ns = now_ns + DELAY_NS;
		arm();
	}
	memcpy(mac, n->mac, 6);
	return 1;
}

int neigh_output(struct route *r, struct pbuf *p)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct pbuf *lost = NULL;
	struct neighbour *n;
	uint8_t mac[6];
	bool ask = false;
	int err;

	if (r->type == RTN_BROADCAST || r->type == RTN_MULTICAST) {
		if (r->type == RTN_MULTICAST)
			multicast_mac(&r->next_hop, mac);
		send_to(r->netif, p, r->type == RTN_BROADCAST ? all : mac, &r->next_hop);
		return 0;
	}
	if (r->mac_generation == __atomic_load_n(&generation, __ATOMIC_ACQUIRE) &&
	    clock_monotonic_ns() < r->mac_until_ns) {
		send_to(r->netif, p, r->mac, &r->next_hop);
		return 0;
	}
	spin_lock(&lock);
	n = find(r->netif, &r->next_hop);
	if (n == NULL) {
		n = create(r->netif, &r->next_hop, &lost);
		if (n != NULL) {
			n->probes = 1;
			n->until_ns = clock_monotonic_ns() + PROBE_NS;
			ask = true;
			arm();
		}
	}
	err = n != NULL ? use_entry(n, p, mac) : -ENOBUFS;
	if (err == 1) {
		memcpy(r->mac, mac, sizeof(r->mac));
		r->mac_generation = generation;
		r->mac_until_ns = n->used_ns + TRUST_NS;
	}
	spin_unlock(&lock);
	pbuf_put_chain(lost);
	if (ask)
		solicit(r->netif, &r->next_hop, NULL);
	if (err == 1)
		send_to(r->netif, p, mac, &r->next_hop);
	else if (err < 0)
		pbuf_put(p);
	return err < 0 ? err : 0;
}

void neigh_learn(struct netif *nif, const struct ipaddr *addr, const uint8_t mac[6], bool create_it, bool confirmed,
		 bool override)
{
	struct pbuf *lost = NULL, *waiting = NULL;
	struct neighbour *n;

	spin_lock(&lock);
	n = find(nif, addr);
	if (n == NULL && create_it)
		n = create(nif, addr, &lost);
	if (n != NULL && (n->state == NEIGH_INCOMPLETE || override || memcmp(n->mac, mac, 6) == 0)) {
		bool same = n->state != NEIGH_INCOMPLETE && memcmp(n->mac, mac, 6) == 0;
		if (!same)
			forget_remembered();
		memcpy(n->mac, mac, 6);
		if (confirmed) {
			n->state = NEIGH_REACHABLE;
			n->until_ns = clock_monotonic_ns() + REACHABLE_NS;
		} else if (!same) {
			n->state = NEIGH_STALE;
		}
		waiting = n->waiting.first;
		pbuf_queue_init(&n->waiting);
	}
	spin_unlock(&lock);
	pbuf_put_chain(lost);
	while (waiting != NULL) {
		struct pbuf *next = waiting->next;
		send_to(nif, waiting, mac, addr);
		waiting = next;
	}
}

bool neigh_get(unsigned want, struct neigh_info *out)
{
	bool found = false;

	spin_lock(&lock);
	for (unsigned i = 0; i < CHAINS && !found; i++) {
		list_for_each (n, &chains[i], link, struct neighbour) {
			if (want-- > 0)
				continue;
			*out = (struct neigh_info){.addr = n->addr, .state = n->state, .ifindex = n->nif->index};
			memcpy(out->mac, n->mac, 6);
			found = true;
			break;
		}
	}
	spin_unlock(&lock);
	return found;
}
