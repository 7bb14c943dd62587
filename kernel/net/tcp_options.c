/* SPDX-License-Identifier: MIT */
/* tcp_options.c - setsockopt and getsockopt of TCP sockets (tcp(7), socket(7)). */
#include <errno.h>
#include <linux/tcp.h>

#include "kernel/net/tcp_cc.h"
#include "kernel/net/tcp_sock.h"
#include "lib/string.h"

#define KEEPIDLE_MAX  32767
#define KEEPCNT_MAX   127
#define SYNCNT_MAX    127
#define MAXSEG_MIN    88
#define MAXSEG_MAX    32767
#define CC_NAME_BYTES 16

static int set_cc(struct tcp_sock *t, const char *name, unsigned len)
{
	const struct tcp_cc *cc = tcp_cc_find(name, (unsigned)strnlen(name, MIN(len, CC_NAME_BYTES - 1u)));

	if (cc == NULL)
		return -ENOENT;
	tcp_conn_set_cc(&t->c, cc);
	return 0;
}

static void uncork(struct tcp_sock *t)
{
	t->c.more = false;
	if (t->listener == NULL && t->c.state != TCPS_CLOSED)
		tcp_sock_settle(t);
}

static int set_seconds(uint64_t *ns, int v, int max)
{
	if (v < 1 || v > max)
		return -EINVAL;
	*ns = (uint64_t)v * NSEC_PER_SEC;
	return 0;
}

static void restart_keepalive(struct tcp_sock *t)
{
	if (t->c.keepalive && t->listener == NULL) {
		tcp_conn_set_keepalive(&t->c, true, clock_monotonic_ns());
		tcp_sock_note(t);
	}
}

static int set_tcp(struct tcp_sock *t, int name, int v)
{
	struct tcp_conn *c = &t->c;
	int err;

	switch (name) {
	case TCP_NODELAY:
		c->nodelay = v != 0;
		if (v != 0)
			uncork(t);
		return 0;
	case TCP_CORK:
		c->cork = v != 0;
		if (v == 0)
			uncork(t);
		return 0;
	case TCP_MAXSEG:
		if (v != 0 && (v < MAXSEG_MIN || v > MAXSEG_MAX))
			return -EINVAL;
		c->mss_user = (uint16_t)v;
		return 0;
	case TCP_KEEPIDLE:
		err = set_seconds(&c->keep_idle_ns, v, KEEPIDLE_MAX);
		if (err == 0)
			restart_keepalive(t);
		return err;
	case TCP_KEEPINTVL:
		return set_seconds(&c->keep_interval_ns, v, KEEPIDLE_MAX);
	case TCP_KEEPCNT:
		if (v < 1 || v > KEEPCNT_MAX)
			return -EINVAL;
		c->keep_probes_max = (uint8_t)v;
		return 0;
	case TCP_SYNCNT:
		if (v < 1 || v > SYNCNT_MAX)
			return -EINVAL;
		c->syn_retries_max = (uint8_t)v;
		return 0;
	case TCP_LINGER2:
		t->linger2_s = v;
		return 0;
	case TCP_DEFER_ACCEPT:
		t->defer_s = v > 0 ? (uint32_t)v : 0;
		if (t->listener != NULL)
			t->listener->defer_s = t->defer_s;
		return 0;
	case TCP_WINDOW_CLAMP:
		return 0; /* the receive buffer bounds the window */
	case TCP_QUICKACK:
		c->pingpong = v == 0;
		c->quick_acks = v != 0 ? 16 : 0;
		if (v != 0 && c->ack_pending && t->listener == NULL) {
			c->ack_now = true;
			tcp_sock_settle(t);
		}
		return 0;
	case TCP_USER_TIMEOUT:
		if (v < 0)
			return -EINVAL;
		c->user_timeout_ns = (uint64_t)v * 1000000;
		return 0;
	case TCP_NOTSENT_LOWAT:
		t->notsent_lowat = v == 0 ? UINT32_MAX : (uint32_t)v;
		return 0;
	case TCP_FASTOPEN:
		if (v < 0 || (c->state != TCPS_CLOSED && c->state != TCPS_LISTEN))
			return -EINVAL;
		t->fastopen_max = MIN((uint32_t)v, TCP_BACKLOG_MAX);
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (v < 0 || v > 1 || c->state != TCPS_CLOSED)
			return -EINVAL;
		t->fastopen_connect = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

#define NOT_OURS 1 /* an option of inet_options.c, which takes the lock itself */

/* Options that socket_options.c keeps and we act on, or that only streams have. */
static int set_socket(struct tcp_sock *t, int name, const void *value, unsigned len)
{
	struct linger linger;
	int v;

	if (name == SO_LINGER) {
		if (len < sizeof(linger))
			return -EINVAL;
		memcpy(&linger, value, sizeof(linger));
		t->linger = linger.l_onoff != 0;
		t->linger_s = linger.l_linger > 0 ? (uint32_t)linger.l_linger : 0;
		return 0;
	}
	if (len < sizeof(v))
		return NOT_OURS;
	memcpy(&v, value, sizeof(v));
	switch (name) {
	case SO_KEEPALIVE:
		if (t->listener == NULL) {
			tcp_conn_set_keepalive(&t->c, v != 0, clock_monotonic_ns());
			tcp_sock_note(t);
		} else {
			t->c.keepalive = v != 0;
		}
		return 0;
	case SO_OOBINLINE:
		t->c.oob_inline = v != 0;
		return 0;
	case SO_RCVBUF:
		t->c.rcvbuf = (uint32_t)v;
		t->c.rcvbuf_locked = true;
		if (t->listener != NULL) {
			t->listener->rcvbuf = t->c.rcvbuf;
			t->listener->rcvbuf_locked = true;
		}
		return 0;
	case SO_SNDBUF:
		t->c.sndbuf = (uint32_t)v;
		t->c.sndbuf_locked = true;
		return 0;
	case SO_RCVLOWAT:
		t->rcvlowat = v < 0 ? INT32_MAX : v == 0 ? 1 : (uint32_t)v;
		return 0;
	}
	return NOT_OURS;
}

int tcp_sock_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	struct tcp_sock *t = tcp_of(s);
	int v = 0, err;

	if (level != SOL_SOCKET && level != IPPROTO_TCP)
		return inet_set_option(s, level, name, value, len);
	if (net_filter_is_option(level, name))
		return net_filter_set(&t->in.ch, &t->in.filter, name, value, len);
	if (level == IPPROTO_TCP && name != TCP_CONGESTION) {
		if (len < sizeof(v))
			return -EINVAL;
		memcpy(&v, value, sizeof(v));
	}
	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	if (level == SOL_SOCKET)
		err = set_socket(t, name, value, len);
	else if (name == TCP_CONGESTION)
		err = len < 1 ? -EINVAL : set_cc(t, value, len);
	else
		err = set_tcp(t, name, v);
	channel_unlock(&t->in.ch);
	return err == NOT_OURS ? inet_set_option(s, level, name, value, len) : err;
}

void tcp_sock_show_buffers(struct tcp_sock *t)
{
	t->in.sock.option[SO_RCVBUF] = (int)t->c.rcvbuf;
	if (t->c.sndbuf_locked || t->c.state != TCPS_CLOSED)
		t->in.sock.option[SO_SNDBUF] = (int)t->c.sndbuf;
}

static int get_tcp(struct tcp_sock *t, int name, int *v)
{
	struct tcp_conn *c = &t->c;

	switch (name) {
	case TCP_NODELAY:
		*v = c->nodelay;
		return 0;
	case TCP_CORK:
		*v = c->cork;
		return 0;
	case TCP_MAXSEG:
		*v = c->state == TCPS_CLOSED || c->state == TCPS_LISTEN ? (c->mss_user != 0 ? c->mss_user : 536)
									: c->mss;
		return 0;
	case TCP_KEEPIDLE:
		*v = (int)(c->keep_idle_ns / NSEC_PER_SEC);
		return 0;
	case TCP_KEEPINTVL:
		*v = (int)(c->keep_interval_ns / NSEC_PER_SEC);
		return 0;
	case TCP_KEEPCNT:
		*v = c->keep_probes_max;
		return 0;
	case TCP_SYNCNT:
		*v = c->syn_retries_max;
		return 0;
	case TCP_LINGER2:
		*v = t->linger2_s != 0 ? t->linger2_s : (int)(c->fin_wait2_ns / NSEC_PER_SEC);
		return 0;
	case TCP_DEFER_ACCEPT:
		*v = (int)t->defer_s;
		return 0;
	case TCP_WINDOW_CLAMP:
		*v = (int)(c->rcvbuf / 2);
		return 0;
	case TCP_QUICKACK:
		*v = !c->pingpong;
		return 0;
	case TCP_USER_TIMEOUT:
		*v = (int)(c->user_timeout_ns / 1000000);
		return 0;
	case TCP_NOTSENT_LOWAT:
		*v = t->notsent_lowat == UINT32_MAX ? 0 : (int)t->notsent_lowat;
		return 0;
	case TCP_FASTOPEN:
		*v = (int)t->fastopen_max;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*v = t->fastopen_connect;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int give(void *value, unsigned *len, const void *from, unsigned bytes)
{
	*len = MIN(*len, bytes);
	memcpy(value, from, *len);
	return 0;
}

static int get_locked(struct tcp_sock *t, int level, int name, void *value, unsigned *len)
{
	char cc[CC_NAME_BYTES] = "";
	struct tcp_info info;
	int v, err;

	if (level == SOL_SOCKET) {
		struct linger linger = {t->linger, (int)t->linger_s};
		if (name == SO_LINGER)
			return give(value, len, &linger, sizeof(linger));
		if (name != SO_RCVLOWAT)
			return NOT_OURS;
		v = (int)t->rcvlowat;
		return give(value, len, &v, sizeof(v));
	}
	if (name == TCP_INFO) {
		tcp_sock_info(t, &info);
		return give(value, len, &info, sizeof(info));
	}
	if (name == TCP_CONGESTION) {
		memcpy(cc, t->c.cc->name, MIN(strlen(t->c.cc->name), sizeof(cc) - 1));
		return give(value, len, cc, sizeof(cc));
	}
	err = get_tcp(t, name, &v);
	return err != 0 ? err : give(value, len, &v, sizeof(v));
}

int tcp_sock_get_option(struct socket *s, int level, int name, void *value, unsigned *len)
{
	struct tcp_sock *t = tcp_of(s);
	int err;

	if (level != SOL_SOCKET && level != IPPROTO_TCP)
		return inet_get_option(s, level, name, value, len);
	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	err = get_locked(t, level, name, value, len);
	channel_unlock(&t->in.ch);
	return err == NOT_OURS ? inet_get_option(s, level, name, value, len) : err;
}
