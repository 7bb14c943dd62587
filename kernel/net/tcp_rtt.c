/* SPDX-License-Identifier: MIT */
/* tcp_rtt.c - round-trip time and retransmission timeout (RFC 6298), and the smallest round trip for RACK. */
#include "kernel/net/tcp_priv.h"

#define MIN_RTT_WINDOW_NS (300 * TCP_SEC)

void tcp_rtt_sample(struct tcp_conn *c, uint64_t rtt_ns)
{
	rtt_ns = MAX(rtt_ns, 1000ull); /* 0 means "none" */
	if (c->srtt_ns == 0) {
		c->srtt_ns = rtt_ns;
		c->rttvar_ns = rtt_ns / 2;
	} else {
		uint64_t diff = rtt_ns > c->srtt_ns ? rtt_ns - c->srtt_ns : c->srtt_ns - rtt_ns;

		c->rttvar_ns = (c->rttvar_ns * 3 + diff) / 4;
		c->srtt_ns = (c->srtt_ns * 7 + rtt_ns) / 8;
	}
	/* The minimum bounds the variance's part, not the sum, as on Linux: a steady path needs slack as well. */
	c->rto_ns = MIN(c->srtt_ns + MAX(4 * c->rttvar_ns, TCP_RTO_MIN_NS), TCP_RTO_MAX_NS);
	if (c->min_rtt_ns == 0 || rtt_ns <= c->min_rtt_ns || c->now_ns - c->min_rtt_at_ns > MIN_RTT_WINDOW_NS) {
		c->min_rtt_ns = rtt_ns;
		c->min_rtt_at_ns = c->now_ns;
	}
	if (c->cc->rtt != NULL)
		c->cc->rtt(c, rtt_ns);
}

uint64_t tcp_rto(const struct tcp_conn *c)
{
	unsigned shift = MIN(c->backoff, (uint8_t)16);

	return MIN(c->rto_ns << shift, TCP_RTO_MAX_NS);
}
