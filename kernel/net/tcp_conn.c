/* SPDX-License-Identifier: MIT */
/* tcp_conn.c - a connection's life, and what the application asks of it: see tcp_conn.h. */
#include "kernel/net/tcp_priv.h"

#include <errno.h>

#include "lib/string.h"

#define WSCALE_MAX 14

void tcp_conn_init(struct tcp_conn *c, const struct tcp_conn_ops *ops, uint16_t mss_path)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->state = TCPS_CLOSED;
	list_init(&c->inflight);
	list_init(&c->by_time);
	c->mss_path = c->mss_announce = mss_path;
	c->mss_peer = 536; /* RFC 9293 3.7.1: when the peer says nothing */
	c->rcv_mss = 536;
	c->rcvbuf = TCP_RCVBUF_DEFAULT;
	c->rcvbuf_max = TCP_RCVBUF_MAX;
	c->sndbuf = TCP_SNDBUF_DEFAULT;
	c->sndbuf_max = TCP_SNDBUF_MAX;
	c->syn_retries_max = TCP_SYN_RETRIES;
	c->rto_ns = TCP_RTO_INITIAL_NS;
	c->ssthresh = TCP_SSTHRESH_INFINITE;
	c->rack_reo_mult = 1;
	c->quick_acks = TCP_QUICK_ACKS;
	c->keep_idle_ns = 7200 * TCP_SEC;
	c->keep_interval_ns = 75 * TCP_SEC;
	c->keep_probes_max = 9;
	c->fin_wait2_ns = TCP_FIN_WAIT2_NS;
	c->cc = &tcp_cubic;
	tcp_conn_update_mss(c);
	c->cc->init(c);
}

void tcp_conn_free(struct tcp_conn *c)
{
	tcp_sent_free_all(c);
	tcp_sndq_free(&c->sndq);
	tcp_rcvq_free(&c->rcvq);
}

void tcp_conn_set_cc(struct tcp_conn *c, const struct tcp_cc *cc)
{
	if (c->cc == cc)
		return;
	c->cc = cc;
	memset(c->cc_state, 0, sizeof(c->cc_state));
	cc->init(c);
}

/* The shift with which the largest buffer that may come can be announced. */
static uint8_t choose_wscale(const struct tcp_conn *c)
{
	uint32_t most = (c->rcvbuf_locked ? c->rcvbuf : MAX(c->rcvbuf, c->rcvbuf_max)) / 2;
	uint8_t shift = 0;

	while (shift < WSCALE_MAX && 65535u << shift < most)
		shift++;
	return shift;
}

static void start_sending(struct tcp_conn *c, uint32_t iss)
{
	c->iss = iss;
	c->snd_una = c->snd_up = c->snd_sml = iss;
	c->snd_nxt = iss + 1;
	c->rack_fack = c->rack_end = iss;
	c->recovery_point = iss;
	tcp_sndq_init(&c->sndq, iss + 1);
}

void tcp_conn_connect(struct tcp_conn *c, uint32_t iss, uint32_t ts_offset, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->ts_offset = ts_offset;
	start_sending(c, iss);
	tcp_rcvq_init(&c->rcvq, 0);
	c->rcv_wscale = choose_wscale(c);
	c->error = 0;
	tcp_enter(c, TCPS_SYN_SENT);
}

void tcp_conn_accepted(struct tcp_conn *c, const struct tcp_agreed *a, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->ts_offset = a->ts_offset;
	c->passive = true;
	c->ts_ok = a->ts_ok;
	c->sack_ok = a->sack_ok;
	c->wscale_ok = a->wscale_ok;
	c->ecn_ok = a->ecn_ok;
	c->snd_wscale = a->snd_wscale;
	c->rcv_wscale = a->rcv_wscale;
	c->mss_peer = a->mss_peer;
	c->irs = a->irs;
	c->rcv_nxt = c->rcv_acked = a->irs + 1;
	c->rcv_adv = c->rcv_nxt + a->rcv_wnd;
	c->ts_recent = a->ts_recent;
	c->ts_recent_ns = now_ns;
	start_sending(c, a->iss);
	c->snd_una = c->snd_up = c->snd_sml = a->iss + 1;
	tcp_rcvq_init(&c->rcvq, c->rcv_nxt);
	c->snd_wl1 = a->irs;
	c->snd_wl2 = a->iss + 1;
	c->snd_wnd = c->snd_wnd_max = a->snd_wnd << c->snd_wscale;
	tcp_conn_update_mss(c);
	if (a->syn_ack_ns != 0 && now_ns > a->syn_ack_ns)
		tcp_rtt_sample(c, now_ns - a->syn_ack_ns);
	tcp_enter(c, TCPS_ESTABLISHED);
}

/* Room for the first flight: RFC 6928. */
static void start_windows(struct tcp_conn *c)
{
	tcp_conn_update_mss(c);
	c->cwnd = 10u * c->mss;
	c->space_seq = c->rcv_nxt;
	c->space_ns = c->now_ns;
	c->last_heard_ns = c->now_ns;
	c->max_pipe_seq = c->snd_nxt;
	c->rcv_mss = MIN(c->mss_announce, (uint16_t)1460);
	tcp_window_grow_sndbuf(c);
	if (c->keepalive)
		c->keep_at_ns = c->now_ns + c->keep_idle_ns;
}

void tcp_enter(struct tcp_conn *c, enum tcp_state state)
{
	c->state = (uint8_t)state;
	if (state == TCPS_ESTABLISHED) {
		start_windows(c);
		c->events |= TCP_EV_CONNECTED | TCP_EV_WRITABLE;
	}
	if (state == TCPS_FIN_WAIT2 && c->orphan && c->state_at_ns == 0)
		c->state_at_ns = c->now_ns + c->fin_wait2_ns;
}

void tcp_enter_time_wait(struct tcp_conn *c)
{
	c->state = TCPS_TIME_WAIT;
	c->state_at_ns = c->now_ns + TCP_TIME_WAIT_NS;
	c->keep_at_ns = 0;
	tcp_arm_rtx(c, TCP_RTX_NONE, 0);
	c->events |= TCP_EV_TIME_WAIT;
}

void tcp_closed(struct tcp_conn *c, int error)
{
	if (c->state == TCPS_CLOSED)
		return;
	if (error != 0)
		c->error = error;
	c->state = TCPS_CLOSED;
	c->rtx_kind = TCP_RTX_NONE;
	c->rtx_at_ns = c->delack_at_ns = c->keep_at_ns = c->state_at_ns = 0;
	c->ack_now = c->ack_pending = false;
	tcp_sent_free_all(c);
	tcp_sndq_free(&c->sndq);
	tcp_rcvq_drop_ahead(&c->rcvq);
	c->events |= TCP_EV_CLOSED | TCP_EV_READABLE | TCP_EV_WRITABLE;
}

void tcp_challenge_ack(struct tcp_conn *c)
{
	if (c->challenge_ns != 0 && c->now_ns - c->challenge_ns < TCP_INVALID_ACK_NS)
		return;
	c->challenge_ns = c->now_ns;
	c->ack_now = true;
}

uint32_t tcp_conn_room(struct tcp_conn *c)
{
	uint32_t sndbuf = tcp_conn_sndbuf(c);

	if (sndbuf > c->sndq.bytes)
		return sndbuf - c->sndq.bytes;
	c->snd_full = true;
	return 0;
}

void tcp_conn_consumed(struct tcp_conn *c, uint32_t n, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (n == 0 || !tcp_state_is_synchronized(c->state))
		return;
	tcp_window_consumed(c);
	if (tcp_window_wants_update(c))
		c->ack_now = true;
	else if (c->ack_pending &&
		 (c->rcv_nxt - c->rcv_acked > c->rcv_mss || (c->push_seen && !c->pingpong && c->rcvq.bytes == 0)))
		c->ack_now = true;
}

void tcp_conn_shutdown(struct tcp_conn *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state == TCPS_ESTABLISHED || c->state == TCPS_CLOSE_WAIT || c->state == TCPS_SYN_RECV)
		c->fin_wanted = true;
}

void tcp_conn_close(struct tcp_conn *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->orphan = true;
	switch (c->state) {
	case TCPS_SYN_SENT:
		tcp_closed(c, 0);
		return;
	case TCPS_CLOSED:
		return;
	}
	if (c->rcvq.bytes > 0 && c->state != TCPS_TIME_WAIT) {
		tcp_conn_abort(c, 0, now_ns);
		return;
	}
	tcp_conn_prune(c); /* it will not be read, and the peer may take its time */
	tcp_conn_shutdown(c, now_ns);
	if (c->state == TCPS_FIN_WAIT2 && c->state_at_ns == 0)
		c->state_at_ns = now_ns + c->fin_wait2_ns;
}

void tcp_conn_abort(struct tcp_conn *c, int error, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (tcp_state_is_synchronized(c->state) && c->state != TCPS_TIME_WAIT)
		tcp_send_rst(c, c->snd_nxt, true);
	else if (c->state == TCPS_SYN_RECV)
		tcp_send_rst(c, c->snd_nxt, true);
	tcp_closed(c, error);
}

void tcp_conn_fail(struct tcp_conn *c, int error)
{
	tcp_closed(c, error);
}

void tcp_conn_icmp(struct tcp_conn *c, uint32_t seq, int err, bool hard)
{
	if (c->state == TCPS_CLOSED || c->state == TCPS_LISTEN || !seq_within(seq, c->snd_una, c->snd_nxt))
		return; /* not about what is in the network: made up, or late (RFC 5927) */
	if (hard && (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECV))
		tcp_closed(c, err);
	else
		c->error_hint = err; /* RFC 1122 4.2.3.9 */
}
