/* SPDX-License-Identifier: MIT */
/* tcp_info.c - TCP_INFO: the connection in Linux's words. Times in microseconds or milliseconds as the field has it. */
#include <linux/tcp.h>

#include "kernel/net/tcp_sock.h"
#include "lib/string.h"

static uint32_t segments(const struct tcp_conn *c, uint32_t bytes)
{
	return (bytes + c->mss - 1) / c->mss;
}

static uint32_t us(uint64_t ns)
{
	return (uint32_t)MIN(ns / 1000, (uint64_t)UINT32_MAX);
}

static uint32_t ms_since(uint64_t now_ns, uint64_t then_ns)
{
	return then_ns == 0 ? 0 : (uint32_t)((now_ns - then_ns) / 1000000);
}

uint8_t tcp_shown_state(const struct tcp_conn *c)
{
	if (c->fin_wanted && !c->fin_sent)
		return c->state == TCPS_ESTABLISHED  ? TCPS_FIN_WAIT1
		       : c->state == TCPS_CLOSE_WAIT ? TCPS_LAST_ACK
						     : c->state;
	return c->state;
}

void tcp_sock_info(struct tcp_sock *t, struct tcp_info *i)
{
	const struct tcp_conn *c = &t->c;
	uint64_t now = clock_monotonic_ns();

	memset(i, 0, sizeof(*i));
	i->tcpi_state = t->listener != NULL ? TCPS_LISTEN : tcp_shown_state(c);
	if (t->listener != NULL) {
		i->tcpi_unacked = t->nr_accept;
		i->tcpi_sacked = t->backlog;
		return;
	}
	i->tcpi_ca_state = c->ca_state & 7;
	i->tcpi_retransmits = c->retries;
	i->tcpi_probes = c->keep_probes_sent;
	i->tcpi_backoff = c->backoff;
	if (c->ts_ok)
		i->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (c->sack_ok)
		i->tcpi_options |= TCPI_OPT_SACK;
	if (c->wscale_ok)
		i->tcpi_options |= TCPI_OPT_WSCALE;
	if (c->ecn_ok)
		i->tcpi_options |= TCPI_OPT_ECN;
	if (c->fast_taken)
		i->tcpi_options |= TCPI_OPT_SYN_DATA;
	i->tcpi_snd_wscale = c->snd_wscale & 15;
	i->tcpi_rcv_wscale = c->rcv_wscale & 15;
	i->tcpi_rto = us(c->rto_ns);
	i->tcpi_ato = 40000;
	i->tcpi_snd_mss = c->mss;
	i->tcpi_rcv_mss = c->rcv_mss;
	i->tcpi_unacked = segments(c, c->snd_nxt - c->snd_una);
	i->tcpi_sacked = segments(c, c->sacked);
	i->tcpi_lost = segments(c, c->lost);
	i->tcpi_last_data_sent = ms_since(now, c->last_sent_ns);
	i->tcpi_last_data_recv = ms_since(now, c->last_data_ns);
	i->tcpi_last_ack_recv = ms_since(now, c->last_heard_ns);
	i->tcpi_pmtu = t->in.route.mtu;
	i->tcpi_rcv_ssthresh = c->rcvbuf / 2;
	i->tcpi_rtt = us(c->srtt_ns);
	i->tcpi_rttvar = us(c->rttvar_ns);
	i->tcpi_snd_ssthresh = segments(c, c->ssthresh);
	i->tcpi_snd_cwnd = segments(c, c->cwnd);
	i->tcpi_advmss = c->mss_announce;
	i->tcpi_reordering = 3;
	i->tcpi_rcv_rtt = us(c->rcv_rtt_ns);
	i->tcpi_rcv_space = c->rcvbuf / 2;
	i->tcpi_total_retrans = c->total_retrans;
	i->tcpi_bytes_acked = c->bytes_acked;
	i->tcpi_bytes_received = c->bytes_received;
	i->tcpi_segs_out = c->segs_out;
	i->tcpi_segs_in = c->segs_in;
	i->tcpi_notsent_bytes = c->fin_sent ? 0 : tcp_sndq_end(&c->sndq) - c->snd_nxt;
	i->tcpi_min_rtt = us(c->min_rtt_ns);
	i->tcpi_delivered = segments(c, (uint32_t)c->delivered);
	i->tcpi_bytes_sent = c->bytes_sent;
	i->tcpi_bytes_retrans = c->bytes_retrans;
	i->tcpi_dsack_dups = c->dsacks;
	i->tcpi_reord_seen = c->reord_seen;
	i->tcpi_snd_wnd = c->snd_wnd;
}
