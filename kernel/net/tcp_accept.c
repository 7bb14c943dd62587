/* SPDX-License-Identifier: MIT */
/* tcp_accept.c - a listener's packets, and the connections that come of them. */
#include <errno.h>
#include <poll.h>

#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/tcp_sock.h"

/* A connection's packets may have been on their way to the listener when it came into the tables. */
static bool pass_on(struct pbuf *p)
{
	struct channel_key key = {
		.local = p->dst, .remote = p->src, .lport = p->dport, .rport = p->sport, .proto = IPPROTO_TCP};
	struct channel *ch = channel_find_exact(&key);

	if (ch == NULL)
		return false;
	channel_queue(ch, p);
	channel_put(ch);
	return true;
}

static void inherit(struct tcp_sock *child, const struct tcp_sock *t, const struct pbuf *p)
{
	struct inet_sock *in = &child->in;
	bool scoped = ipaddr_is_link_local(&p->src) && !ipaddr_is_v4(&p->src) && p->netif != NULL;

	memcpy(in->sock.option, t->in.sock.option, sizeof(in->sock.option));
	in->sock.rcv_timeout_ns = t->in.sock.rcv_timeout_ns;
	in->sock.snd_timeout_ns = t->in.sock.snd_timeout_ns;
	in->local = child->bound = p->dst;
	in->remote = p->src;
	in->lport = p->dport;
	in->rport = p->sport;
	in->bound_if = scoped ? p->netif->index : t->in.bound_if;
	in->v6only = t->in.v6only;
	in->tos = t->in.tos;
	in->ttl = t->in.ttl;
	in->mtu_discover = t->in.mtu_discover;
	child->linger = t->linger;
	child->linger_s = t->linger_s;
	child->rcvlowat = t->rcvlowat;
	child->notsent_lowat = t->notsent_lowat;
	child->linger2_s = t->linger2_s;
	tcp_sock_copy_settings(&child->c, &t->c);
}

/* The connection's hold on the listener's port, by its own address. */
static struct port_share *share_port(const struct tcp_sock *t, const struct pbuf *p)
{
	struct port_claim like = t->in.claim;

	like.addr = p->dst;
	like.v6only = like.v4only = false;
	return port_share_get(&like);
}

/* Locked, and in the tables: packets that come meanwhile wait in its inbox. */
static struct tcp_sock *make_child(struct tcp_sock *t, const struct pbuf *p)
{
	struct channel_key key = {
		.local = p->dst, .remote = p->src, .lport = p->dport, .rport = p->sport, .proto = IPPROTO_TCP};
	struct tcp_sock *child = tcp_sock_new(t->in.sock.family);

	if (child == NULL)
		return NULL;
	inherit(child, t, p);
	/* Before others can find it, so it is free: a packet must not meet a connection that has not begun. */
	bool locked = channel_trylock(&child->in.ch);
	ASSERT(locked);
	child->share = share_port(t, p);
	if (child->share == NULL || !net_filter_copy(t->in.filter, &child->in.filter) || inet_route(&child->in) != 0 ||
	    channel_insert(&child->in.ch, &key) != 0) {
		port_share_put(child->share);
		channel_unlock(&child->in.ch);
		channel_put(&child->in.ch);
		return NULL;
	}
	child->in_tables = true;
	child->c.mss_path = child->c.mss_announce = tcp_mss_of_route(&child->in.route);
	child->c.gso_bytes = tcp_gso_of_route(&child->in.route);
	return child;
}

/* The handshake is complete. payload: of the segment that completed it; consumed. */
static void accept_one(struct tcp_sock *t, const struct tcp_tuple *tuple, struct tcp_seg *seg, struct pbuf *p,
		       const struct tcp_agreed *agreed, uint64_t now_ns)
{
	struct tcp_sock *child = make_child(t, p);

	if (child == NULL) {
		pbuf_put(p);
		return;
	}
	tcp_conn_accepted(&child->c, agreed, now_ns);
	tcp_listener_accepted(t->listener, tuple);
	if (seg->len == 0) {
		pbuf_put(p);
		p = NULL;
	}
	tcp_conn_input(&child->c, seg, p, now_ns);
	tcp_sock_settle(child);
	list_push_back(&t->accept_queue, &child->accept_link); /* with the first reference */
	t->nr_accept++;
	t->listener->accept_full = t->nr_accept > t->backlog;
	channel_unlock(&child->in.ch);
	waitq_wake(&t->in.ch.wq, POLLIN | POLLRDNORM);
}

void tcp_sock_listener_input(struct tcp_sock *t, struct pbuf *p, uint64_t now_ns)
{
	struct tcp_tuple tuple = {.local = p->dst, .remote = p->src, .lport = p->dport, .rport = p->sport};
	struct tcp_agreed agreed;
	struct tcp_seg seg;

	if (pass_on(p))
		return;
	uint32_t wanted = tcp_sock_wanted(t, p);
	if (wanted == 0 || !tcp_sock_parse(p, &seg) || p->link_multicast || ipaddr_is_broadcast(&p->dst)) {
		pbuf_put(p);
		return;
	}
	tcp_sock_cut(&seg, p, wanted);
	switch (tcp_listener_input(t->listener, &tuple, &seg, now_ns, &agreed)) {
	case TCP_LISTEN_ACCEPT:
		accept_one(t, &tuple, &seg, p, &agreed, now_ns);
		return;
	case TCP_LISTEN_RESET:
		tcp_send_reset(p, &seg);
		break;
	case TCP_LISTEN_DONE:
		break;
	}
	pbuf_put(p);
}

int tcp_sock_accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct tcp_sock *t = tcp_of(s);
	int err = 0;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	if (t->listener == NULL)
		err = -EINVAL;
	else if (list_empty(&t->accept_queue) && nonblock)
		err = -EAGAIN;
	else
		err = channel_wait(&t->in.ch, !list_empty(&t->accept_queue) || t->listener == NULL,
				   socket_deadline(s->rcv_timeout_ns), true);
	if (err == 0 && t->listener == NULL)
		err = -EINVAL; /* shut down meanwhile */
	if (err == 0) {
		struct tcp_sock *child = list_first(&t->accept_queue, struct tcp_sock, accept_link);
		list_remove(&child->accept_link);
		t->nr_accept--;
		t->listener->accept_full = t->nr_accept > t->backlog;
		*out = &child->in.sock;
	}
	channel_unlock(&t->in.ch);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}
