/* SPDX-License-Identifier: MIT */
/*
 * tcp_window.c - the windows that the application's buffers allow: what we announce (RFC 9293 3.8.6.2), and how buffers
 * grow by themselves. As on Linux half of a buffer is for data, the rest for what holds it.
 */
#include "kernel/net/tcp_priv.h"

/* Small packets hold more memory than data. Beyond this much the window is shut until the reader has caught up. */
#define TRUESIZE_FACTOR 4

static uint32_t space(const struct tcp_conn *c)
{
	uint32_t window = c->rcvbuf / 2;

	if (c->rcvq.truesize > (size_t)c->rcvbuf * TRUESIZE_FACTOR)
		return 0;
	return window > c->rcvq.bytes ? window - c->rcvq.bytes : 0;
}

uint32_t tcp_window_receive(const struct tcp_conn *c)
{
	return seq_after(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
}

/* What may be announced: never less than before, never a silly little more. */
static uint32_t choose(const struct tcp_conn *c)
{
	uint32_t now = tcp_window_receive(c), room = space(c);
	uint32_t step = MIN((uint32_t)c->rcv_mss, c->rcvbuf / 4);

	if (unlikely(c->mem_level == TCP_MEM_FULL))
		room = c->rcvq.bytes == 0 ? MIN(room, (uint32_t)c->rcv_mss) : 0;
	else if (unlikely(c->mem_level == TCP_MEM_PRESSURE))
		room = MIN(room, 4u * c->rcv_mss);
	if (room <= now)
		return now;
	return room - now >= step || room >= c->rcvbuf / 4 ? room : now;
}

uint16_t tcp_window_announce(struct tcp_conn *c)
{
	uint32_t max = 65535u << c->rcv_wscale;
	uint32_t wnd = MIN(choose(c), max);
	uint32_t shown = wnd >> c->rcv_wscale;

	/* Rounding down must not take back what was announced. */
	if (shown << c->rcv_wscale < tcp_window_receive(c))
		shown = MIN(shown + 1, 65535u);
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (shown << c->rcv_wscale));
	return (uint16_t)shown;
}

/* Has reading made so much room that the peer should hear of it? */
bool tcp_window_wants_update(const struct tcp_conn *c)
{
	uint32_t now = tcp_window_receive(c), then = choose(c);

	return then > now && then >= 2 * now && (now == 0 || now <= c->rcvbuf / 4);
}

/* A segment with len bytes of data: the size of the peer's segments, for acknowledging every other one. */
void tcp_window_measure(struct tcp_conn *c, uint32_t len)
{
	if (len >= c->rcv_mss)
		c->rcv_mss = (uint16_t)MIN(len, (uint32_t)c->mss_announce);
}

/* Dynamic right-sizing: in each round trip the window is made to be twice what the reader took in the last one. */
void tcp_window_consumed(struct tcp_conn *c)
{
	uint64_t rtt = MAX(c->rcv_rtt_ns != 0 ? c->rcv_rtt_ns : c->srtt_ns, TCP_MS);

	if (c->now_ns - c->space_ns < rtt)
		return;
	uint64_t taken = c->rcvq.read_seq - c->space_seq;
	c->space_seq = c->rcvq.read_seq;
	c->space_ns = c->now_ns;
	if (c->rcvbuf_locked || c->rcvbuf >= c->rcvbuf_max || c->mem_level != TCP_MEM_ENOUGH)
		return;
	uint64_t want = 4 * taken + 32u * c->rcv_mss;
	if (want > c->rcvbuf)
		c->rcvbuf = (uint32_t)MIN(want, (uint64_t)c->rcvbuf_max);
}

void tcp_window_grow_sndbuf(struct tcp_conn *c)
{
	uint64_t want = 3ull * MAX(c->cwnd, 10u * c->mss);

	if (!c->sndbuf_locked && want > c->sndbuf && c->mem_level == TCP_MEM_ENOUGH)
		c->sndbuf = (uint32_t)MIN(want, (uint64_t)c->sndbuf_max);
}
