/* SPDX-License-Identifier: MIT */
/*
 * tcp_rack.c - finding losses by time: RACK, and the tail loss probe (RFC 8985).
 * What was sent long enough before something that has arrived is lost; "enough" allows for reordering seen.
 */
#include "kernel/net/tcp_priv.h"

#define REO_PERSIST 16 /* recoveries without D-SACK until the window is small again */

static bool sent_after(uint64_t t1, uint32_t end1, uint64_t t2, uint32_t end2)
{
	return t1 > t2 || (t1 == t2 && seq_after(end1, end2));
}

/* Section 6.2 step 2: remembers the newest transmission that has arrived. */
void tcp_rack_delivered(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a)
{
	if (a->newest_sent_ns == 0)
		return;
	uint64_t rtt = c->now_ns > a->newest_sent_ns ? c->now_ns - a->newest_sent_ns : 1;
	if (a->newest_times > 1) {
		/* Perhaps it was the first transmission that arrived, and this says nothing about the later one. */
		uint32_t sent_ts = (uint32_t)(a->newest_sent_ns / TCP_MS) + c->ts_offset;
		if (c->ts_ok && seg->has_ts && seq_before(seg->ts_ecr, sent_ts))
			return;
		if (rtt < c->min_rtt_ns)
			return;
	}
	c->rack_rtt_ns = rtt;
	if (sent_after(a->newest_sent_ns, a->newest_end, c->rack_sent_ns, c->rack_end)) {
		c->rack_sent_ns = a->newest_sent_ns;
		c->rack_end = a->newest_end;
	}
}

/* Section 6.2 step 4, with the rounds of D-SACKs. */
static uint64_t reorder_window(const struct tcp_conn *c)
{
	if (!c->reorder_seen) {
		if (c->ca_state >= TCP_CONG_RECOVERY || c->sacked >= 3u * c->mss)
			return 0;
	}
	return MIN(c->min_rtt_ns / 4 * c->rack_reo_mult, c->srtt_ns);
}

uint32_t tcp_rack_detect(struct tcp_conn *c)
{
	uint64_t window = reorder_window(c), wait = 0;
	uint32_t before = c->lost;

	if (c->rack_sent_ns == 0)
		return 0;
	list_for_each_safe (s, &c->by_time, time_link, struct tcp_sent) {
		if (!sent_after(c->rack_sent_ns, c->rack_end, s->sent_ns, s->end))
			break;
		uint64_t due = s->sent_ns + c->rack_rtt_ns + window;
		if (due > c->now_ns) {
			wait = due - c->now_ns;
			break;
		}
		tcp_sent_mark_lost(c, s);
	}
	if (wait > 0)
		tcp_arm_rtx(c, TCP_RTX_REORDER, c->now_ns + wait);
	return c->lost - before;
}

/* A retransmission was for nothing: allow for more reordering, once a round trip. */
void tcp_rack_dsack(struct tcp_conn *c)
{
	if (c->dsack_seen && seq_before(c->snd_una, c->rack_dsack_round))
		return;
	c->dsack_seen = true;
	c->rack_dsack_round = c->snd_nxt;
	c->rack_reo_persist = REO_PERSIST;
	if (c->rack_reo_mult < 255)
		c->rack_reo_mult++;
}

/* Section 7.2: without an ACK for two round trips, send something that draws one. */
bool tcp_tlp_arm(struct tcp_conn *c)
{
	uint64_t pto, rto = tcp_rto(c);

	if (c->ca_state != TCP_CONG_OPEN || !c->sack_ok || c->srtt_ns == 0 || c->tlp_active || c->sacked > 0)
		return false;
	pto = 2 * c->srtt_ns;
	/* A single segment may meet a delayed ACK; the least wait keeps timers off the data path. */
	pto += c->nr_inflight == 1 ? TCP_RTO_MIN_NS : 2 * TCP_MS;
	tcp_arm_rtx(c, TCP_RTX_TLP, c->now_ns + MIN(pto, rto));
	return true;
}

void tcp_tlp_fire(struct tcp_conn *c)
{
	bool sent = false;

	c->tlp_retrans = false;
	if (tcp_has_unsent(c))
		sent = tcp_send_new(c, c->mss);
	if (!sent && !list_empty(&c->inflight)) {
		struct tcp_sent *s = container_of(c->inflight.prev, struct tcp_sent, link);
		if (s->end - s->seq > c->mss && tcp_sent_split(c, s, s->end - c->mss))
			s = container_of(c->inflight.prev, struct tcp_sent, link);
		sent = c->tlp_retrans = tcp_retransmit_one(c, s, c->mss + 1u);
	}
	if (sent) {
		c->tlp_active = true;
		c->tlp_end = c->snd_nxt;
	}
	tcp_arm_rtx(c, TCP_RTX_RTO, c->now_ns + tcp_rto(c));
}

/* Section 7.4: did the probe itself repair a loss? Then the window must shrink as for any other. */
void tcp_tlp_acked(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a)
{
	if (!c->tlp_active || seq_before(seg->ack, c->tlp_end))
		return;
	if (!c->tlp_retrans || a->dsack) {
		c->tlp_active = false;
		return;
	}
	if (seq_after(seg->ack, c->tlp_end)) {
		/* More than the probe: had both copies arrived, a D-SACK or a duplicate ACK would have come. */
		c->tlp_active = false;
		if (c->ca_state <= TCP_CONG_DISORDER) {
			c->ssthresh = c->cc->reduce(c);
			c->cwnd = MIN(c->cwnd, c->ssthresh);
		}
		return;
	}
	if (a->acked == 0 && a->is_dup)
		c->tlp_active = false; /* the second of two copies */
}
