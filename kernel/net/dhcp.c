/* SPDX-License-Identifier: MIT */
/* dhcp.c - the client's states (RFC 2131 section 4.4). See dhcp.h; the messages: dhcp_message.h. */
#include "kernel/net/dhcp.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "kernel/dev/random.h"
#include "kernel/linux/uts.h"
#include "kernel/log.h"
#include "kernel/net/dhcp_message.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netconf.h"
#include "kernel/time/clock.h"

#define CLIENT_PORT  68
#define SERVER_PORT  67
#define UDP_HEADER   8u
#define FIRST_TRY_NS NSEC_PER_SEC
#define LAST_TRY_NS  (64 * NSEC_PER_SEC)
#define RENEW_MIN_NS (60 * NSEC_PER_SEC)
#define INBOX_BYTES  65536
#define MTU_MIN      576
#define POSTED_TIMER 1u

enum state { IDLE, SELECTING, REQUESTING, BOUND, RENEWING, REBINDING };

static struct {
	struct channel ch;
	struct netif *nif; /* NULL: not started */
	enum state state;
	uint32_t xid;
	uint64_t try_ns, started_ns; /* time until the next try; since when we ask */
	struct dhcp_answer offer;    /* what we ask for, or have */
	uint64_t t1_ns, t2_ns, end_ns;
	struct ktimer timer;
} c;

/* ---- sending ---- */

static void send_message(enum dhcp_type type)
{
	bool renewing = c.state == RENEWING || c.state == REBINDING, unicast = c.state == RENEWING;
	struct dhcp_request r = {
		.type = type,
		.xid = c.xid,
		.secs = (uint16_t)MIN((clock_monotonic_ns() - c.started_ns) / NSEC_PER_SEC, UINT16_MAX + 0ull),
		.ciaddr = renewing ? c.offer.addr : 0,
		.requested = c.state == REQUESTING ? c.offer.addr : 0,
		.server = c.state == REQUESTING ? c.offer.server : 0,
		.hostname = uts_current()->nodename,
	};
	uint16_t udp[4] = {htons(CLIENT_PORT), htons(SERVER_PORT), htons(UDP_HEADER + DHCP_MESSAGE_BYTES), 0};
	struct ipaddr src = ipaddr_v4(r.ciaddr), dst = ipaddr_v4(unicast ? c.offer.server : INADDR_BROADCAST);
	struct ip_send how = {.proto = IPPROTO_UDP};
	struct route route;
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, UDP_HEADER + DHCP_MESSAGE_BYTES);

	if (p == NULL)
		return;
	memcpy(r.mac, c.nif->mac, 6);
	memcpy(p->data, udp, sizeof(udp));
	dhcp_write(&r, p->data + UDP_HEADER);
	if (unicast && route_lookup(&dst, &src, c.nif->index, &route) == 0) {
		ip_prepare_csum(p, &src, &dst, IPPROTO_UDP, 6);
		(void)ip_output(&route, p, &src, &how);
		return;
	}
	dst = ipaddr_v4(INADDR_BROADCAST);
	route = (struct route){
		.netif = c.nif, .dst = dst, .next_hop = dst, .src = src, .type = RTN_BROADCAST, .mtu = c.nif->mtu};
	ip_prepare_csum(p, &src, &dst, IPPROTO_UDP, 6);
	(void)ip_output(&route, p, &src, &how);
}

static void arm(uint64_t at_ns)
{
	ktimer_arm(&c.timer, at_ns);
}

static void try_again(void)
{
	send_message(c.state == SELECTING ? DHCP_DISCOVER : DHCP_REQUEST);
	arm(clock_monotonic_ns() + c.try_ns);
	c.try_ns = MIN(c.try_ns * 2, LAST_TRY_NS);
}

static void begin(void)
{
	random_bytes(&c.xid, sizeof(c.xid));
	c.state = SELECTING;
	c.started_ns = clock_monotonic_ns();
	c.try_ns = FIRST_TRY_NS;
	c.nif->accept_any = true; /* servers may send to the address that we do not have yet */
	try_again();
}

/* ---- the lease ---- */

static void give_up_address(void)
{
	struct ipaddr addr = ipaddr_v4(c.offer.addr);
	struct route_entry e = {.dst = ipaddr_v4(0), .prefix = 96, .netif = c.nif};

	(void)netif_del_addr(c.nif, &addr);
	(void)route_delete(&e);
}

static void take_lease(const struct dhcp_answer *a)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint32_t lease_s = a->lease_s != 0 ? a->lease_s : 3600;
	struct ipaddr addr = ipaddr_v4(a->addr), router = ipaddr_v4(a->router);
	bool endless = lease_s == UINT32_MAX;
	uint64_t lease_ns = lease_s * NSEC_PER_SEC;

	if (c.offer.addr != a->addr)
		give_up_address();
	if (netif_add_addr(c.nif, &addr, a->prefix, NETIF_ADDR_READY) == -ENOSPC)
		klog("network: %s has no room for the address it was given", c.nif->name);
	struct netif_addr *mine = netif_find_addr(c.nif, &addr);
	if (mine != NULL) {
		mine->dynamic = true;
		mine->valid_until_ns = mine->preferred_until_ns = endless ? UINT64_MAX : now_ns + lease_ns;
	}
	netconf_default_route(c.nif, &router, RTPROT_DHCP);
	for (unsigned i = 0; i < a->nr_dns; i++) {
		struct ipaddr server = ipaddr_v4(a->dns[i]);
		netconf_add_dns(&server);
	}
	if (a->mtu >= MTU_MIN && a->mtu < c.nif->mtu) {
		c.nif->mtu = a->mtu;
		route_invalidate_all();
	}
	c.offer = *a;
	c.state = BOUND;
	c.nif->accept_any = false;
	c.end_ns = now_ns + lease_ns;
	c.t1_ns = now_ns + (a->t1_s != 0 && a->t1_s < lease_s ? a->t1_s * NSEC_PER_SEC : lease_ns / 2);
	c.t2_ns = now_ns + (a->t2_s != 0 && a->t2_s < lease_s ? a->t2_s * NSEC_PER_SEC : lease_ns / 8 * 7);
	if (!endless)
		arm(c.t1_ns);
	else
		ktimer_cancel(&c.timer);
	waitq_wake(&c.ch.wq, 0);
}

/* ---- what happens ---- */

static void on_timer(void)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (c.state == SELECTING) {
		try_again();
		return;
	}
	if (c.state == REQUESTING && c.try_ns <= LAST_TRY_NS / 8) {
		try_again();
		return;
	}
	if (c.state == REQUESTING || now_ns >= c.end_ns) {
		if (c.state != REQUESTING)
			give_up_address();
		begin();
		return;
	}
	/* Renewing asks our server, rebinding any; halfway to the next border again, but not too often (4.4.5). */
	c.state = now_ns >= c.t2_ns ? REBINDING : RENEWING;
	uint64_t border_ns = c.state == RENEWING ? c.t2_ns : c.end_ns;
	random_bytes(&c.xid, sizeof(c.xid));
	send_message(DHCP_REQUEST);
	arm(MIN(now_ns + MAX((border_ns - now_ns) / 2, RENEW_MIN_NS), MAX(border_ns, now_ns + NSEC_PER_SEC)));
}

static void on_answer(const struct dhcp_answer *a)
{
	if (c.state == SELECTING && a->type == DHCP_OFFER && a->addr != 0 && a->server != 0) {
		c.offer = *a;
		c.state = REQUESTING;
		c.try_ns = FIRST_TRY_NS;
		try_again();
	} else if (a->type == DHCP_ACK && a->addr != 0 && c.state != SELECTING && c.state != BOUND) {
		take_lease(a);
	} else if (a->type == DHCP_NAK && c.state != SELECTING && c.state != BOUND) {
		if (c.state != REQUESTING)
			give_up_address();
		begin();
	}
}

static void receive(struct pbuf *p)
{
	struct dhcp_answer a;

	if (ip_verify_csum(p) && p->len > UDP_HEADER) {
		p = pbuf_flatten(p);
		if (p == NULL)
			return;
		if (dhcp_read(p->data + UDP_HEADER, p->len - UDP_HEADER, c.xid, c.nif->mac, &a))
			on_answer(&a);
	}
	pbuf_put(p);
}

static void run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	(void)ch;
	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		if (p->is_error)
			pbuf_put(p);
		else
			receive(p);
	}
	if (bits & POSTED_TIMER)
		on_timer();
}

static void never_freed(struct channel *ch)
{
	(void)ch;
	panic("the DHCP client's channel lost its own reference");
}

static void timer_fired(struct ktimer *t)
{
	(void)t;
	channel_post(&c.ch, POSTED_TIMER);
}

void dhcp_start(struct netif *nif)
{
	static const struct channel_ops ops = {.run = run, .free = never_freed};
	struct channel_key key = {.local = ipaddr_v4(0), .lport = htons(CLIENT_PORT), .proto = IPPROTO_UDP};

	if (c.nif != NULL) {
		klog("network: DHCP runs on %s; not on %s as well", c.nif->name, nif->name);
		return;
	}
	c.nif = nif;
	channel_init(&c.ch, &ops, INBOX_BYTES);
	c.ch.v4only = true;
	c.ch.bound_if = nif->index;
	ktimer_init_unlocked(&c.timer, timer_fired, NULL);
	if (channel_insert(&c.ch, &key) != 0) {
		klog("network: no memory for DHCP on %s", nif->name);
		return;
	}
	channel_lock(&c.ch);
	begin();
	channel_unlock(&c.ch);
}

bool dhcp_wait(uint64_t deadline_ns)
{
	if (c.nif == NULL)
		return true;
	return wait_event_deadline(&c.ch.wq, c.state >= BOUND, deadline_ns, false) == 0;
}
