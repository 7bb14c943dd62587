/* SPDX-License-Identifier: MIT */
/*
 * tcp_timer.c - what a connection does when time passes. It has several deadlines and asks its owner for one timer,
 * whose time need not be moved when a deadline moves later: an early call finds nothing due.
 */
#include "kernel/net/tcp_priv.h"

#include <errno.h>

void tcp_arm_rtx(struct tcp_conn *c, enum tcp_rtx_kind kind, uint64_t at_ns)
{
	c->rtx_kind = (uint8_t)kind;
	c->rtx_at_ns = kind == TCP_RTX_NONE ? 0 : at_ns;
}

void tcp_rearm_rtx(struct tcp_conn *c)
{
	if (c->rtx_kind == TCP_RTX_REORDER && c->nr_inflight > 0)
		return; /* sooner than any other */
	if (c->nr_inflight > 0) {
		if (!tcp_tlp_arm(c))
			tcp_arm_rtx(c, TCP_RTX_RTO, c->now_ns + tcp_rto(c));
	} else if (tcp_has_unsent(c) && tcp_state_is_synchronized(c->state)) {
		if (c->rtx_kind != TCP_RTX_PERSIST)
			tcp_arm_rtx(c, TCP_RTX_PERSIST, c->now_ns + tcp_rto(c));
	} else {
		tcp_arm_rtx(c, TCP_RTX_NONE, 0);
	}
}

/* Something came from the peer. */
void tcp_note_alive(struct tcp_conn *c)
{
	c->last_heard_ns = c->now_ns;
	c->keep_probes_sent = 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

uint64_t tcp_conn_deadline(const struct tcp_conn *c)
{
	uint64_t at = UINT64_MAX;

	at = earlier(at, c->rtx_at_ns);
	at = earlier(at, c->delack_at_ns);
	at = earlier(at, c->keep_at_ns);
	return earlier(at, c->state_at_ns);
}

/* How many timeouts in a row are too many? */
static unsigned retries_max(const struct tcp_conn *c)
{
	if (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECV)
		return c->syn_retries_max;
	return c->orphan ? TCP_ORPHAN_RETRIES : TCP_RETRIES_MAX;
}

static bool gave_up(struct tcp_conn *c)
{
	bool late = c->user_timeout_ns != 0 && c->first_unanswered_ns != 0 &&
		    c->now_ns - c->first_unanswered_ns >= c->user_timeout_ns;

	if (!late && c->retries < retries_max(c))
		return false;
	if (c->user_timeout_ns != 0 && !late && tcp_state_is_synchronized(c->state))
		return false;
	/* An ICMP error that came meanwhile says more than the time that has passed. */
	tcp_closed(c, c->error_hint != 0 ? c->error_hint : ETIMEDOUT);
	return true;
}

/* Not past the moment when the user's timeout ends. */
static uint64_t bounded_by_user(const struct tcp_conn *c, uint64_t at_ns)
{
	if (c->user_timeout_ns == 0 || c->first_unanswered_ns == 0)
		return at_ns;
	return MIN(at_ns, MAX(c->first_unanswered_ns + c->user_timeout_ns, c->now_ns + TCP_MS));
}

static void rto_fired(struct tcp_conn *c)
{
	if (c->nr_inflight == 0) {
		tcp_rearm_rtx(c);
		return;
	}
	if (gave_up(c))
		return;
	bool opening = c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECV;
	struct tcp_sent *first = list_first(&c->inflight, struct tcp_sent, link);
	if (!opening) {
		tcp_recovery_rto(c);
		tcp_pmtu_blackhole(c);
	} else if (c->fast_sent && c->retries == 0) {
		c->ops->cookie(c, NULL, 0); /* RFC 7413 section 4.1.3.1: something on the way may not like it */
	}
	c->retries++;
	c->backoff++;
	tcp_retransmit_one(c, first, c->mss + 1u);
	tcp_arm_rtx(c, TCP_RTX_RTO, bounded_by_user(c, c->now_ns + tcp_rto(c)));
}

/* Nothing is in the network, and what is to be sent did not go: the window is shut, or it was corked for long enough.
 */
static void persist_fired(struct tcp_conn *c)
{
	if (!tcp_has_unsent(c) || c->nr_inflight > 0) {
		tcp_rearm_rtx(c);
		return;
	}
	if (c->snd_una + c->snd_wnd != c->snd_nxt && seq_before(c->snd_nxt, c->snd_una + c->snd_wnd)) {
		if (tcp_send_new(c, c->mss)) {
			tcp_arm_rtx(c, TCP_RTX_NONE, 0);
			tcp_rearm_rtx(c);
			return;
		}
	}
	if (c->first_unanswered_ns == 0)
		c->first_unanswered_ns = c->now_ns;
	/* Who answers may keep its window shut for ever (RFC 9293 3.8.6.1); an orphan's data is not worth that. */
	if ((c->orphan || c->now_ns - c->last_heard_ns > TCP_RTO_MAX_NS) && gave_up(c))
		return;
	c->retries = (uint8_t)MIN(c->retries + 1, 250);
	if (c->backoff < 16)
		c->backoff++;
	tcp_send_probe(c, false);
	tcp_arm_rtx(c, TCP_RTX_PERSIST, bounded_by_user(c, c->now_ns + tcp_rto(c)));
}

static void rtx_fired(struct tcp_conn *c)
{
	enum tcp_rtx_kind kind = c->rtx_kind;

	tcp_arm_rtx(c, TCP_RTX_NONE, 0);
	switch (kind) {
	case TCP_RTX_RTO:
		rto_fired(c);
		break;
	case TCP_RTX_TLP:
		tcp_tlp_fire(c);
		break;
	case TCP_RTX_REORDER:
		tcp_recovery_loss_detected(c);
		tcp_rearm_rtx(c);
		break;
	case TCP_RTX_PERSIST:
		persist_fired(c);
		break;
	case TCP_RTX_NONE:
		break;
	}
}

/* RFC 9293 3.8.4, RFC 1122 4.2.3.6 */
static void keepalive_fired(struct tcp_conn *c)
{
	c->keep_at_ns = 0;
	if (!c->keepalive || !tcp_state_is_synchronized(c->state) || c->state == TCPS_TIME_WAIT)
		return;
	uint64_t quiet = c->now_ns - c->last_heard_ns;
	if (c->nr_inflight > 0 || tcp_has_unsent(c)) {
		c->keep_at_ns = c->now_ns + c->keep_idle_ns; /* retransmissions find a dead peer themselves */
		return;
	}
	if (quiet < c->keep_idle_ns) {
		c->keep_at_ns = c->last_heard_ns + c->keep_idle_ns;
		return;
	}
	bool dead = c->user_timeout_ns != 0 ? quiet >= c->user_timeout_ns && c->keep_probes_sent > 0
					    : c->keep_probes_sent >= c->keep_probes_max;
	if (dead) {
		tcp_conn_abort(c, ETIMEDOUT, c->now_ns);
		return;
	}
	c->keep_probes_sent++;
	tcp_send_probe(c, false);
	c->keep_at_ns = c->now_ns + c->keep_interval_ns;
}

void tcp_conn_set_keepalive(struct tcp_conn *c, bool on, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->keepalive = on;
	c->keep_at_ns = on && tcp_state_is_synchronized(c->state) ? now_ns + c->keep_idle_ns : 0;
}

void tcp_conn_timer(struct tcp_conn *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->state_at_ns != 0 && c->state_at_ns <= now_ns) {
		c->state_at_ns = 0;
		tcp_closed(c, 0); /* TIME-WAIT is over, or nobody came to finish an orphan's FIN-WAIT-2 */
		return;
	}
	if (c->rtx_at_ns != 0 && c->rtx_at_ns <= now_ns)
		rtx_fired(c);
	if (c->delack_at_ns != 0 && c->delack_at_ns <= now_ns) {
		c->delack_at_ns = 0;
		c->ack_now = c->ack_pending;
		c->pingpong = false; /* no answer came that could carry it */
	}
	if (c->keep_at_ns != 0 && c->keep_at_ns <= now_ns)
		keepalive_fired(c);
}
