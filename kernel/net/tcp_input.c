/* SPDX-License-Identifier: MIT */
/* tcp_input.c - a segment arrives (RFC 9293 section 3.10.7), hardened as RFC 5961 says. */
#include "kernel/net/tcp_priv.h"

#include <errno.h>

#define TS_FRESH_NS (24 * 86400 * TCP_SEC) /* RFC 7323 section 5.5 */

static void take_peer_options(struct tcp_conn *c, const struct tcp_seg *seg)
{
	c->sack_ok = seg->sack_ok;
	c->ts_ok = seg->has_ts;
	c->wscale_ok = seg->has_wscale;
	c->snd_wscale = seg->has_wscale ? seg->wscale : 0;
	if (!seg->has_wscale)
		c->rcv_wscale = 0;
	if (seg->mss != 0)
		c->mss_peer = seg->mss;
	if (seg->has_ts) {
		c->ts_recent = seg->ts_val;
		c->ts_recent_ns = c->now_ns;
	}
	c->irs = seg->seq;
	c->rcv_nxt = c->rcv_acked = seg->seq + 1;
	c->rcv_adv = c->rcv_nxt + MIN(c->rcvbuf / 2, 65535u); /* what our SYN said */
	tcp_rcvq_init(&c->rcvq, c->rcv_nxt);
	tcp_conn_update_mss(c);
}

static void established(struct tcp_conn *c)
{
	tcp_enter(c, TCPS_ESTABLISHED);
	c->first_unanswered_ns = 0;
	tcp_arm_rtx(c, TCP_RTX_NONE, 0);
}

/* The SYN is acknowledged, maybe with the data that went along: they leave the records. What the peer did not take of
 * that data counts as never sent. */
static void syn_acked(struct tcp_conn *c, const struct tcp_seg *seg)
{
	struct tcp_ack a = {0};

	tcp_sent_ack(c, seg->ack, &a);
	c->fast_taken = seg->ack != c->iss + 1;
	c->bytes_acked += seg->ack - (c->iss + 1);
	tcp_sndq_ack(&c->sndq, seg->ack);
	tcp_sent_free_all(c);
	c->snd_nxt = seg->ack;
	c->snd_una = seg->ack;
	c->snd_sml = c->snd_up = seg->ack;
	c->backoff = c->retries = 0;
	if (a.rtt_ns != 0)
		tcp_rtt_sample(c, a.rtt_ns);
}

/* Section 3.10.7.3 */
static void input_syn_sent(struct tcp_conn *c, struct tcp_seg *seg)
{
	bool ack_ok = (seg->flags & TCP_ACK) && seq_after(seg->ack, c->iss) && seq_upto(seg->ack, c->snd_nxt);

	if ((seg->flags & TCP_ACK) && !ack_ok) {
		if (!(seg->flags & TCP_RST))
			tcp_send_rst(c, seg->ack, false);
		return;
	}
	/* An old SYN-ACK cannot echo a timestamp of this connection. */
	if (ack_ok && seg->has_ts && seg->ts_ecr != 0 && seq_after(seg->ts_ecr, tcp_timestamp(c))) {
		if (!(seg->flags & TCP_RST))
			tcp_send_rst(c, seg->ack, false);
		return;
	}
	if (seg->flags & TCP_RST) {
		if (ack_ok)
			tcp_closed(c, ECONNREFUSED);
		return;
	}
	if (!(seg->flags & TCP_SYN))
		return;
	take_peer_options(c, seg);
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	c->snd_wnd = c->snd_wnd_max = seg->wnd; /* never scaled in a SYN */
	tcp_note_alive(c);
	if (ack_ok) {
		if (c->fast_asked && seg->cookie_bytes > 0)
			c->ops->cookie(c, seg->cookie, seg->cookie_bytes);
		syn_acked(c, seg);
		established(c);
		c->ack_now = true;
	} else {
		/* Both sides open at once: our SYN goes again, with an ACK. */
		tcp_enter(c, TCPS_SYN_RECV);
		c->snd_wnd = c->snd_wnd_max = 0;
		tcp_sent_free_all(c);
		c->snd_nxt = c->iss + 1;
	}
}

/* An answer to a segment outside the window: at once when it has data (the peer is behind), else not too often. */
static void answer_out_of_window(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (seg->flags & TCP_RST)
		return;
	if (seg->len == 0 && !(seg->flags & (TCP_SYN | TCP_FIN))) {
		if (c->oow_ack_ns != 0 && c->now_ns - c->oow_ack_ns < TCP_INVALID_ACK_NS)
			return;
		c->oow_ack_ns = c->now_ns;
	}
	uint32_t end = seg->seq + seg->len;
	if (seg->len > 0 && c->sack_ok && seq_before(seg->seq, c->rcv_nxt)) {
		c->dsack.start = seg->seq;
		c->dsack.end = seq_min(end, c->rcv_nxt);
	}
	c->ack_now = true;
}

/* PAWS (RFC 7323 section 5.3): older than what has been accepted. */
static bool is_old_duplicate(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return c->ts_ok && seg->has_ts && !(seg->flags & TCP_RST) && seq_before(seg->ts_val, c->ts_recent) &&
	       c->now_ns - c->ts_recent_ns < TS_FRESH_NS;
}

/* First check: is any of it inside the window? */
static bool is_in_window(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t len = seg->len + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
	uint32_t wnd = tcp_window_receive(c);

	/* A little in the past is an ACK that still counts when the window is shut or the segment is empty. */
	if (len == 0)
		return seq_within(seg->seq, c->rcv_nxt, c->rcv_nxt + wnd);
	return seq_before(c->rcv_nxt, seg->seq + len) && seq_before(seg->seq, c->rcv_nxt + MAX(wnd, 1u));
}

/* Second check: RFC 5961 section 3.2. Only the exact number resets; a near miss has to prove itself. */
static void input_rst(struct tcp_conn *c, const struct tcp_seg *seg)
{
	static const int error_of[] = {
		[TCPS_CLOSE_WAIT] = EPIPE, [TCPS_CLOSING] = 0, [TCPS_LAST_ACK] = 0, [TCPS_TIME_WAIT] = 0};

	if (seg->seq != c->rcv_nxt) {
		tcp_challenge_ack(c);
		return;
	}
	if (c->state == TCPS_TIME_WAIT)
		return; /* RFC 1337 */
	if (c->state == TCPS_SYN_RECV)
		tcp_closed(c, ECONNREFUSED);
	else
		tcp_closed(c, c->state < ARRAY_SIZE(error_of) && error_of[c->state] != 0 ? error_of[c->state]
											 : ECONNRESET);
}

static void take_timestamp(struct tcp_conn *c, const struct tcp_seg *seg)
{
	/* RFC 7323 section 4.3: only from segments that include the last byte acknowledged. */
	if (c->ts_ok && seg->has_ts && seq_upto(seg->seq, c->rcv_acked) && !seq_before(seg->ts_val, c->ts_recent)) {
		c->ts_recent = seg->ts_val;
		c->ts_recent_ns = c->now_ns;
	}
}

static void note_sack_range(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	struct tcp_sack_block kept[TCP_SACK_MAX] = {{start, end}};
	unsigned nr = 1;

	for (unsigned i = 0; i < c->nr_rcv_sacks && nr < TCP_SACK_MAX; i++) {
		struct tcp_sack_block b = c->rcv_sacks[i];
		if (!(seq_upto(start, b.start) && seq_upto(b.end, end)))
			kept[nr++] = b;
	}
	for (unsigned i = 0; i < nr; i++)
		c->rcv_sacks[i] = kept[i];
	c->nr_rcv_sacks = (uint8_t)nr;
}

static void drop_sacks_below(struct tcp_conn *c, uint32_t upto)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < c->nr_rcv_sacks; i++)
		if (seq_after(c->rcv_sacks[i].end, upto))
			c->rcv_sacks[nr++] = c->rcv_sacks[i];
	c->nr_rcv_sacks = (uint8_t)nr;
}

/* How urgent is the answer to data that came in order? RFC 5681 section 4.2, and quick ACKs while the peer starts. */
static void schedule_ack(struct tcp_conn *c)
{
	c->ack_pending = true;
	if (c->rcv_nxt - c->rcv_acked > c->rcv_mss && (!c->pingpong || c->rcv_nxt - c->rcv_acked >= 2u * c->rcv_mss))
		c->ack_now = true;
	else if (c->quick_acks > 0 && !c->pingpong)
		c->ack_now = true;
}

static void take_in_order(struct tcp_conn *c, const struct tcp_seg *seg, struct pbuf *p)
{
	bool filled_hole = c->rcvq.ahead != NULL;
	uint32_t before = c->rcv_nxt;

	if (c->orphan)
		pbuf_put(p); /* FIN-WAIT with nobody to read: only acknowledged when it is empty; see check_orphan */
	else
		tcp_rcvq_append(&c->rcvq, p);
	c->rcv_nxt = tcp_rcvq_end(&c->rcvq);
	c->bytes_received += c->rcv_nxt - before;
	if (filled_hole) {
		drop_sacks_below(c, c->rcv_nxt);
		c->ack_now = true;
	}
	if (seg->flags & TCP_PSH)
		c->push_seen = true;
	c->events |= TCP_EV_READABLE;
	c->last_data_ns = c->now_ns;
	schedule_ack(c);
}

void tcp_conn_prune(struct tcp_conn *c)
{
	tcp_rcvq_drop_ahead(&c->rcvq);
	c->nr_rcv_sacks = 0;
}

/* What is out of order is given up first when memory is short: the peer has it still. */
static bool has_memory_ahead(struct tcp_conn *c)
{
	if (likely(c->mem_level == TCP_MEM_ENOUGH))
		return true;
	if (c->mem_level == TCP_MEM_FULL || c->rcvq.truesize > TCP_MEM_MODERATE) {
		tcp_conn_prune(c);
		return false;
	}
	return true;
}

/* And then what is in order, but for a reader that has taken everything: it can always go on. */
static bool has_memory_in_order(struct tcp_conn *c)
{
	if (likely(c->mem_level != TCP_MEM_FULL) || c->rcvq.bytes == 0)
		return true;
	tcp_conn_prune(c);
	return false;
}

static void take_ahead(struct tcp_conn *c, uint32_t seq, struct pbuf *p)
{
	uint32_t start, end;

	c->ack_now = true; /* RFC 5681 section 4.2: the sender must hear of the hole */
	c->quick_acks = MAX(c->quick_acks, (uint8_t)8);
	if (c->rcvq.truesize + pbuf_truesize(p) > (size_t)c->rcvbuf * 2 || !has_memory_ahead(c)) {
		pbuf_put(p);
		return;
	}
	if (tcp_rcvq_insert(&c->rcvq, seq, p, &start, &end))
		note_sack_range(c, start, end);
	else if (start != end && c->sack_ok)
		c->dsack = (struct tcp_sack_block){start, end};
}

/* The receive time estimate for growing buffers: how old the data is that our timestamp drew. */
static void measure_rcv_rtt(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!c->ts_ok || !seg->has_ts || seg->ts_ecr == 0 || seg->len < c->rcv_mss)
		return;
	uint64_t rtt = (uint64_t)(tcp_timestamp(c) - seg->ts_ecr) * TCP_MS;
	if (rtt > 60 * TCP_SEC)
		return;
	rtt = MAX(rtt, TCP_MS);
	c->rcv_rtt_ns = c->rcv_rtt_ns == 0 ? rtt : (c->rcv_rtt_ns * 7 + rtt) / 8;
}

/* RFC 9293 3.8.5, with the pointer as everybody understands it: one behind the urgent byte. */
static void take_urgent(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t at = seg->seq + seg->urg - 1;

	if (seg->urg == 0 || seq_before(at, c->rcv_nxt) || seq_before(at, c->rcvq.read_seq))
		return;
	if (c->urg_pending && seq_upto(at, c->urg_seq))
		return;
	c->urg_seq = at;
	c->urg_pending = true;
	c->urg_have_byte = c->urg_found = false;
}

static void find_urgent_byte(struct tcp_conn *c)
{
	if (!c->urg_pending || c->urg_found || !seq_before(c->urg_seq, c->rcv_nxt) ||
	    seq_before(c->urg_seq, c->rcvq.read_seq))
		return;
	if (seq_upto(tcp_rcvq_end(&c->rcvq), c->urg_seq))
		return;
	c->urg_byte = tcp_rcvq_byte(&c->rcvq, c->urg_seq);
	c->urg_have_byte = c->urg_found = true;
	c->events |= TCP_EV_URGENT;
}

/* Cuts the segment to the window. False: nothing is left to process. */
static bool trim(struct tcp_conn *c, struct tcp_seg *seg, struct pbuf **p)
{
	uint32_t edge = c->rcv_nxt + tcp_window_receive(c);

	if (seq_before(seg->seq, c->rcv_nxt)) {
		uint32_t cut = MIN(c->rcv_nxt - seg->seq, seg->len);
		if (cut > 0 && c->sack_ok)
			c->dsack = (struct tcp_sack_block){seg->seq, seg->seq + cut};
		if (cut > 0)
			c->ack_now = true;
		if (*p != NULL)
			pbuf_pull(*p, cut);
		seg->seq += cut;
		seg->len -= cut;
	}
	if (seq_after(seg->seq + seg->len, edge)) {
		uint32_t keep = seq_before(seg->seq, edge) ? edge - seg->seq : 0;
		seg->len = keep;
		if (*p != NULL)
			pbuf_trim(*p, keep);
		seg->flags &= (uint8_t)~TCP_FIN;
		c->ack_now = true;
	}
	if (seg->len == 0 && *p != NULL) {
		pbuf_put(*p);
		*p = NULL;
	}
	return seg->len > 0 || seg->flags & TCP_FIN;
}

/* Eighth check */
static void input_fin(struct tcp_conn *c)
{
	c->rcv_nxt++;
	c->fin_received = true;
	c->ack_now = true;
	tcp_rcvq_drop_ahead(&c->rcvq); /* nothing can follow */
	c->nr_rcv_sacks = 0;
	c->events |= TCP_EV_READABLE | TCP_EV_FIN;
	switch (c->state) {
	case TCPS_ESTABLISHED:
	case TCPS_SYN_RECV:
		tcp_enter(c, TCPS_CLOSE_WAIT);
		break;
	case TCPS_FIN_WAIT1:
		tcp_enter(c, TCPS_CLOSING);
		break;
	case TCPS_FIN_WAIT2:
		tcp_enter_time_wait(c);
		break;
	}
}

static bool receives_data(const struct tcp_conn *c)
{
	return c->state == TCPS_ESTABLISHED || c->state == TCPS_FIN_WAIT1 || c->state == TCPS_FIN_WAIT2;
}

/* Sixth to eighth check. Consumes p. */
static void input_data(struct tcp_conn *c, struct tcp_seg *seg, struct pbuf *p)
{
	bool old_fin = c->fin_received && (seg->flags & TCP_FIN);

	if (!receives_data(c) || !trim(c, seg, &p)) {
		if (old_fin || (seg->len > 0 && c->fin_received))
			c->ack_now = true;
		if (old_fin && c->state == TCPS_TIME_WAIT)
			c->state_at_ns = c->now_ns + TCP_TIME_WAIT_NS;
		pbuf_put(p);
		return;
	}
	if (c->ecn_ok) {
		if (seg->flags & TCP_CWR)
			c->ece_pending = false;
		if (seg->ce)
			c->ece_pending = true;
	}
	if (c->orphan && seg->len > 0) {
		/* Data for an application that has gone is lost: say so (RFC 1122 4.2.2.13). */
		pbuf_put(p);
		tcp_conn_abort(c, 0, c->now_ns);
		return;
	}
	if (p != NULL && seg->seq == c->rcv_nxt && !has_memory_in_order(c)) {
		c->ack_now = true;
		pbuf_put(p);
		return;
	}
	if (seg->flags & TCP_URG)
		take_urgent(c, seg);
	tcp_window_measure(c, seg->len);
	measure_rcv_rtt(c, seg);
	bool in_order = seg->seq == c->rcv_nxt;
	uint32_t fin_at = seg->seq + seg->len;
	if (p != NULL && in_order)
		take_in_order(c, seg, p);
	else if (p != NULL)
		take_ahead(c, seg->seq, p);
	find_urgent_byte(c);
	/* A FIN ahead of a hole comes again with what fills it. */
	if ((seg->flags & TCP_FIN) && fin_at == c->rcv_nxt)
		input_fin(c);
	else if ((seg->flags & TCP_FIN) && seg->len == 0)
		c->ack_now = true;
}

/* Our FIN has been acknowledged. */
static void our_fin_acked(struct tcp_conn *c)
{
	switch (c->state) {
	case TCPS_FIN_WAIT1:
		tcp_enter(c, TCPS_FIN_WAIT2);
		c->events |= TCP_EV_WRITABLE;
		break;
	case TCPS_CLOSING:
		tcp_enter_time_wait(c);
		break;
	case TCPS_LAST_ACK:
		tcp_closed(c, 0);
		break;
	}
}

/* Fifth check in SYN-RECEIVED (a simultaneous opening): false when the segment is at its end. */
static bool finish_simultaneous_open(struct tcp_conn *c, struct tcp_seg *seg)
{
	if (seg->ack != c->iss + 1) {
		tcp_send_rst(c, seg->ack, false);
		return false;
	}
	syn_acked(c, seg);
	c->snd_wnd = c->snd_wnd_max = (uint32_t)seg->wnd << c->snd_wscale;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	established(c);
	return true;
}

/* Section 3.10.7.4. Consumes p. */
static void input_synchronized(struct tcp_conn *c, struct tcp_seg *seg, struct pbuf *p)
{
	/* In a simultaneous opening the peer's SYN comes again with the ACK: it is no news, the ACK is. */
	if (c->state == TCPS_SYN_RECV && seg->flags & TCP_SYN && seg->seq == c->irs) {
		seg->flags &= (uint8_t)~TCP_SYN;
		seg->seq++;
	}
	if (is_old_duplicate(c, seg) || !is_in_window(c, seg)) {
		answer_out_of_window(c, seg);
		goto drop;
	}
	if (seg->flags & TCP_RST) {
		input_rst(c, seg);
		goto drop;
	}
	if (seg->flags & TCP_SYN) {
		tcp_challenge_ack(c); /* RFC 5961 section 4.2 */
		goto drop;
	}
	if (!(seg->flags & TCP_ACK))
		goto drop;
	if (c->state == TCPS_SYN_RECV && !finish_simultaneous_open(c, seg))
		goto drop;
	if (!tcp_process_ack(c, seg))
		goto drop;
	tcp_note_alive(c);
	take_timestamp(c, seg);
	if (c->fin_sent && c->snd_una == c->snd_nxt)
		our_fin_acked(c);
	if (c->state == TCPS_CLOSED)
		goto drop;
	if (seg->len > 0 || seg->flags & TCP_FIN) {
		input_data(c, seg, p);
		return;
	}
drop:
	pbuf_put(p);
}

void tcp_conn_input(struct tcp_conn *c, struct tcp_seg *seg, struct pbuf *payload, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->segs_in++;
	if (c->state == TCPS_CLOSED || c->state == TCPS_LISTEN) {
		pbuf_put(payload);
	} else if (c->state == TCPS_SYN_SENT) {
		input_syn_sent(c, seg);
		pbuf_put(payload);
	} else {
		input_synchronized(c, seg, payload);
	}
}
