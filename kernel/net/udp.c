/* SPDX-License-Identifier: MIT */
/* udp.c - UDP (RFC 768): sockets' life and names, and what arrives. Sending: udp_send.c; receiving: udp_recv.c. */
#include "kernel/net/udp.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"

/* ---- the receive path ---- */

static bool classify(struct pbuf *p, enum net_drop *why)
{
	struct udphdr_wire h;

	memcpy(&h, p->data, sizeof(h));
	*why = NET_DROP_L4_SHORT;
	if (ntohs(h.len) < sizeof(h) || ntohs(h.len) > p->len) {
		if (h.len != 0 || ipaddr_is_v4(&p->dst) || p->gso == PBUF_GSO_NONE)
			return false; /* 0: longer than the field can say, only between ourselves */
	} else {
		pbuf_trim(p, ntohs(h.len));
	}
	*why = NET_DROP_L4_CSUM;
	if (h.check == 0 && !ipaddr_is_v4(&p->dst))
		return false; /* IPv6 has no packets without (RFC 8200 section 8.1) */
	if (h.check == 0)
		p->csum = PBUF_CSUM_VALID;
	p->sport = h.sport;
	p->dport = h.dport;
	return h.dport != 0;
}

void udp_no_channel(struct pbuf *p)
{
	if (p->proto == IPPROTO_UDP && !ip_verify_csum(p)) {
		net_drop(p->netif, NET_DROP_L4_CSUM, p);
		return;
	}
	ip_send_unreachable(p, IP_PORT_UNREACHABLE);
	net_drop(p->netif, NET_DROP_NO_SOCKET, p);
}

static void receive(struct udp_sock *u, struct pbuf *p)
{
	if (p->proto == IPPROTO_UDPLITE ? !udplite_verify(u, p) : !ip_verify_csum(p)) {
		net_drop(p->netif, NET_DROP_L4_CSUM, p);
		return;
	}
	if (u->shut_rd || u->rx.truesize >= (size_t)u->in.sock.option[SO_RCVBUF]) {
		u->in.ch.drops++;
		net_drop(p->netif, NET_DROP_SOCKET_FULL, p);
		return;
	}
	uint32_t wanted = net_filter_run(u->in.filter, p);
	if (wanted == 0) {
		u->in.ch.drops++;
		pbuf_put(p);
		return;
	}
	pbuf_trim(p, MAX(wanted, (uint32_t)sizeof(struct udphdr_wire)));
	pbuf_pull(p, sizeof(struct udphdr_wire));
	p->time_ns = clock_realtime_ns();
	pbuf_queue_push(&u->rx, p);
}

static void run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	struct udp_sock *u = container_of(ch, struct udp_sock, in.ch);
	uint32_t events = bits & UDP_POST_ROOM ? POLLOUT | POLLWRNORM : 0;

	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		if (!p->is_error) {
			receive(u, p);
			events |= POLLIN | POLLRDNORM;
		} else if (inet_errqueue_add(&u->in, &u->errors, p)) {
			events |= POLLERR | POLLIN | POLLOUT;
		}
	}
	if (events != 0)
		waitq_wake(&ch->wq, events);
}

/* For channels among the bound ones: a socket that is connected all the same, and groups. */
static bool accepts(struct channel *ch, const struct pbuf *p)
{
	struct udp_sock *u = container_of(ch, struct udp_sock, in.ch);

	if (u->in.rport != 0 && (p->sport != u->in.rport || !ipaddr_eq(&p->src, &u->in.remote)))
		return false;
	return !ipaddr_is_multicast(&p->dst) || inet_wants_group(&u->in, p);
}

static void udp_free(struct channel *ch)
{
	struct udp_sock *u = container_of(ch, struct udp_sock, in.ch);

	pbuf_queue_drop(&u->rx);
	pbuf_queue_drop(&u->errors.q);
	pbuf_put(u->corked);
	net_filter_free(u->in.filter);
	kfree(u);
}

static const struct channel_ops channel_ops = {
	.run = run,
	.free = udp_free,
	.accepts = accepts,
};

static const struct ip_protocol udp_protocol = {
	.proto = IPPROTO_UDP,
	.min_header = sizeof(struct udphdr_wire),
	.classify = classify,
	.no_channel = udp_no_channel,
};

void udp_init(void)
{
	ip_protocol_register(&udp_protocol);
	udplite_init();
}

/* ---- names ---- */

/* Puts the socket into the tables as its addresses say. */
static int insert(struct udp_sock *u)
{
	struct channel_key key = {.local = u->in.local,
				  .remote = u->in.remote,
				  .lport = u->in.lport,
				  .rport = u->in.rport,
				  .proto = (uint8_t)u->in.sock.protocol};
	int err;

	channel_remove(&u->in.ch);
	err = channel_insert(&u->in.ch, &key);
	if (err == -EADDRINUSE) {
		key.remote = IPADDR_ANY;
		key.rport = 0;
		err = channel_insert(&u->in.ch, &key);
	}
	return err;
}

int udp_autobind(struct udp_sock *u)
{
	int err;

	if (u->in.lport != 0)
		return 0;
	inet_fill_claim(&u->in);
	u->in.claim.port = 0;
	err = port_claim(&u->in.claim);
	if (err != 0)
		return -EAGAIN; /* Linux's word for it */
	u->in.lport = u->in.claim.port;
	u->port_chosen = true;
	return insert(u);
}

static int udp_bind(struct socket *s, const struct sock_addr *addr)
{
	struct udp_sock *u = udp_of(s);
	int err;

	channel_lock(&u->in.ch);
	err = inet_bind_claim(&u->in, addr);
	if (err == 0) {
		u->bound = u->in.local;
		err = insert(u);
	}
	channel_unlock(&u->in.ch);
	return err;
}

/* connect(AF_UNSPEC): from everybody again; an address or port that was chosen for the connection is given up. */
static int disconnect(struct udp_sock *u)
{
	u->in.rport = 0;
	u->in.remote = u->in.sock.family == AF_INET ? ipaddr_v4(0) : IPADDR_ANY;
	u->in.local = u->bound;
	u->in.route.netif = NULL;
	u->in.error = 0;
	if (u->port_chosen) {
		channel_remove(&u->in.ch);
		port_release(&u->in.claim);
		u->in.lport = 0;
		u->port_chosen = false;
		return 0;
	}
	return u->in.lport != 0 ? insert(u) : 0;
}

static int connect_to(struct udp_sock *u, const struct ipaddr *to, uint16_t port, int scope)
{
	struct route r;
	int err = route_lookup(to, &u->bound, scope != 0 ? scope : u->in.bound_if, &r);

	if (err != 0)
		return err;
	if (r.type == RTN_BROADCAST && !u->in.sock.option[SO_BROADCAST])
		return -EACCES;
	if (scope != 0)
		u->in.bound_if = u->in.ch.bound_if = scope;
	err = udp_autobind(u);
	if (err != 0)
		return err;
	u->in.remote = r.dst;
	u->in.rport = port;
	u->in.local = ipaddr_is_any(&u->bound) ? r.src : u->bound;
	u->in.route = r;
	u->in.error = 0;
	return insert(u);
}

static int udp_connect(struct socket *s, const struct sock_addr *addr, bool nonblock)
{
	struct udp_sock *u = udp_of(s);
	struct ipaddr to;
	uint16_t port;
	int scope, err;

	(void)nonblock;
	if (addr->len < sizeof(addr->family))
		return -EINVAL;
	channel_lock(&u->in.ch);
	if (addr->family == AF_UNSPEC) {
		err = disconnect(u);
	} else {
		err = inet_addr_in(&u->in, addr, &to, &port, &scope);
		if (err == 0)
			err = connect_to(u, &to, port, scope);
	}
	channel_unlock(&u->in.ch);
	return err;
}

/* ---- the rest of socket_ops ---- */

static int udp_shutdown(struct socket *s, int how)
{
	struct udp_sock *u = udp_of(s);
	int err = 0;

	channel_lock(&u->in.ch);
	if (u->in.rport == 0)
		err = -ENOTCONN;
	/* Linux sets the marks even so, and wakes who waits */
	u->shut_rd |= how != SHUT_WR;
	u->shut_wr |= how != SHUT_RD;
	waitq_wake(&u->in.ch.wq, POLLIN | POLLOUT | POLLHUP);
	channel_unlock(&u->in.ch);
	return err;
}

static uint32_t udp_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct udp_sock *u = udp_of(s);
	uint32_t mask = 0;

	poll_wait(f, &u->in.ch.wq, pt);
	channel_lock(&u->in.ch);
	channel_run(&u->in.ch);
	if (udp_is_writable(u))
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	if (u->rx.nr > 0 || u->shut_rd)
		mask |= POLLIN | POLLRDNORM;
	if (u->shut_rd)
		mask |= 0x2000u /* POLLRDHUP */;
	if (u->shut_rd && u->shut_wr)
		mask |= POLLHUP;
	if (u->in.error != 0 || u->errors.q.nr > 0 || inet_zerocopy_pending(&u->in))
		mask |= POLLERR;
	channel_unlock(&u->in.ch);
	return mask;
}

static size_t udp_readable(struct socket *s)
{
	struct udp_sock *u = udp_of(s);
	size_t n;

	channel_lock(&u->in.ch);
	channel_run(&u->in.ch);
	n = u->rx.first != NULL ? u->rx.first->len : 0;
	channel_unlock(&u->in.ch);
	return n;
}

static int udp_take_error(struct socket *s)
{
	struct udp_sock *u = udp_of(s);
	int err;

	channel_lock(&u->in.ch);
	channel_run(&u->in.ch);
	err = u->in.error;
	u->in.error = 0;
	channel_unlock(&u->in.ch);
	return err;
}

static void udp_release(struct socket *s)
{
	struct udp_sock *u = udp_of(s);

	ktimer_cancel(&u->room_timer);
	channel_lock(&u->in.ch);
	channel_remove(&u->in.ch);
	inet_sock_fini(&u->in);
	channel_unlock(&u->in.ch);
	channel_put(&u->in.ch);
}

static int udp_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	struct udp_sock *u = udp_of(s);
	int v;

	if (net_filter_is_option(level, name))
		return net_filter_set(&u->in.ch, &u->in.filter, name, value, len);
	if (level != IPPROTO_UDP && level != IPPROTO_UDPLITE)
		return inet_set_option(s, level, name, value, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (level == IPPROTO_UDPLITE)
		return udplite_set_option(u, name, v);
	switch (name) {
	case UDP_CORK:
		channel_lock(&u->in.ch);
		u->cork = v != 0;
		if (!u->cork)
			udp_push_corked(u);
		channel_unlock(&u->in.ch);
		return 0;
	case UDP_SEGMENT:
		if (v < 0 || v > UINT16_MAX)
			return -EINVAL;
		u->gso_size = (uint16_t)v;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int udp_get_option(struct socket *s, int level, int name, void *value, unsigned *len)
{
	struct udp_sock *u = udp_of(s);
	int v;

	if (level != IPPROTO_UDP && level != IPPROTO_UDPLITE)
		return inet_get_option(s, level, name, value, len);
	if (level == IPPROTO_UDPLITE) {
		int err = udplite_get_option(u, name, &v);
		if (err != 0)
			return err;
	} else if (name == UDP_CORK || name == UDP_SEGMENT) {
		v = name == UDP_CORK ? u->cork : u->gso_size;
	} else {
		return -ENOPROTOOPT;
	}
	*len = MIN(*len, (unsigned)sizeof(v));
	memcpy(value, &v, *len);
	return 0;
}

static int64_t udp_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
	if (cmd == TIOCOUTQ)
		return put_user_u32((void *)arg, 0); /* nothing waits in a socket */
	return inet_ioctl(s, cmd, arg);
}

static const struct socket_ops socket_ops = {
	.own_locks = true,
	.bind = udp_bind,
	.connect = udp_connect,
	.name = inet_name,
	.shutdown = udp_shutdown,
	.send = udp_send,
	.recv = udp_recv,
	.poll = udp_poll,
	.readable = udp_readable,
	.take_error = udp_take_error,
	.set_option = udp_set_option,
	.get_option = udp_get_option,
	.ioctl = udp_ioctl,
	.release = udp_release,
};

int udp_create(int family, int protocol, struct socket **out)
{
	struct udp_sock *u = kzalloc(sizeof(*u));

	if (u == NULL)
		return -ENOMEM;
	inet_sock_init(&u->in, &socket_ops, &channel_ops, family, SOCK_DGRAM, protocol);
	u->bound = u->in.local;
	pbuf_queue_init(&u->rx);
	inet_errqueue_init(&u->errors);
	udp_room_init(u);
	*out = &u->in.sock;
	return 0;
}
