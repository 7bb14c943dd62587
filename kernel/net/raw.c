/* SPDX-License-Identifier: MIT */
/*
 * raw.c - raw sockets (raw(7)) and ping's datagram sockets (icmp(7)): one kind of socket, which takes copies of packets
 * of its protocol, or echo replies with its identifier.
 * They are not in the channel tables: a list, searched for each packet only while there are any.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>

#include "kernel/fs/cred.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/icmp.h"
#include "kernel/net/inet_control.h"
#include "kernel/net/inet_errqueue.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"
#include "lib/inet_checksum.h"

#define OPT_ICMP_FILTER  1
#define OPT_ICMP6_FILTER 1

struct raw_sock {
	struct inet_sock in; /* first */
	struct list link;    /* all */
	bool ping;           /* SOCK_DGRAM: echo only; lport is the identifier */
	uint32_t filter;     /* ICMP_FILTER: types not wanted */
	uint32_t filter6[8];
	struct pbuf_queue rx;
	struct inet_errqueue errors;
};

static struct list all = LIST_INIT(all);
static struct spinlock lock = SPINLOCK_INIT("raw");

static struct raw_sock *raw_of(struct socket *s)
{
	return s->priv;
}

/* ---- receiving ---- */

static bool filtered(const struct raw_sock *r, const struct pbuf *p)
{
	uint8_t type = p->len > 0 && p->head_len > 0 ? p->data[0] : 0;

	if (p->proto == IPPROTO_ICMP)
		return type < 32 && (r->filter >> type & 1);
	return p->proto == IPPROTO_ICMPV6 && (r->filter6[type / 32] >> type % 32 & 1);
}

static bool matches(const struct raw_sock *r, const struct pbuf *p)
{
	bool v4 = ipaddr_is_v4(&p->dst);

	if (r->in.sock.family != (v4 ? AF_INET : AF_INET6))
		return false;
	if (r->in.bound_if != 0 && r->in.bound_if != p->netif->index)
		return false;
	if (!ipaddr_is_any(&r->in.local) && !ipaddr_eq(&r->in.local, &p->dst))
		return false;
	return ipaddr_is_any(&r->in.remote) || ipaddr_eq(&r->in.remote, &p->src);
}

/* A raw socket sees the IPv4 header, too; of IPv6 only what follows the headers. */
static void give_copy(struct raw_sock *r, struct pbuf *p)
{
	struct pbuf *copy = pbuf_clone(p, 0);

	if (copy == NULL)
		return;
	if (!r->ping && ipaddr_is_v4(&p->dst))
		pbuf_push(copy, copy->l4 - (uint32_t)copy->l3);
	channel_queue(&r->in.ch, copy);
}

bool raw_input(struct pbuf *p)
{
	bool any = false;

	if (list_empty(&all))
		return false;
	spin_lock(&lock);
	list_for_each (r, &all, link, struct raw_sock) {
		if (r->ping || r->in.sock.protocol != p->proto || !matches(r, p) || filtered(r, p))
			continue;
		any = true;
		give_copy(r, p);
	}
	spin_unlock(&lock);
	return any;
}

bool ping_input(struct pbuf *p)
{
	struct icmphdr h;

	memcpy(&h, p->data, sizeof(h)); /* the same places in both families */
	spin_lock(&lock);
	list_for_each (r, &all, link, struct raw_sock) {
		if (!r->ping || r->in.lport != h.un.echo.id || !matches(r, p))
			continue;
		give_copy(r, p);
		break;
	}
	spin_unlock(&lock);
	return false;
}

void raw_for_each(void (*fn)(const struct raw_view *v, void *arg), void *arg)
{
	spin_lock(&lock);
	list_for_each (r, &all, link, struct raw_sock) {
		const struct raw_view v = {&r->in, r->ping, READ_ONCE(r->rx.truesize)};
		fn(&v, arg);
	}
	spin_unlock(&lock);
}

static void run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	struct raw_sock *r = container_of(ch, struct raw_sock, in.ch);
	uint32_t events = 0, wanted;

	(void)bits;
	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		if (p->is_error) {
			if (inet_errqueue_add(&r->in, &r->errors, p))
				events |= POLLERR;
		} else if (r->rx.truesize >= (size_t)r->in.sock.option[SO_RCVBUF]) {
			net_drop(p->netif, NET_DROP_SOCKET_FULL, p);
		} else if ((wanted = net_filter_run(r->in.filter, p)) == 0) {
			pbuf_put(p);
		} else {
			pbuf_trim(p, wanted);
			p->time_ns = clock_realtime_ns();
			pbuf_queue_push(&r->rx, p);
			events |= POLLIN | POLLRDNORM;
		}
	}
	if (events != 0)
		waitq_wake(&ch->wq, events);
}

static void raw_free(struct channel *ch)
{
	struct raw_sock *r = container_of(ch, struct raw_sock, in.ch);

	pbuf_queue_drop(&r->rx);
	pbuf_queue_drop(&r->errors.q);
	net_filter_free(r->in.filter);
	kfree(r);
}

static const struct channel_ops channel_ops = {.run = run, .free = raw_free};

static ssize_t raw_recv(struct socket *s, struct sock_msg *m)
{
	struct raw_sock *r = raw_of(s);
	struct channel *ch = &r->in.ch;
	struct pbuf *p = NULL;
	ssize_t n = 0;

	channel_lock(ch);
	channel_run(ch);
	if (m->flags & MSG_ERRQUEUE) {
		n = inet_errqueue_recv(&r->in, &r->errors, m);
		channel_unlock(ch);
		return n;
	}
	if (r->rx.nr == 0 && r->in.error == 0)
		n = m->flags & MSG_DONTWAIT ? -EAGAIN
					    : channel_wait(ch, r->rx.nr > 0 || r->in.error != 0,
							   socket_deadline(s->rcv_timeout_ns), true);
	if (r->in.error != 0) {
		n = -r->in.error;
		r->in.error = 0;
	} else if (n == 0) {
		p = m->flags & MSG_PEEK ? pbuf_get(r->rx.first) : pbuf_queue_pop(&r->rx);
	}
	channel_unlock(ch);
	if (p == NULL)
		return n == -ETIMEDOUT ? -EAGAIN : n;
	uint32_t fits = (uint32_t)MIN((size_t)p->len, m->uio->resid);
	n = pbuf_copy_to_uio(p, 0, fits, m->uio);
	if (n >= 0) {
		inet_addr_out(&r->in, &p->src, 0, p->netif->index, &m->addr);
		inet_control_out(&r->in, m, p);
		if (fits < p->len)
			m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC)
			n = (ssize_t)p->len;
	}
	pbuf_put(p);
	return n;
}

/* ---- sending ---- */

/* The program's own IPv4 header: length, source and checksum are filled in (raw(7)). */
static int send_with_header(struct raw_sock *r, struct pbuf *p, struct route *route)
{
	struct ip_send how = inet_ip_send(&r->in, &route->dst);
	struct iphdr h;

	if (!pbuf_need(p, sizeof(h)))
		goto bad;
	memcpy(&h, p->data, sizeof(h));
	if (h.version != 4 || h.ihl != 5)
		goto bad;
	struct ipaddr src = h.saddr != 0 ? ipaddr_v4(h.saddr) : route->src;
	pbuf_pull(p, sizeof(h));
	how.proto = h.protocol;
	how.tos = h.tos;
	how.ttl = h.ttl;
	how.df = h.frag_off & htons(IP_DF);
	return ip_output(route, p, &src, &how);
bad:
	pbuf_put(p);
	return -EINVAL;
}

/* The identifier of a ping socket, and the checksum that Linux fills in for it and for all of ICMPv6. */
static int prepare_icmp(struct raw_sock *r, struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst)
{
	bool v4 = ipaddr_is_v4(dst);

	if (!r->ping && v4)
		return 0;
	if (!pbuf_need(p, sizeof(struct icmphdr)))
		return -EINVAL;
	if (r->ping) {
		if (p->data[0] != (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST) || p->data[1] != 0)
			return -EINVAL;
		memcpy(p->data + offsetof(struct icmphdr, un.echo.id), &r->in.lport, 2);
	}
	memset(p->data + offsetof(struct icmphdr, checksum), 0, 2);
	if (v4) {
		uint16_t sum = inet_checksum_finish(pbuf_sum(p, 0, p->len, 0));
		memcpy(p->data + offsetof(struct icmphdr, checksum), &sum, 2);
	} else {
		ip_prepare_csum(p, src, dst, IPPROTO_ICMPV6, offsetof(struct icmphdr, checksum));
	}
	return 0;
}

static int raw_bind_id(struct raw_sock *r);

static int send_locked(struct raw_sock *r, struct sock_msg *m, struct pbuf *p)
{
	struct ipaddr dst = r->in.remote;
	struct inet_control control;
	struct route route;
	uint16_t port;
	int scope = 0, err = 0;

	if (m->addr.len > 0)
		err = inet_addr_in(&r->in, &m->addr, &dst, &port, &scope);
	else if (ipaddr_is_any(&dst))
		err = -EDESTADDRREQ;
	if (err == 0)
		err = inet_control_in(&r->in, m, &control);
	if (err == 0 && r->ping)
		err = raw_bind_id(r);
	if (err == 0)
		err = route_lookup(&dst, !ipaddr_is_any(&control.src) ? &control.src : &r->in.local,
				   scope != 0 ? scope : r->in.bound_if, &route);
	if (err == 0 && route.type == RTN_BROADCAST && !r->in.sock.option[SO_BROADCAST])
		err = -EACCES;
	if (err == 0 && r->in.hdrincl && ipaddr_is_v4(&dst))
		return send_with_header(r, p, &route);
	if (err == 0 && (r->in.sock.protocol == IPPROTO_ICMP || r->in.sock.protocol == IPPROTO_ICMPV6))
		err = prepare_icmp(r, p, &route.src, &route.dst);
	if (err != 0) {
		pbuf_put(p);
		return err;
	}
	struct ip_send how = inet_ip_send(&r->in, &dst);
	if (control.has_ttl)
		how.ttl = control.ttl;
	if (control.has_tos)
		how.tos = control.tos;
	return ip_output(&route, p, &route.src, &how);
}

static ssize_t raw_send(struct socket *s, struct sock_msg *m)
{
	struct raw_sock *r = raw_of(s);
	size_t bytes = m->uio->resid;
	struct pbuf *p;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (bytes > 65535)
		return -EMSGSIZE;
	p = pbuf_alloc(PBUF_HEADROOM, bytes <= 2048 ? (uint32_t)bytes : 128);
	if (p == NULL)
		return -ENOBUFS;
	pbuf_trim(p, 0);
	err = pbuf_append_uio(p, (uint32_t)bytes, m->uio);
	if (err != 0) {
		pbuf_put(p);
		return err;
	}
	channel_lock(&r->in.ch);
	err = send_locked(r, m, p);
	channel_unlock(&r->in.ch);
	return err != 0 ? err : (ssize_t)bytes;
}

/* ---- names and the rest ---- */

/* A ping socket's identifier: unique among them, chosen when it is not bound. */
static int raw_bind_id(struct raw_sock *r)
{
	if (r->in.lport != 0)
		return 0;
	inet_fill_claim(&r->in);
	r->in.claim.port = 0;
	int err = port_claim(&r->in.claim);
	r->in.lport = r->in.claim.port;
	return err;
}

static int raw_bind(struct socket *s, const struct sock_addr *a)
{
	struct raw_sock *r = raw_of(s);
	struct ipaddr addr;
	uint16_t port;
	int scope, err;

	channel_lock(&r->in.ch);
	if (r->ping) {
		err = inet_bind_claim(&r->in, a);
	} else {
		err = inet_addr_in(&r->in, a, &addr, &port, &scope);
		if (err == 0 && !ipaddr_is_any(&addr) && !ipaddr_is_multicast(&addr) && netif_owner_of(&addr) == NULL)
			err = -EADDRNOTAVAIL;
		if (err == 0) {
			r->in.local = addr;
			r->in.bound_if = scope != 0 ? scope : r->in.bound_if;
		}
	}
	channel_unlock(&r->in.ch);
	return err;
}

static int raw_connect(struct socket *s, const struct sock_addr *a, bool nonblock)
{
	struct raw_sock *r = raw_of(s);
	struct ipaddr addr;
	struct route route;
	uint16_t port;
	int scope, err = 0;

	(void)nonblock;
	if (a->len < sizeof(a->family))
		return -EINVAL;
	channel_lock(&r->in.ch);
	if (a->family == AF_UNSPEC) {
		r->in.remote = s->family == AF_INET ? ipaddr_v4(0) : IPADDR_ANY;
		r->in.rport = 0;
	} else {
		err = inet_addr_in(&r->in, a, &addr, &port, &scope);
		if (err == 0)
			err = route_lookup(&addr, &r->in.local, scope != 0 ? scope : r->in.bound_if, &route);
		if (err == 0) {
			r->in.remote = addr;
			r->in.rport = port != 0 ? port : 1; /* connected: name() tells by it */
			if (ipaddr_is_any(&r->in.local))
				r->in.local = route.src;
		}
	}
	channel_unlock(&r->in.ch);
	return err;
}

static uint32_t raw_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct raw_sock *r = raw_of(s);
	uint32_t mask = POLLOUT | POLLWRNORM;

	poll_wait(f, &r->in.ch.wq, pt);
	channel_lock(&r->in.ch);
	channel_run(&r->in.ch);
	if (r->rx.nr > 0)
		mask |= POLLIN | POLLRDNORM;
	if (r->in.error != 0 || r->errors.q.nr > 0)
		mask |= POLLERR;
	channel_unlock(&r->in.ch);
	return mask;
}

static size_t raw_readable(struct socket *s)
{
	struct raw_sock *r = raw_of(s);
	size_t n;

	channel_lock(&r->in.ch);
	channel_run(&r->in.ch);
	n = r->rx.first != NULL ? r->rx.first->len : 0;
	channel_unlock(&r->in.ch);
	return n;
}

static int raw_take_error(struct socket *s)
{
	struct raw_sock *r = raw_of(s);
	int err;

	channel_lock(&r->in.ch);
	err = r->in.error;
	r->in.error = 0;
	channel_unlock(&r->in.ch);
	return err;
}

static int raw_shutdown(struct socket *s, int how)
{
	(void)how;
	return ipaddr_is_any(&raw_of(s)->in.remote) ? -ENOTCONN : 0;
}

static int raw_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	struct raw_sock *r = raw_of(s);

	if (net_filter_is_option(level, name))
		return net_filter_set(&r->in.ch, &r->in.filter, name, value, len);
	if (level == SOL_RAW && name == OPT_ICMP_FILTER && s->protocol == IPPROTO_ICMP) {
		if (len < sizeof(r->filter))
			return -EINVAL;
		memcpy(&r->filter, value, sizeof(r->filter));
		return 0;
	}
	if (level == IPPROTO_ICMPV6 && name == OPT_ICMP6_FILTER && s->protocol == IPPROTO_ICMPV6) {
		if (len < sizeof(r->filter6))
			return -EINVAL;
		memcpy(r->filter6, value, sizeof(r->filter6));
		return 0;
	}
	return inet_set_option(s, level, name, value, len);
}

static void raw_release(struct socket *s)
{
	struct raw_sock *r = raw_of(s);

	spin_lock(&lock);
	list_remove(&r->link);
	spin_unlock(&lock);
	channel_lock(&r->in.ch);
	inet_sock_fini(&r->in);
	channel_unlock(&r->in.ch);
	channel_put(&r->in.ch);
}

static const struct socket_ops socket_ops = {
	.own_locks = true,
	.bind = raw_bind,
	.connect = raw_connect,
	.name = inet_name,
	.shutdown = raw_shutdown,
	.send = raw_send,
	.recv = raw_recv,
	.poll = raw_poll,
	.readable = raw_readable,
	.take_error = raw_take_error,
	.set_option = raw_set_option,
	.get_option = inet_get_option,
	.ioctl = inet_ioctl,
	.release = raw_release,
};

static int create(int family, int type, int protocol, struct socket **out)
{
	struct raw_sock *r = kzalloc(sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	inet_sock_init(&r->in, &socket_ops, &channel_ops, family, type, protocol);
	r->ping = type == SOCK_DGRAM;
	r->in.hdrincl = protocol == IPPROTO_RAW;
	r->in.v6only = family == AF_INET6;
	pbuf_queue_init(&r->rx);
	inet_errqueue_init(&r->errors);
	spin_lock(&lock);
	list_push_back(&all, &r->link);
	spin_unlock(&lock);
	*out = &r->in.sock;
	return 0;
}

int raw_create(int family, int protocol, struct socket **out)
{
	return create(family, SOCK_RAW, protocol, out);
}

/* ping_group_range: empty by default on Linux, all groups on most distributions; a VM is one user's. */
int ping_create(int family, int protocol, struct socket **out)
{
	return create(family, SOCK_DGRAM, protocol, out);
}
