/* SPDX-License-Identifier: MIT */
/* udp_send.c - sending datagrams: one copy from the program into a packet, checksum by whoever does it last. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/udp.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/net/inet_control.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/udp.h"

#define UDP_DATA_MAX    65507u /* what IPv4 leaves of 65535 */
#define HEAD_DATA_MAX   2048u  /* a datagram up to here lies in the packet's head */
#define UDP_UNSUPPORTED MSG_OOB

/* Where one datagram goes. */
struct target {
	struct ipaddr dst;
	uint16_t port;
	int scope;
	struct inet_control control; /* what the ancillary data said */
	struct route *route;
	struct route looked_up;
	struct ipaddr src;
};

static int find_target(struct udp_sock *u, const struct sock_msg *m, struct target *t)
{
	struct inet_sock *in = &u->in;
	int err;

	t->scope = 0;
	if (m->addr.len > 0) {
		if (in->sock.family == AF_INET6 && m->addr.len >= 2 && m->addr.family == AF_INET) {
			/* Linux lets a socket of both families take a plain IPv4 address */
			struct inet_sock four = {.sock.family = AF_INET, .v6only = in->v6only};
			err = inet_addr_in(&four, &m->addr, &t->dst, &t->port, NULL);
		} else {
			err = inet_addr_in(in, &m->addr, &t->dst, &t->port, &t->scope);
		}
		if (err != 0)
			return err;
		if (t->port == 0)
			return -EINVAL;
	} else if (in->rport != 0) {
		t->dst = in->remote;
		t->port = in->rport;
	} else {
		return -EDESTADDRREQ;
	}
	return inet_control_in(in, m, &t->control);
}

static int find_route(struct udp_sock *u, struct target *t)
{
	struct inet_sock *in = &u->in;
	const struct ipaddr *from = !ipaddr_is_any(&t->control.src) ? &t->control.src : &in->local;
	int bound_if = t->control.ifindex != 0 ? t->control.ifindex : t->scope != 0 ? t->scope : in->bound_if;
	int err;

	if (ipaddr_is_multicast(&t->dst)) {
		if (bound_if == 0)
			bound_if = in->mcast_if;
		if (!ipaddr_is_any(&in->mcast_src) && ipaddr_is_any(from))
			from = &in->mcast_src;
	}
	if (ipaddr_is_multicast(from))
		from = &in->mcast_src;
	if (in->rport != 0 && ipaddr_eq(&t->dst, &in->remote) && t->control.ifindex == 0 &&
	    ipaddr_is_any(&t->control.src)) {
		err = inet_route(in);
		t->route = &in->route;
	} else {
		/* The last destination is often the next one, too. */
		t->route = &t->looked_up;
		err = route_lookup(&t->dst, from, bound_if, &t->looked_up);
	}
	if (err != 0)
		return err;
	if (t->route->type == RTN_BROADCAST && !in->sock.option[SO_BROADCAST])
		return -EACCES;
	t->src = !ipaddr_is_any(from) ? *from : t->route->src;
	return 0;
}

static void push_header(const struct udp_sock *u, struct pbuf *p, const struct target *t)
{
	struct udphdr_wire h = {
		.sport = u->in.lport,
		.dport = t->port,
		.len = htons((uint16_t)(p->len + sizeof(h))),
	};

	memcpy(pbuf_push(p, sizeof(h)), &h, sizeof(h));
	if (u->in.sock.protocol == IPPROTO_UDPLITE) {
		udplite_finish(u, p, &t->src, &t->route->dst);
		return;
	}
	ip_prepare_csum(p, &t->src, &t->route->dst, IPPROTO_UDP, offsetof(struct udphdr_wire, check));
}

static bool would_loop(const struct inet_sock *in, const struct route *r)
{
	return r->type == RTN_MULTICAST && in->mcast_loop && !(r->netif->flags & IFF_LOOPBACK);
}

/* What was sent to a group that we are in comes back to us (IP_MULTICAST_LOOP). */
static void loop_back(struct pbuf *p, const struct target *t, const struct ip_send *how)
{
	struct pbuf *copy = pbuf_clone(p, PBUF_HEADROOM);
	struct route r = *t->route;

	if (copy == NULL)
		return;
	r.netif = &loopback;
	(void)ip_output(&r, copy, &t->src, how);
}

/* One datagram, whose data is in p (consumed). */
static int send_packet(struct udp_sock *u, struct pbuf *p, struct target *t)
{
	struct ip_send how = inet_ip_send(&u->in, &t->dst);
	int err;

	if (t->control.has_tos)
		how.tos = t->control.tos;
	if (t->control.has_ttl)
		how.ttl = t->control.ttl;
	push_header(u, p, t);
	if (would_loop(&u->in, t->route))
		loop_back(p, t, &how);
	err = ip_output(t->route, p, &t->src, &how);
	if (err == -EMSGSIZE)
		inet_errqueue_local(&u->in, &u->errors, EMSGSIZE, t->route->mtu, &t->dst, t->port);
	return err;
}

static struct pbuf *alloc_for(size_t bytes)
{
	return pbuf_alloc(PBUF_HEADROOM, 0 + (bytes <= HEAD_DATA_MAX ? (uint32_t)bytes : 0));
}

/* A packet with `bytes` of the message's data. */
static int take_data(struct sock_msg *m, size_t bytes, struct pbuf **out)
{
	struct pbuf *p = alloc_for(bytes);
	int err;

	if (p == NULL)
		return -ENOBUFS;
	pbuf_trim(p, 0); /* what was reserved is tail room now */
	err = pbuf_append_uio(p, (uint32_t)bytes, m->uio);
	if (err != 0) {
		pbuf_put(p);
		return err;
	}
	*out = p;
	return 0;
}

/* UDP_SEGMENT: the data as several datagrams of equal size, the last may be shorter. */
static int send_segments(struct udp_sock *u, struct sock_msg *m, struct target *t, uint16_t size)
{
	while (m->uio->resid > 0) {
		struct pbuf *p;
		int err = take_data(m, MIN(m->uio->resid, (size_t)size), &p);
		if (err == 0)
			err = send_packet(u, p, t);
		if (err != 0)
			return err;
	}
	return 0;
}

/* MSG_MORE: adds to what is waiting; true in *done when the datagram is not complete yet. */
static int add_corked(struct udp_sock *u, struct sock_msg *m, const struct target *t, bool *done)
{
	size_t bytes = m->uio->resid;
	int err;

	if (u->corked == NULL) {
		u->corked = pbuf_alloc(PBUF_HEADROOM, HEAD_DATA_MAX);
		if (u->corked == NULL)
			return -ENOBUFS;
		pbuf_trim(u->corked, 0);
		u->corked_dst = t->dst;
		u->corked_port = t->port;
	}
	err = u->corked->len + bytes > UDP_DATA_MAX ? -EMSGSIZE : pbuf_append_uio(u->corked, (uint32_t)bytes, m->uio);
	if (err != 0) {
		pbuf_put(u->corked);
		u->corked = NULL;
		return err;
	}
	*done = u->cork || (m->flags & MSG_MORE);
	return 0;
}

void udp_push_corked(struct udp_sock *u)
{
	struct target t = {.dst = u->corked_dst, .port = u->corked_port};
	struct pbuf *p = u->corked;

	u->corked = NULL;
	if (p == NULL)
		return;
	if (find_route(u, &t) == 0)
		(void)send_packet(u, p, &t);
	else
		pbuf_put(p);
}

/* ---- room ---- */

/* The device does not say when there is room again. While it is at work there is some soon: to sleep at once would let
 * it run dry. */
#define LOOK_AGAIN_NS 200000ull
#define SPINS         2000u

static void look_again(struct ktimer *timer)
{
	struct udp_sock *u = timer->arg;

	channel_post(&u->in.ch, UDP_POST_ROOM);
}

void udp_room_init(struct udp_sock *u)
{
	ktimer_init_unlocked(&u->room_timer, look_again, u);
}

bool udp_is_writable(struct udp_sock *u)
{
	if (likely(u->full == NULL))
		return true;
	if (u->full->ops->has_room(u->full)) {
		u->full = NULL;
		return true;
	}
	if (!ktimer_armed(&u->room_timer))
		ktimer_arm(&u->room_timer, deadline_after(LOOK_AGAIN_NS));
	return false;
}

static bool has_room(struct udp_sock *u, struct netif *nif)
{
	u->full = nif->ops->has_room != NULL ? nif : NULL;
	return udp_is_writable(u);
}

/* Until the interface has room. The route may be another one after that. */
static int wait_for_room(struct udp_sock *u, unsigned flags, struct netif *nif)
{
	int err;

	if (flags & MSG_DONTWAIT)
		return -EAGAIN;
	bool spin = nif->ops->carried == NULL || !nif->ops->carried(nif);
	for (unsigned i = 0; spin && i < SPINS; i++) {
		if (has_room(u, nif))
			return 0;
		cpu_relax();
	}
	err = channel_wait(&u->in.ch, u->shut_wr || has_room(u, nif), socket_deadline(u->in.sock.snd_timeout_ns), true);
	if (err == 0 && u->shut_wr)
		err = -EPIPE;
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

static int take_error(struct udp_sock *u)
{
	int err = u->in.error;

	u->in.error = 0;
	return -err;
}

static int send_locked(struct udp_sock *u, struct sock_msg *m)
{
	size_t bytes = m->uio->resid;
	struct target t;
	struct pbuf *p;
	int err = u->shut_wr ? -EPIPE : take_error(u);
	bool waits = false;

	if (err == 0)
		err = find_target(u, m, &t);
	if (err == 0)
		err = udp_autobind(u);
	if (err == 0)
		err = find_route(u, &t);
	if (err == 0 && unlikely(!has_room(u, t.route->netif))) {
		err = wait_for_room(u, m->flags, t.route->netif);
		if (err == 0)
			err = find_route(u, &t);
	}
	if (err != 0)
		return err;
	uint16_t segment = t.control.gso_size != 0 ? t.control.gso_size : u->gso_size;
	if (segment != 0 && bytes > segment)
		return send_segments(u, m, &t, segment);
	if (bytes > UDP_DATA_MAX)
		return -EMSGSIZE;
	if (u->corked == NULL && !u->cork && !(m->flags & MSG_MORE)) {
		err = take_data(m, bytes, &p);
		return err != 0 ? err : send_packet(u, p, &t);
	}
	err = add_corked(u, m, &t, &waits);
	if (err != 0 || waits)
		return err;
	p = u->corked;
	u->corked = NULL;
	return send_packet(u, p, &t);
}

ssize_t udp_send(struct socket *s, struct sock_msg *m)
{
	struct udp_sock *u = udp_of(s);
	size_t bytes = m->uio->resid;
	int err;

	if (m->flags & UDP_UNSUPPORTED)
		return -EOPNOTSUPP;
	channel_lock(&u->in.ch);
	channel_run(&u->in.ch);
	err = send_locked(u, m);
	if (err == 0 && (m->flags & MSG_ZEROCOPY))
		inet_zerocopy_sent(&u->in);
	channel_unlock(&u->in.ch);
	return err != 0 ? err : (ssize_t)bytes;
}
