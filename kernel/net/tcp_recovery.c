/* SPDX-License-Identifier: MIT */
/*
 * tcp_recovery.c - when the congestion window shrinks, what is sent while it does (PRR, RFC 6937), when that ends, and
 * when it turns out to have been a mistake (Eifel, RFC 3522 and 4015, and D-SACKs, RFC 3708).
 */
#include "kernel/net/tcp_priv.h"

#define DUP_ACKS 3 /* RFC 5681 */

static void save_for_undo(struct tcp_conn *c)
{
	c->undo_valid = true;
	c->cwnd_prior = c->cwnd;
	c->ssthresh_prior = c->ssthresh;
	c->undo_una = c->snd_una;
	c->undo_bytes = 0;
	c->retrans_ts = 0;
}

static void enter_reduction(struct tcp_conn *c, enum tcp_congestion state)
{
	c->recovery_point = c->snd_nxt;
	c->recover_flight = MAX(tcp_flight(c), (uint32_t)c->mss);
	c->prr_delivered = c->prr_out = 0;
	c->ssthresh = c->cc->reduce(c);
	c->ca_state = (uint8_t)state;
	c->tlp_active = false;
}

static void enter_recovery(struct tcp_conn *c)
{
	if (c->ca_state == TCP_CONG_CWR) { /* reduced already in this round trip: only repair */
		c->ca_state = TCP_CONG_RECOVERY;
		c->recovery_point = c->snd_nxt;
		return;
	}
	save_for_undo(c);
	enter_reduction(c, TCP_CONG_RECOVERY);
}

static void leave(struct tcp_conn *c)
{
	if (c->ca_state == TCP_CONG_RECOVERY || c->ca_state == TCP_CONG_CWR)
		c->cwnd = MAX(MIN(c->cwnd, c->ssthresh), (uint32_t)c->mss);
	if (c->ca_state == TCP_CONG_RECOVERY) {
		c->cwnd = c->ssthresh;
		if (c->rack_reo_persist > 0 && --c->rack_reo_persist == 0)
			c->rack_reo_mult = 1;
	}
	c->ca_state = TCP_CONG_OPEN;
	c->dup_acks = 0;
	c->undo_valid = false;
}

/* The peer answered the original, or got everything twice. */
static bool was_spurious(const struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a)
{
	if (!c->undo_valid || c->retrans_ts == 0)
		return false;
	if (c->ts_ok && seg->has_ts && a->acked > 0 && seg->ts_ecr != 0 && seq_before(seg->ts_ecr, c->retrans_ts))
		return true;
	return a->dsack && c->undo_bytes == 0;
}

static void undo(struct tcp_conn *c)
{
	tcp_sent_unmark_lost(c);
	c->cwnd = MAX(c->cwnd, c->cwnd_prior);
	c->ssthresh = MAX(c->ssthresh, c->ssthresh_prior);
	c->ca_state = TCP_CONG_OPEN;
	c->undo_valid = false;
	c->backoff = 0;
	c->dup_acks = 0;
}

/* Proportional rate reduction: the window follows what leaves the network down to ssthresh. */
static void prr(struct tcp_conn *c, const struct tcp_ack *a)
{
	uint32_t pipe = tcp_pipe(c), can;

	c->prr_delivered += a->delivered;
	if (pipe > c->ssthresh) {
		uint64_t share = (uint64_t)c->prr_delivered * c->ssthresh + c->recover_flight - 1;
		uint32_t due = (uint32_t)MIN(share / c->recover_flight, (uint64_t)UINT32_MAX);
		can = due > c->prr_out ? due - c->prr_out : 0;
	} else {
		uint32_t owed = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;
		can = MAX(owed, a->delivered);
		if (a->acked > 0 && a->lost == 0)
			can += c->mss;
		can = MIN(can, c->ssthresh - pipe);
	}
	if (c->prr_out == 0 && can < c->mss)
		can = c->mss; /* the first retransmission always goes */
	c->cwnd = pipe + can;
}

/* Without SACK: duplicate ACKs count segments that have arrived; the first one missing is deemed lost (RFC 6582). */
static void newreno_ack(struct tcp_conn *c, struct tcp_ack *a)
{
	if (a->acked > 0) {
		bool in_recovery = c->ca_state == TCP_CONG_RECOVERY;
		uint32_t segs = (a->acked + c->mss - 1) / c->mss;

		c->dup_acks = in_recovery ? (uint8_t)(c->dup_acks > segs - 1 ? c->dup_acks - (segs - 1) : 0) : 0;
		if (!in_recovery || !seq_before(c->snd_una, c->recovery_point))
			return;
	} else if (a->is_dup) {
		if (c->dup_acks < UINT8_MAX)
			c->dup_acks++;
		a->delivered += c->mss;
		if (c->dup_acks != DUP_ACKS || c->ca_state >= TCP_CONG_RECOVERY)
			return;
	} else {
		return;
	}
	if (list_empty(&c->inflight))
		return;
	struct tcp_sent *s = list_first(&c->inflight, struct tcp_sent, link);
	if (s->flags & (TCP_SENT_LOST | TCP_SENT_SACKED))
		return;
	if (s->end - s->seq > c->mss && !tcp_sent_split(c, s, s->seq + c->mss))
		return;
	a->lost += s->end - s->seq;
	tcp_sent_mark_lost(c, s);
}

static bool may_grow(const struct tcp_conn *c)
{
	if (c->cwnd < c->ssthresh)
		return c->cwnd < 2 * (uint64_t)c->max_pipe;
	return c->cwnd_limited;
}

static void ecn_reduce(struct tcp_conn *c)
{
	if (c->ca_state >= TCP_CONG_CWR)
		return; /* once a round trip */
	enter_reduction(c, TCP_CONG_CWR);
	c->undo_valid = false;
	c->cwr_pending = true;
}

static void set_open_or_disorder(struct tcp_conn *c)
{
	if (c->ca_state <= TCP_CONG_DISORDER)
		c->ca_state = c->sacked > 0 || c->dup_acks > 0 ? TCP_CONG_DISORDER : TCP_CONG_OPEN;
}

void tcp_recovery_ack(struct tcp_conn *c, const struct tcp_seg *seg, struct tcp_ack *a)
{
	bool point_reached = !seq_before(c->snd_una, c->recovery_point);

	tcp_tlp_acked(c, seg, a);
	if (c->sack_ok) {
		tcp_rack_delivered(c, seg, a);
		if (c->nr_inflight > 0)
			a->lost = tcp_rack_detect(c);
	} else {
		newreno_ack(c, a);
	}
	if (c->ca_state >= TCP_CONG_RECOVERY && was_spurious(c, seg, a))
		undo(c);
	else if (c->ca_state >= TCP_CONG_CWR && point_reached)
		leave(c);
	if (c->ca_state <= TCP_CONG_CWR && c->lost > 0)
		enter_recovery(c);
	if (a->ece && c->ecn_ok)
		ecn_reduce(c);
	set_open_or_disorder(c);
	if (c->ca_state == TCP_CONG_RECOVERY || c->ca_state == TCP_CONG_CWR)
		prr(c, a);
	else if (a->acked > 0 && may_grow(c))
		c->cc->grow(c, a->delivered);
}

/* Time has passed for what may have been reordered. */
void tcp_recovery_loss_detected(struct tcp_conn *c)
{
	struct tcp_ack none = {0};

	none.lost = tcp_rack_detect(c);
	if (none.lost == 0)
		return;
	if (c->ca_state <= TCP_CONG_CWR)
		enter_recovery(c);
	if (c->ca_state == TCP_CONG_RECOVERY)
		prr(c, &none);
}

/* The retransmission timer has fired: everything outstanding counts as lost, slow start begins anew (RFC 5681 3.1). */
void tcp_recovery_rto(struct tcp_conn *c)
{
	bool first_sacked =
		!list_empty(&c->inflight) && list_first(&c->inflight, struct tcp_sent, link)->flags & TCP_SENT_SACKED;

	if (c->ca_state <= TCP_CONG_DISORDER || (c->ca_state == TCP_CONG_LOSS && c->retries == 0)) {
		save_for_undo(c);
		c->ssthresh = c->cc->reduce(c);
	} else if (c->ca_state != TCP_CONG_LOSS) {
		c->undo_valid = false;
	}
	if (c->cc->restart != NULL)
		c->cc->restart(c);
	/* Its first hole known to be filled, and yet not acknowledged: the peer has dropped what it had (RFC 2018). */
	tcp_sent_mark_all_lost(c, first_sacked);
	c->cwnd = c->mss;
	c->ca_state = TCP_CONG_LOSS;
	c->recovery_point = c->snd_nxt;
	c->dup_acks = 0;
	c->tlp_active = false;
	c->rtos++;
}

/* RFC 5681 section 4.1: a window that was not used for long says nothing about the path. */
void tcp_cwnd_restart_after_idle(struct tcp_conn *c)
{
	uint32_t start = MIN(10u * c->mss, c->cwnd);
	uint64_t idle = c->now_ns - c->last_sent_ns;

	if (c->last_sent_ns == 0 || c->nr_inflight > 0 || idle <= c->rto_ns || c->ca_state != TCP_CONG_OPEN)
		return;
	c->ssthresh = c->ssthresh == TCP_SSTHRESH_INFINITE ? c->ssthresh : MAX(c->ssthresh, c->cwnd / 4 * 3);
	for (; idle > c->rto_ns && c->cwnd > start; idle -= c->rto_ns)
		c->cwnd /= 2;
	c->cwnd = MAX(c->cwnd, start);
	if (c->cc->restart != NULL)
		c->cc->restart(c);
}
