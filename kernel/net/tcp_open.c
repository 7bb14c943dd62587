/* SPDX-License-Identifier: MIT */
/* tcp_open.c - bind, listen, connect. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/tcp_fastopen.h"
#include "kernel/net/tcp_priv.h"
#include "kernel/net/tcp_sock.h"

#define REQUESTS_AT_LEAST 128u

int tcp_sock_bind(struct socket *s, const struct sock_addr *addr)
{
	struct tcp_sock *t = tcp_of(s);
	int err;

	channel_lock(&t->in.ch);
	err = t->c.state != TCPS_CLOSED || t->in_tables ? -EINVAL : inet_bind_claim(&t->in, addr);
	if (err == 0)
		t->bound = t->in.local;
	channel_unlock(&t->in.ch);
	return err;
}

/* ---- listen ---- */

static int claim_for_listening(struct tcp_sock *t)
{
	int err = 0;

	inet_fill_claim(&t->in);
	if (t->in.lport == 0) {
		err = port_claim(&t->in.claim);
		if (err != 0)
			return err;
		t->in.lport = t->in.claim.port;
	}
	return port_claim_listen(&t->in.claim);
}

static int start_listening(struct tcp_sock *t)
{
	struct channel_key key = {.local = t->in.local, .proto = IPPROTO_TCP};
	int err = claim_for_listening(t);

	if (err != 0)
		return err;
	t->listener = kmalloc(sizeof(*t->listener));
	if (t->listener == NULL)
		return -ENOBUFS;
	err = tcp_listener_init(t->listener, &tcp_sock_listener_ops, MAX(t->backlog, REQUESTS_AT_LEAST));
	if (err == 0) {
		key.lport = t->in.lport;
		err = channel_insert(&t->in.ch, &key);
	}
	if (err != 0) {
		tcp_listener_free(t->listener);
		kfree(t->listener);
		t->listener = NULL;
		return err;
	}
	t->in_tables = true;
	t->listener->rcvbuf = t->c.rcvbuf;
	t->listener->rcvbuf_locked = t->c.rcvbuf_locked;
	t->listener->defer_s = t->defer_s;
	t->listener->ecn = true;
	t->c.state = TCPS_LISTEN;
	return 0;
}

int tcp_sock_listen(struct socket *s, int backlog)
{
	struct tcp_sock *t = tcp_of(s);
	int err = 0;

	channel_lock(&t->in.ch);
	t->backlog = MIN((uint32_t)backlog, TCP_BACKLOG_MAX); /* a negative one is as large as can be */
	if (t->listener == NULL)
		err = t->c.state != TCPS_CLOSED || t->connecting ? -EINVAL : start_listening(t);
	else
		t->listener->accept_full = t->nr_accept > t->backlog;
	channel_unlock(&t->in.ch);
	return err;
}

/* Nobody will accept it: the peer hears of that. */
static void abandon(struct tcp_sock *child)
{
	if (channel_trylock(&child->in.ch)) {
		child->file_gone = true;
		tcp_conn_abort(&child->c, 0, clock_monotonic_ns());
		tcp_sock_settle(child);
		channel_unlock(&child->in.ch);
	} else {
		channel_post(&child->in.ch, TCP_POST_ABORT);
	}
	channel_put(&child->in.ch);
}

void tcp_sock_stop_listening(struct tcp_sock *t)
{
	ktimer_cancel(&t->timer);
	channel_remove(&t->in.ch);
	t->in_tables = false;
	tcp_listener_free(t->listener);
	kfree(t->listener);
	t->listener = NULL;
	t->c.state = TCPS_CLOSED;
	t->in.claim.listening = false;
	while (!list_empty(&t->accept_queue)) {
		struct tcp_sock *child = list_first(&t->accept_queue, struct tcp_sock, accept_link);
		list_remove(&child->accept_link);
		abandon(child);
	}
	t->nr_accept = 0;
}

/* ---- connect ---- */

/* What the application has set belongs to the socket and outlives its connections; children inherit it. */
void tcp_sock_copy_settings(struct tcp_conn *to, const struct tcp_conn *from)
{
	to->nodelay = from->nodelay;
	to->cork = from->cork;
	to->keepalive = from->keepalive;
	to->oob_inline = from->oob_inline;
	to->keep_idle_ns = from->keep_idle_ns;
	to->keep_interval_ns = from->keep_interval_ns;
	to->keep_probes_max = from->keep_probes_max;
	to->user_timeout_ns = from->user_timeout_ns;
	to->syn_retries_max = from->syn_retries_max;
	to->mss_user = from->mss_user;
	to->fin_wait2_ns = from->fin_wait2_ns;
	to->rcvbuf_locked = from->rcvbuf_locked;
	to->sndbuf_locked = from->sndbuf_locked;
	if (from->rcvbuf_locked)
		to->rcvbuf = from->rcvbuf;
	if (from->sndbuf_locked)
		to->sndbuf = from->sndbuf;
	tcp_conn_set_cc(to, from->cc);
}

/* A fresh connection in the same socket, for one that has failed or was dissolved. */
static void renew(struct tcp_sock *t)
{
	struct tcp_conn old = t->c;

	tcp_conn_free(&t->c);
	tcp_conn_init(&t->c, &tcp_sock_conn_ops, 1460);
	tcp_sock_copy_settings(&t->c, &old);
	t->ended = t->shut_rd = t->connecting = false;
	t->in.rport = 0;
	t->in.remote = t->in.sock.family == AF_INET ? ipaddr_v4(0) : IPADDR_ANY;
	t->in.local = t->bound;
	if (t->port_chosen) {
		port_release(&t->in.claim);
		t->in.lport = 0;
		t->port_chosen = false;
	}
}

static int disconnect(struct tcp_sock *t)
{
	if (t->listener != NULL) {
		tcp_sock_stop_listening(t);
	} else if (t->c.state != TCPS_CLOSED) {
		tcp_conn_abort(&t->c, 0, clock_monotonic_ns());
		tcp_sock_note(t);
	}
	renew(t);
	return 0;
}

static int enter_tables(struct tcp_sock *t)
{
	struct channel_key key = {
		.local = t->in.local,
		.remote = t->in.remote,
		.lport = t->in.lport,
		.rport = t->in.rport,
		.proto = IPPROTO_TCP,
	};
	int err;

	if (t->in.lport != 0) {
		err = channel_insert(&t->in.ch, &key);
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
	}
	inet_fill_claim(&t->in);
	err = port_connect(&t->in.claim, &t->in.ch, &key);
	if (err == 0) {
		t->in.lport = key.lport;
		t->port_chosen = true;
	}
	return err;
}

/* The first SYN; m: what may go with it, of which *sent did. */
static void send_first(struct tcp_sock *t, struct sock_msg *m, size_t *sent)
{
	if (m != NULL)
		*sent = tcp_fastopen_syn(t, m);
	else if (t->fastopen_connect && tcp_fastopen_has_cookie(&t->in.remote))
		t->c.syn_held = true; /* until there is data for it */
	else if (t->fastopen_connect)
		(void)tcp_fastopen_syn(t, NULL);
	else
		tcp_sock_settle(t);
}

static int start_connecting(struct tcp_sock *t, const struct sock_addr *addr, struct sock_msg *m, size_t *sent)
{
	struct tcp_tuple tuple = {0};
	struct ipaddr to;
	uint16_t port;
	int scope, err = inet_addr_in(&t->in, addr, &to, &port, &scope);

	if (err != 0)
		return err;
	if (t->ended)
		renew(t);
	err = route_lookup(&to, &t->in.local, scope != 0 ? scope : t->in.bound_if, &t->in.route);
	if (err != 0)
		return err;
	if (t->in.route.type == RTN_BROADCAST || t->in.route.type == RTN_MULTICAST) {
		t->in.route.netif = NULL;
		return -ENETUNREACH;
	}
	if (scope != 0)
		t->in.bound_if = scope;
	t->in.remote = t->in.route.dst;
	t->in.rport = port;
	if (ipaddr_is_any(&t->in.local))
		t->in.local = t->in.route.src;
	err = enter_tables(t);
	if (err != 0) {
		renew(t);
		return err;
	}
	t->in_tables = true;
	tuple = (struct tcp_tuple){t->in.local, t->in.remote, t->in.lport, t->in.rport, 0};
	uint64_t now = clock_monotonic_ns();
	t->c.mss_path = t->c.mss_announce = tcp_mss_of_route(&t->in.route);
	if (t->c.mss_user != 0)
		t->c.mss_announce = MIN(t->c.mss_announce, t->c.mss_user);
	t->c.gso_bytes = tcp_gso_of_route(&t->in.route);
	tcp_conn_connect(&t->c, tcp_secret_isn(&tuple, now), tcp_secret_ts_offset(&tuple), now);
	t->connecting = true;
	send_first(t, m, sent);
	return 0;
}

static bool is_opening(const struct tcp_sock *t)
{
	return t->c.state == TCPS_SYN_SENT || t->c.state == TCPS_SYN_RECV;
}

/* The result of an opening that is over. */
static int finish_connecting(struct tcp_sock *t)
{
	t->connecting = false;
	if (t->c.state != TCPS_CLOSED)
		return 0;
	int err = tcp_sock_error(t);
	return err != 0 ? -err : -ECONNABORTED;
}

static int wait_opened(struct tcp_sock *t, bool nonblock, bool started)
{
	int err;

	if (is_opening(t)) {
		if (nonblock)
			return started ? -EINPROGRESS : -EALREADY;
		err = channel_wait(&t->in.ch, !is_opening(t), socket_deadline(t->in.sock.snd_timeout_ns), true);
		if (err != 0)
			return err == -ETIMEDOUT ? -EINPROGRESS : err;
	}
	return finish_connecting(t);
}

static int connect_locked(struct tcp_sock *t, const struct sock_addr *addr, bool nonblock, struct sock_msg *m,
			  size_t *sent)
{
	bool started = false;
	int err;

	if (!t->connecting) {
		if (t->c.state != TCPS_CLOSED)
			return -EISCONN;
		err = start_connecting(t, addr, m, sent);
		if (err != 0)
			return err;
		started = true;
	}
	if (t->c.syn_held) {
		t->connecting = false; /* for the program it is connected */
		return 0;
	}
	return wait_opened(t, nonblock, started);
}

int tcp_sock_open_with(struct tcp_sock *t, struct sock_msg *m, size_t *sent)
{
	bool nonblock = (m->flags & MSG_DONTWAIT) != 0;

	if (t->c.syn_held) {
		t->c.syn_held = false;
		t->connecting = true;
		*sent = tcp_fastopen_syn(t, m);
		return wait_opened(t, nonblock, true);
	}
	if (m->addr.len >= sizeof(m->addr.family) && m->addr.family == AF_UNSPEC)
		return -EOPNOTSUPP;
	if (m->addr.len < sizeof(m->addr.family) && t->c.state == TCPS_CLOSED && !t->connecting)
		return -EINVAL;
	return connect_locked(t, &m->addr, nonblock, m, sent);
}

int tcp_sock_connect(struct socket *s, const struct sock_addr *addr, bool nonblock)
{
	struct tcp_sock *t = tcp_of(s);
	int err;

	if (addr->len < sizeof(addr->family))
		return -EINVAL;
	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	err = addr->family == AF_UNSPEC ? disconnect(t) : connect_locked(t, addr, nonblock, NULL, NULL);
	channel_unlock(&t->in.ch);
	return err;
}
