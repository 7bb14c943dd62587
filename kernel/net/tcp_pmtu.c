/* SPDX-License-Identifier: MIT */
/*
 * tcp_pmtu.c - the size of segments: what both ends and the path take (RFC 9293 3.7.1, RFC 6691), path MTU discovery
 * (RFC 1191, 8201), and paths that drop large packets without a word (RFC 2923, in the spirit of RFC 4821).
 */
#include "kernel/net/tcp_priv.h"

#define MSS_LEAST          88   /* a path or peer that asks for less is not believed: tiny segments are an attack */
#define BLACKHOLE_MSS      1160 /* fits 1200 bytes with IPv4 */
#define BLACKHOLE_LEAST    512
#define BLACKHOLE_TIMEOUTS 3

void tcp_conn_update_mss(struct tcp_conn *c)
{
	uint32_t mss = MIN(c->mss_path, c->mss_peer);

	if (c->mss_user != 0)
		mss = MIN(mss, (uint32_t)c->mss_user);
	mss = MAX(mss, (uint32_t)MSS_LEAST);
	c->mss = (uint16_t)(mss - (c->ts_ok ? TCP_OPT_TS_BYTES : 0));
}

void tcp_conn_set_mss_path(struct tcp_conn *c, uint16_t mss_path)
{
	uint16_t before = c->mss;

	c->mss_path = mss_path;
	tcp_conn_update_mss(c);
	if (c->mss >= before || list_empty(&c->inflight))
		return;
	/* What was sent in larger pieces has been dropped. That is no congestion: send it again at once. */
	uint32_t largest = 0;
	list_for_each (s, &c->inflight, link, struct tcp_sent)
		largest = MAX(largest, s->end - s->seq);
	if (largest <= c->mss || !tcp_state_is_synchronized(c->state))
		return;
	list_for_each (s, &c->inflight, link, struct tcp_sent)
		if (!(s->flags & (TCP_SENT_SACKED | TCP_SENT_LOST)) && s->end - s->seq > c->mss)
			tcp_sent_mark_lost(c, s);
	if (c->ca_state <= TCP_CONG_DISORDER) {
		c->ca_state = TCP_CONG_LOSS;
		c->recovery_point = c->snd_nxt;
		c->undo_valid = false;
	}
}

/* Full segments time out again and again: perhaps only small ones pass. */
void tcp_pmtu_blackhole(struct tcp_conn *c)
{
	if (c->retries != BLACKHOLE_TIMEOUTS && c->retries != BLACKHOLE_TIMEOUTS + 2)
		return;
	uint16_t least = c->retries == BLACKHOLE_TIMEOUTS ? BLACKHOLE_MSS : BLACKHOLE_LEAST;
	if (c->mss_path > least) {
		c->mss_path = least;
		tcp_conn_update_mss(c);
	}
}
