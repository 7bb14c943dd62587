/* SPDX-License-Identifier: MIT */
/* tcp_reno.c - NewReno's window (RFC 5681), slow start for all, and the list of algorithms. */
#include "kernel/net/tcp_priv.h"

#include "lib/string.h"

uint32_t tcp_slow_start(struct tcp_conn *c, uint32_t acked)
{
	if (c->cwnd >= c->ssthresh)
		return acked;
	uint32_t step = MIN(acked, c->ssthresh - c->cwnd);
	c->cwnd += step;
	return acked - step;
}

static void reno_init(struct tcp_conn *c)
{
	c->cc_state[0] = 0; /* bytes acknowledged since cwnd grew last */
}

static void reno_grow(struct tcp_conn *c, uint32_t acked)
{
	acked = tcp_slow_start(c, acked);
	if (acked == 0)
		return;
	c->cc_state[0] += acked;
	while (c->cc_state[0] >= c->cwnd && c->cwnd < TCP_CWND_MAX) {
		c->cc_state[0] -= c->cwnd;
		c->cwnd += c->mss;
	}
}

static uint32_t reno_reduce(struct tcp_conn *c)
{
	return MAX(c->cwnd / 2, 2u * c->mss);
}

const struct tcp_cc tcp_reno = {
	.name = "reno",
	.init = reno_init,
	.grow = reno_grow,
	.reduce = reno_reduce,
};

const struct tcp_cc *tcp_cc_find(const char *name, unsigned len)
{
	static const struct tcp_cc *const all[] = {&tcp_cubic, &tcp_reno};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		if (strlen(all[i]->name) == len && memcmp(all[i]->name, name, len) == 0)
			return all[i];
	return NULL;
}
