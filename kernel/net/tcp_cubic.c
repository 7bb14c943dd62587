/* SPDX-License-Identifier: MIT */
/*
 * tcp_cubic.c - the Cubic window (RFC 9438), with the end of slow start by rising delay (HyStart++, RFC 9406).
 * Integer arithmetic: windows in bytes, time in milliseconds; C = 0.4, beta = 0.7 as section 4 gives them.
 */
#include "kernel/net/tcp_priv.h"

struct cubic {
	uint64_t epoch_ns;    /* congestion avoidance began; 0: not yet */
	uint64_t min_rtt_ns;  /* of this round of slow start */
	uint64_t last_min_ns; /* of the one before */
	uint32_t w_max;       /* window before the last reduction */
	uint32_t w_start;     /* at epoch */
	uint32_t k_ms;        /* until w_max is reached again */
	uint32_t w_est;       /* what Reno would have */
	uint32_t est_acked;   /* bytes that count towards the next step of w_est */
	uint32_t round_end;   /* slow start: the round ends when this is acknowledged */
	uint16_t grow_rest;   /* bytes that did not make a whole byte of growth are lost; kept for small windows */
	uint8_t samples;      /* of the round */
	uint8_t css_rounds;   /* rounds in conservative slow start; 0: not in it */
};
_Static_assert(sizeof(struct cubic) <= sizeof(((struct tcp_conn *)NULL)->cc_state), "cc_state is too small");

#define BETA_10         7  /* of 10 */
#define HYSTART_CWND    16 /* segments: no delay test below */
#define HYSTART_SAMPLES 8
#define CSS_ROUNDS      5
#define CSS_DIVISOR     4

static struct cubic *cubic(struct tcp_conn *c)
{
	return (struct cubic *)c->cc_state;
}

static uint32_t cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 21; bit >= 0; bit--) {
		uint64_t try = root | 1ull << bit;
		if (try * try * try <= x)
			root = try;
	}
	return (uint32_t)root;
}

static void cubic_restart(struct tcp_conn *c)
{
	struct cubic *q = cubic(c);

	q->epoch_ns = 0;
	q->round_end = c->snd_nxt;
	q->samples = q->css_rounds = 0;
	q->min_rtt_ns = q->last_min_ns = UINT64_MAX;
}

static void cubic_init(struct tcp_conn *c)
{
	*cubic(c) = (struct cubic){0};
	cubic_restart(c);
}

/* C * (t - K)^3 in bytes: figure 1 of the RFC. d_ms up to 1000 s keeps this in 64 bits. */
static uint64_t cube_bytes(const struct tcp_conn *c, uint64_t d_ms)
{
	d_ms = MIN(d_ms, 1000000ull);
	return 4 * d_ms * d_ms * d_ms / 10000000 * c->mss / 1000;
}

static void start_epoch(struct tcp_conn *c)
{
	struct cubic *q = cubic(c);

	q->epoch_ns = c->now_ns;
	q->w_start = q->w_est = c->cwnd;
	q->est_acked = 0;
	q->k_ms = 0;
	if (q->w_max > c->cwnd) /* K = cbrt((w_max - cwnd) / C), in ms */
		q->k_ms = cube_root((uint64_t)(q->w_max - c->cwnd) * 2500000000ull / c->mss);
	else
		q->w_max = c->cwnd;
}

/* Where the cubic function wants the window to be one round trip from now; bounded as section 4.4 says. */
static uint32_t target(struct tcp_conn *c)
{
	struct cubic *q = cubic(c);
	uint64_t t_ms = (c->now_ns - q->epoch_ns + c->srtt_ns) / TCP_MS;
	uint64_t want;

	if (t_ms >= q->k_ms) {
		want = q->w_max + cube_bytes(c, t_ms - q->k_ms);
	} else {
		uint64_t below = cube_bytes(c, q->k_ms - t_ms);
		want = q->w_max > below ? q->w_max - below : 0;
	}
	return (uint32_t)MIN(MAX(want, (uint64_t)c->cwnd), (uint64_t)c->cwnd + c->cwnd / 2);
}

/* The window that Reno would have (section 4.3): alpha = 3 (1 - beta) / (1 + beta) = 9/17 until w_max, then 1. */
static void grow_reno_estimate(struct tcp_conn *c, uint32_t acked)
{
	struct cubic *q = cubic(c);
	uint64_t per_mss = q->w_est < q->w_max ? (uint64_t)q->w_est * 17 / 9 : q->w_est;

	q->est_acked += acked;
	if (q->est_acked >= per_mss && q->w_est < TCP_CWND_MAX) {
		q->est_acked -= (uint32_t)per_mss;
		q->w_est += c->mss;
	}
}

static void cubic_grow(struct tcp_conn *c, uint32_t acked)
{
	struct cubic *q = cubic(c);

	if (c->cwnd < c->ssthresh) {
		uint32_t step = q->css_rounds > 0 ? MAX(acked / CSS_DIVISOR, 1u) : acked;
		acked = tcp_slow_start(c, step);
		if (acked == 0 || c->cwnd < c->ssthresh)
			return;
	}
	if (q->epoch_ns == 0)
		start_epoch(c);
	grow_reno_estimate(c, acked);
	uint32_t want = target(c);
	uint64_t step = (uint64_t)(want - c->cwnd) * acked + q->grow_rest;
	c->cwnd = (uint32_t)MIN(c->cwnd + step / c->cwnd, (uint64_t)TCP_CWND_MAX);
	q->grow_rest = (uint16_t)MIN(step % c->cwnd, 65535ull);
	c->cwnd = MAX(c->cwnd, q->w_est);
}

static uint32_t cubic_reduce(struct tcp_conn *c)
{
	struct cubic *q = cubic(c);

	/* Fast convergence, section 4.7: leave room for newcomers when the last maximum was not reached. */
	q->w_max = c->cwnd < q->w_max ? (uint32_t)((uint64_t)c->cwnd * (10 + BETA_10) / 20) : c->cwnd;
	q->epoch_ns = 0;
	q->css_rounds = 0;
	return MAX((uint32_t)((uint64_t)c->cwnd * BETA_10 / 10), 2u * c->mss);
}

/* HyStart++: the delay of a round of slow start is compared with that of the one before. */
static void cubic_rtt(struct tcp_conn *c, uint64_t rtt_ns)
{
	struct cubic *q = cubic(c);

	if (c->cwnd >= c->ssthresh)
		return;
	if (seq_after(c->snd_una, q->round_end)) {
		q->round_end = c->snd_nxt;
		q->last_min_ns = q->min_rtt_ns;
		q->min_rtt_ns = UINT64_MAX;
		q->samples = 0;
		if (q->css_rounds > 0 && ++q->css_rounds > CSS_ROUNDS) {
			c->ssthresh = c->cwnd;
			q->w_max = c->cwnd;
			return;
		}
	}
	q->min_rtt_ns = MIN(q->min_rtt_ns, rtt_ns);
	if (q->samples < HYSTART_SAMPLES)
		q->samples++;
	if (q->samples < HYSTART_SAMPLES || q->last_min_ns == UINT64_MAX || c->cwnd < HYSTART_CWND * (uint32_t)c->mss)
		return;
	uint64_t threshold = MIN(MAX(q->last_min_ns / 8, 4 * TCP_MS), 16 * TCP_MS);
	bool slower = q->min_rtt_ns >= q->last_min_ns + threshold;
	if (slower && q->css_rounds == 0)
		q->css_rounds = 1;
	else if (!slower && q->css_rounds > 0)
		q->css_rounds = 0; /* it was a fluctuation */
}

const struct tcp_cc tcp_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.grow = cubic_grow,
	.reduce = cubic_reduce,
	.rtt = cubic_rtt,
	.restart = cubic_restart,
};
