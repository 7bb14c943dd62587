/* SPDX-License-Identifier: MIT */
/*
 * group_report.c - see group_report.h. Reports that are to be sent stand in one table with their times; the network
 * thread sends them. A report that finds no place is not sent, and the next query makes up for it.
 */
#include "kernel/net/group_report.h"

#include <linux/icmpv6.h>
#include <linux/igmp.h>

#include "kernel/dev/random.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"
#include "lib/inet_checksum.h"

#define PENDING_MAX    (2 * NETIF_MULTICAST_MAX)
#define ROBUSTNESS     2 /* times that a change is told */
#define REPEAT_MAX_NS  NSEC_PER_SEC
#define ANSWER_MIN_NS  (NSEC_PER_SEC / 10) /* the least time over which answers are spread, whatever a query says */
#define OLD_QUERIER_NS (400 * NSEC_PER_SEC)

#define MLD_QUERY     130
#define MLD1_REPORT   131
#define MLD1_DONE     132
#define MLD2_REPORT   143
#define MLD1_BYTES    24u
#define IGMP_BYTES    8u
#define PRECEDENCE    0xc0 /* internetwork control (RFC 3376 section 4) */
#define ALERT6_BYTES  8u
#define MESSAGE_BYTES 28u /* the longest */

struct pending {
	struct netif *nif; /* NULL: free */
	struct ipaddr group;
	uint64_t at_ns;
	uint8_t left; /* times to be sent */
	uint8_t record;
};

static struct pending table[PENDING_MAX];
static struct spinlock lock = SPINLOCK_INIT("group report");
static struct ktimer timer;
static struct net_work work;
static bool ready;

/* All hosts are in theirs; what stays on this machine or link without being asked for is nobody's business. */
static bool is_reported(const struct netif *nif, const struct ipaddr *group)
{
	if (!nif->reports_groups)
		return false;
	if (ipaddr_is_v4(group))
		return group->w[3] != htonl(0xe0000001);
	return (group->b[1] & 15) > 1 && !(group->b[1] == 2 && group->q[1] == htobe64(1));
}

static bool querier_is_old(const struct netif *nif, bool v4)
{
	return nif->old_querier_until_ns[v4] > clock_monotonic_ns();
}

static uint64_t random_below(uint64_t n)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return r % n;
}

/* ---- messages */

static uint32_t make4(uint8_t *m, const struct pending *e, bool old, struct ipaddr *dst)
{
	bool leaves = e->record == IGMPV3_CHANGE_TO_INCLUDE;
	uint32_t bytes = old ? IGMP_BYTES : 16;
	uint16_t sum;

	memset(m, 0, bytes);
	m[0] = old ? leaves ? IGMP_HOST_LEAVE_MESSAGE : IGMPV2_HOST_MEMBERSHIP_REPORT : IGMPV3_HOST_MEMBERSHIP_REPORT;
	if (!old) {
		m[7] = 1; /* one record */
		m[8] = e->record;
	}
	memcpy(m + bytes - 4, e->group.b + 12, 4);
	sum = inet_checksum(m, bytes);
	memcpy(m + 2, &sum, 2);
	*dst = old && !leaves ? e->group : ipaddr_v4(htonl(old ? 0xe0000002 : 0xe0000016));
	return bytes;
}

static uint32_t make6(uint8_t *m, const struct pending *e, bool old, struct ipaddr *dst)
{
	bool leaves = e->record == MLD2_CHANGE_TO_INCLUDE;
	uint32_t bytes = old ? MLD1_BYTES : MESSAGE_BYTES;

	memset(m, 0, bytes);
	m[0] = old ? leaves ? MLD1_DONE : MLD1_REPORT : MLD2_REPORT;
	if (!old) {
		m[7] = 1;
		m[8] = e->record;
	}
	memcpy(m + bytes - 16, e->group.b, 16);
	*dst = (struct ipaddr){.b = {0xff, 2, [15] = old ? 2 : 0x16}};
	if (old && !leaves)
		*dst = e->group;
	return bytes;
}

/* A link-local address of ours that is in use, else none (RFC 3590). */
static struct ipaddr source6(struct netif *nif)
{
	struct ipaddr found = {.q = {0, 0}};

	spin_lock(&nif->lock);
	for (unsigned i = 0; i < nif->nr_addrs; i++)
		if (!ipaddr_is_v4(&nif->addr[i].addr) && ipaddr_is_link_local(&nif->addr[i].addr) &&
		    nif->addr[i].state == NETIF_ADDR_READY)
			found = nif->addr[i].addr;
	spin_unlock(&nif->lock);
	return found;
}

/* The router alert option (RFC 2113, 2711): routers look at the packet though it is not for them. */
static void send_report(const struct pending *e)
{
	static const uint8_t alert4[4] = {0x94, 4, 0, 0}, alert6[ALERT6_BYTES] = {IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	bool v4 = ipaddr_is_v4(&e->group), old = querier_is_old(e->nif, v4);
	struct ip_send how = {.proto = v4 ? IPPROTO_IGMP : IPPROTO_HOPOPTS, .ttl = 1};
	uint8_t m[MESSAGE_BYTES];
	struct ipaddr dst, src;
	struct pbuf *p;
	struct route r;
	uint32_t bytes = v4 ? make4(m, e, old, &dst) : make6(m, e, old, &dst);

	if (route_lookup(&dst, &IPADDR_ANY, e->nif->index, &r) != 0)
		return;
	src = v4 ? r.src : source6(e->nif);
	p = pbuf_alloc(PBUF_HEADROOM, bytes);
	if (p == NULL)
		return;
	if (v4) {
		how.tos = PRECEDENCE;
		how.options = alert4;
		how.options_bytes = sizeof(alert4);
	} else {
		uint16_t sum =
			inet_checksum_finish(inet_sum(m, bytes, ip_pseudo_sum(&src, &dst, IPPROTO_ICMPV6, bytes)));
		memcpy(m + 2, &sum, 2);
	}
	memcpy(p->data, m, bytes);
	if (!v4)
		memcpy(pbuf_push(p, sizeof(alert6)), alert6, sizeof(alert6));
	(void)ip_output(&r, p, &src, &how);
}

/* ---- the table */

/* Lock held. */
static void arm(void)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < PENDING_MAX; i++)
		if (table[i].nif != NULL)
			first = MIN(first, table[i].at_ns);
	if (first != UINT64_MAX)
		ktimer_arm(&timer, first);
}

/* Lock held. One that is due, counted down; false: none is. */
static bool take_due(struct pending *out)
{
	uint64_t now_ns = clock_monotonic_ns();

	for (unsigned i = 0; i < PENDING_MAX; i++) {
		struct pending *e = &table[i];

		if (e->nif == NULL || e->at_ns > now_ns)
			continue;
		*out = *e;
		e->at_ns = now_ns + random_below(REPEAT_MAX_NS) + 1;
		if (--e->left == 0)
			e->nif = NULL;
		return true;
	}
	return false;
}

static void send_due(struct net_work *w)
{
	struct pending e;
	bool any;

	(void)w;
	do {
		spin_lock(&lock);
		any = take_due(&e);
		if (!any)
			arm();
		spin_unlock(&lock);
		if (any)
			send_report(&e);
	} while (any);
}

static void timer_fired(struct ktimer *t)
{
	(void)t;
	net_defer(&work);
}

/* Lock held. */
static struct pending *place_for(const struct netif *nif, const struct ipaddr *group)
{
	struct pending *place = NULL;

	for (unsigned i = 0; i < PENDING_MAX; i++) {
		if (table[i].nif == nif && ipaddr_eq(&table[i].group, group))
			return &table[i];
		if (table[i].nif == NULL)
			place = &table[i];
	}
	return place;
}

/* changes: what waits about the group no longer holds. Else it goes no later than it would have. */
static void report(struct netif *nif, const struct ipaddr *group, uint8_t record, uint64_t in_ns, bool changes)
{
	uint64_t at_ns = clock_monotonic_ns() + in_ns;
	struct pending *e;

	if (!is_reported(nif, group))
		return;
	spin_lock(&lock);
	if (!ready) {
		ready = true;
		ktimer_init(&timer, timer_fired, NULL);
		work.fn = send_due;
	}
	e = place_for(nif, group);
	if (e != NULL && (changes || e->nif == NULL))
		*e = (struct pending){nif, *group, at_ns, changes ? ROBUSTNESS : 1, record};
	else if (e != NULL)
		e->at_ns = MIN(e->at_ns, at_ns);
	arm();
	spin_unlock(&lock);
}

void group_joined(struct netif *nif, const struct ipaddr *group)
{
	report(nif, group, IGMPV3_CHANGE_TO_EXCLUDE, 0, true);
}

void group_left(struct netif *nif, const struct ipaddr *group)
{
	report(nif, group, IGMPV3_CHANGE_TO_INCLUDE, 0, true);
}

/* ---- queries */

/* About one group, or all of the family if it is any. */
static void answer(struct netif *nif, bool v4, const struct ipaddr *group, uint64_t within_ns)
{
	struct ipaddr joined[NETIF_MULTICAST_MAX];
	unsigned nr;

	spin_lock(&nif->lock);
	nr = nif->nr_groups;
	for (unsigned i = 0; i < nr; i++)
		joined[i] = nif->group[i].group;
	spin_unlock(&nif->lock);
	for (unsigned i = 0; i < nr; i++)
		if (ipaddr_is_v4(&joined[i]) == v4 && (ipaddr_is_any(group) || ipaddr_eq(group, &joined[i])))
			report(nif, &joined[i], IGMPV3_MODE_IS_EXCLUDE, random_below(MAX(within_ns, ANSWER_MIN_NS)),
			       false);
}

/* Codes above the limit are a small floating-point number (RFC 3376 section 4.1.1, RFC 3810 section 5.1.3). */
static uint32_t decode(uint32_t code, unsigned bits)
{
	uint32_t mantissa_bits = bits - 4, mantissa = code & ((1u << mantissa_bits) - 1);

	if (code < 1u << (bits - 1))
		return code;
	return (mantissa | 1u << mantissa_bits) << ((code >> mantissa_bits & 7) + 3);
}

static void igmp_query(struct pbuf *p)
{
	struct ipaddr group;
	uint32_t v4, tenths = p->data[1];

	memcpy(&v4, p->data + 4, 4);
	group = v4 != 0 ? ipaddr_v4(v4) : IPADDR_ANY;
	if (p->len == IGMP_BYTES)
		p->netif->old_querier_until_ns[true] = clock_monotonic_ns() + OLD_QUERIER_NS;
	else
		tenths = decode(tenths, 8);
	if (tenths == 0)
		tenths = 100; /* version 1 */
	answer(p->netif, true, &group, tenths * (NSEC_PER_SEC / 10));
}

void igmp_input(struct pbuf *p)
{
	if (!pbuf_need(p, IGMP_BYTES) || inet_checksum_finish(pbuf_sum(p, 0, p->len, 0)) != 0)
		p->netif->stats.drop[NET_DROP_ICMP_BAD]++;
	else if (p->data[0] == IGMP_HOST_MEMBERSHIP_QUERY)
		igmp_query(p);
	pbuf_put(p);
}

void mld_query(struct pbuf *p)
{
	struct ipaddr group;
	uint16_t code;

	if (p->ttl != 1 || !ipaddr_is_link_local(&p->src) || !pbuf_need(p, MLD1_BYTES)) {
		p->netif->stats.drop[NET_DROP_ICMP_BAD]++;
		return;
	}
	memcpy(&code, p->data + 4, 2);
	group = ipaddr_v6(p->data + 8);
	if (p->len == MLD1_BYTES)
		p->netif->old_querier_until_ns[false] = clock_monotonic_ns() + OLD_QUERIER_NS;
	answer(p->netif, false, &group, decode(ntohs(code), 16) * (NSEC_PER_SEC / 1000));
}
