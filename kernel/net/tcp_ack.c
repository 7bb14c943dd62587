/* SPDX-License-Identifier: MIT */
/* tcp_ack.c - the acknowledgement in a segment, and the window it offers (RFC 9293 section 3.10.7.4, fifth check). */
#include "kernel/net/tcp_priv.h"

void tcp_update_send_window(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << (seg->flags & TCP_SYN ? 0 : c->snd_wscale);

	if (seq_before(c->snd_wl1, seg->seq) ||
	    (c->snd_wl1 == seg->seq &&
	     (seq_before(c->snd_wl2, seg->ack) || (c->snd_wl2 == seg->ack && wnd > c->snd_wnd)))) {
		c->snd_wnd = wnd;
		c->snd_wnd_max = MAX(c->snd_wnd_max, wnd);
		c->snd_wl1 = seg->seq;
		c->snd_wl2 = seg->ack;
	}
}

/* RFC 5961 section 5.2: an ACK for what was never sent, or from far before, is suspicious. */
static bool is_plausible(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (seq_after(seg->ack, c->snd_nxt)) {
		tcp_challenge_ack(c);
		return false;
	}
	uint32_t oldest = c->snd_una - MAX(c->snd_wnd_max, 65535u);
	if (seq_before(seg->ack, oldest)) {
		tcp_challenge_ack(c);
		return false;
	}
	return true;
}

static bool is_duplicate(const struct tcp_conn *c, const struct tcp_seg *seg, uint32_t old_wnd)
{
	return seg->ack == c->snd_una && seg->len == 0 && !(seg->flags & (TCP_SYN | TCP_FIN)) && c->nr_inflight > 0 &&
	       c->snd_wnd == old_wnd;
}

static void take_acked(struct tcp_conn *c, uint32_t ack, struct tcp_ack *a)
{
	a->acked = ack - c->snd_una;
	tcp_sent_ack(c, ack, a);
	c->snd_una = ack;
	uint32_t data_ack = seq_min(ack, tcp_sndq_end(&c->sndq));
	if (seq_after(data_ack, c->sndq.start)) {
		c->bytes_acked += data_ack - c->sndq.start;
		tcp_sndq_ack(&c->sndq, data_ack);
	}
	c->backoff = 0;
	c->retries = 0;
	c->first_unanswered_ns = c->nr_inflight > 0 ? c->now_ns : 0;
	if (seq_before(c->snd_up, ack))
		c->snd_up = ack;
	if (seq_before(c->snd_sml, ack))
		c->snd_sml = ack;
	if (c->snd_una == c->snd_nxt && !tcp_has_unsent(c))
		c->events |= TCP_EV_ACKED;
}

/* A sample by records is exact; by timestamps it is there when everything was sent more than once. */
static void take_rtt(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a)
{
	uint64_t rtt = a->rtt_ns;

	if (rtt == 0 && a->acked > 0 && c->ts_ok && seg->has_ts && seg->ts_ecr != 0) {
		uint32_t ms = tcp_timestamp(c) - seg->ts_ecr;
		rtt = ms < 300000 ? MAX((uint64_t)ms * TCP_MS, TCP_MS) : 0;
	}
	if (rtt != 0)
		tcp_rtt_sample(c, rtt);
}

static void note_room(struct tcp_conn *c)
{
	tcp_window_grow_sndbuf(c);
	if (c->snd_full && tcp_conn_has_room(c)) {
		c->snd_full = false;
		c->events |= TCP_EV_WRITABLE;
	}
}

bool tcp_process_ack(struct tcp_conn *c, struct tcp_seg *seg)
{
	struct tcp_ack a = {.ece = seg->flags & TCP_ECE && !(seg->flags & TCP_SYN)};
	uint32_t old_wnd = c->snd_wnd;

	if (!is_plausible(c, seg))
		return false;
	if (seq_before(seg->ack, c->snd_una)) {
		/* An old one; its SACK blocks may still tell of D-SACKs. */
		tcp_sent_sack(c, seg, &a);
		return true;
	}
	tcp_update_send_window(c, seg);
	a.is_dup = is_duplicate(c, seg, old_wnd);
	if (seg->ack != c->snd_una)
		take_acked(c, seg->ack, &a);
	tcp_sent_sack(c, seg, &a);
	take_rtt(c, seg, &a);
	if (a.acked > 0 || a.sacked_new || a.is_dup || a.dsack || a.ece) {
		if (c->rtx_kind == TCP_RTX_REORDER)
			tcp_arm_rtx(c, TCP_RTX_NONE, 0);
		tcp_recovery_ack(c, seg, &a);
		if (a.acked > 0 || a.sacked_new || c->rtx_kind == TCP_RTX_NONE)
			tcp_rearm_rtx(c);
	} else if (c->nr_inflight == 0) {
		/* A window probe has been answered. */
		c->retries = 0;
		if (c->snd_wnd > 0 && c->snd_wnd != old_wnd)
			c->backoff = 0;
		tcp_rearm_rtx(c);
	}
	if (a.acked > 0)
		note_room(c);
	return true;
}
