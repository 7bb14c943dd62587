/* SPDX-License-Identifier: MIT */
/* tcp_output.c - deciding what to send, and handing it over: Nagle, silly windows (RFC 9293 3.8.6), super-segments. */
#include "kernel/net/tcp_priv.h"

#include <errno.h>

#include "kernel/log.h"

#define FRAGS_PER_SEGMENT (PBUF_FRAGS_MAX - 1)

/* The options of every segment but SYN; SACK blocks only where there is no data, so that data segments stay full. */
uint8_t *tcp_put_options(struct tcp_conn *c, uint8_t *p, bool sacks)
{
	struct tcp_sack_block b[TCP_SACK_MAX];
	unsigned nr = 0, max = c->ts_ok ? 3 : 4;

	if (c->ts_ok)
		p = tcp_opt_timestamps(p, tcp_timestamp(c), c->ts_recent);
	if (!sacks || !c->sack_ok)
		return p;
	if (c->dsack.start != c->dsack.end)
		b[nr++] = c->dsack;
	for (unsigned i = 0; i < c->nr_rcv_sacks && nr < max; i++)
		b[nr++] = c->rcv_sacks[i];
	return nr > 0 ? tcp_opt_sack(p, b, nr) : p;
}

static uint8_t *put_syn_options(const struct tcp_conn *c, uint8_t *p)
{
	bool answer = c->state == TCPS_SYN_RECV;

	p = tcp_opt_mss(p, c->mss_announce);
	if (!answer || c->sack_ok)
		p = tcp_opt_sack_permitted(p);
	if (!answer || c->ts_ok)
		p = tcp_opt_timestamps(p, tcp_timestamp(c), c->ts_recent);
	if (!answer || c->wscale_ok)
		p = tcp_opt_wscale(p, c->rcv_wscale);
	if (!answer && c->fast != NULL)
		p = tcp_opt_fast_open(p, c->fast->cookie, c->fast->bytes);
	return p;
}

/* Whatever leaves with an ACK takes along what was to be acknowledged. SACK blocks only leave in segments without data:
 * with some to tell, the ACK is still due. */
static void note_ack_sent(struct tcp_conn *c, bool told_sacks)
{
	bool has_sacks = c->sack_ok && (c->nr_rcv_sacks > 0 || c->dsack.start != c->dsack.end);

	c->rcv_acked = c->rcv_nxt;
	if (has_sacks && !told_sacks && c->ack_now)
		return;
	c->ack_now = c->ack_pending = false;
	c->delack_at_ns = 0;
	if (told_sacks)
		c->dsack.end = c->dsack.start;
}

static int emit(struct tcp_conn *c, struct tcp_out *out)
{
	struct tcp_seg *seg = &out->seg;

	if (seg->flags & TCP_ACK) {
		seg->ack = c->rcv_nxt;
		seg->wnd = tcp_window_announce(c);
		if (c->ece_pending && !(seg->flags & TCP_SYN))
			seg->flags |= TCP_ECE;
		note_ack_sent(c, seg->len == 0);
	}
	if (seq_after(c->snd_up, c->snd_una) && seq_after(c->snd_up, seg->seq) && !(seg->flags & (TCP_SYN | TCP_RST))) {
		seg->flags |= TCP_URG;
		seg->urg = (uint16_t)MIN(c->snd_up - seg->seq, 65535u);
	}
	c->segs_out++;
	return c->ops->output(c, out);
}

static void put_plain_options(struct tcp_conn *c, struct tcp_out *out, bool sacks)
{
	out->opt_bytes = (uint8_t)(tcp_put_options(c, out->opt, sacks) - out->opt);
}

void tcp_send_ack(struct tcp_conn *c)
{
	struct tcp_out out = {.seg = {.seq = c->snd_nxt, .flags = TCP_ACK}};

	put_plain_options(c, &out, true);
	if (c->quick_acks > 0)
		c->quick_acks--;
	emit(c, &out);
}

void tcp_send_probe(struct tcp_conn *c, bool urgent)
{
	struct tcp_out out = {.seg = {.seq = urgent ? c->snd_una : c->snd_una - 1, .flags = TCP_ACK}};

	put_plain_options(c, &out, true);
	emit(c, &out);
}

void tcp_send_rst(struct tcp_conn *c, uint32_t seq, bool ack)
{
	struct tcp_out out = {.seg = {.seq = seq, .flags = (uint8_t)(TCP_RST | (ack ? TCP_ACK : 0))}};

	emit(c, &out);
}

static void send_syn(struct tcp_conn *c, uint32_t len)
{
	struct tcp_out out = {.seg = {.seq = c->iss, .len = len, .flags = TCP_SYN}};

	if (c->state == TCPS_SYN_RECV)
		out.seg.flags |= TCP_ACK;
	out.opt_bytes = (uint8_t)(put_syn_options(c, out.opt) - out.opt);
	if (out.seg.flags & TCP_ACK) {
		emit(c, &out);
		return;
	}
	uint32_t wnd = MIN(c->rcvbuf / 2, 65535u); /* not scaled yet */
	out.seg.wnd = (uint16_t)wnd;
	emit(c, &out);
}

/* The payload of record s, as it stands. */
static void send_record(struct tcp_conn *c, struct tcp_sent *s)
{
	struct tcp_out out = {.seg = {.seq = s->seq, .flags = TCP_ACK}, .mss = c->mss};
	uint32_t end = s->flags & TCP_SENT_FIN ? s->end - 1 : s->end;

	if (s->flags & TCP_SENT_SYN) {
		send_syn(c, 0);
		return;
	}
	out.seg.len = end - s->seq;
	if (s->flags & TCP_SENT_FIN)
		out.seg.flags |= TCP_FIN;
	if (s->flags & TCP_SENT_PSH)
		out.seg.flags |= TCP_PSH;
	if (c->ecn_ok && s->times == 1 && out.seg.len > 0) {
		out.ect = true;
		if (c->cwr_pending) {
			out.seg.flags |= TCP_CWR;
			c->cwr_pending = false;
		}
	}
	put_plain_options(c, &out, out.seg.len == 0);
	c->last_sent_ns = c->now_ns;
	c->bytes_sent += out.seg.len;
	emit(c, &out);
}

bool tcp_retransmit_one(struct tcp_conn *c, struct tcp_sent *s, uint32_t max_bytes)
{
	uint32_t len = s->end - s->seq;

	/* A window that has shrunk: only what is first goes, as a probe. */
	if (!(s->flags & TCP_SENT_SYN) && s->link.prev != &c->inflight && seq_after(s->end, c->snd_una + c->snd_wnd))
		return false;
	if (!(s->flags & (TCP_SENT_SYN | TCP_SENT_FIN)) || len > 1)
		max_bytes = MIN(max_bytes, MAX(tcp_sndq_fits(&c->sndq, s->seq, len - !!(s->flags & TCP_SENT_FIN),
							     FRAGS_PER_SEGMENT, c->mss),
					       1u) +
						   !!(s->flags & TCP_SENT_FIN));
	if (len > max_bytes && !tcp_sent_split(c, s, s->seq + max_bytes))
		return false;
	len = s->end - s->seq;
	tcp_sent_again(c, s);
	if (c->retrans_ts == 0)
		c->retrans_ts = MAX(tcp_timestamp(c), 1u);
	c->undo_bytes += len;
	c->bytes_retrans += len;
	c->total_retrans++;
	c->prr_out += len;
	send_record(c, s);
	return true;
}

static uint32_t cwnd_room(const struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	if (pipe == 0)
		return MAX(c->cwnd, (uint32_t)c->mss);
	return c->cwnd > pipe ? c->cwnd - pipe : 0;
}

static uint32_t segment_max(const struct tcp_conn *c)
{
	return c->gso_bytes >= 2u * c->mss ? c->gso_bytes - c->gso_bytes % c->mss : c->mss;
}

/* Cut to a multiple of the mss, unless it is less than one. */
static uint32_t whole_segments(const struct tcp_conn *c, uint32_t bytes)
{
	ASSERT(c->mss > 0); /* tcp_conn_update_mss keeps it far above */
	return bytes >= c->mss ? bytes - bytes % c->mss : bytes;
}

static void retransmit_lost(struct tcp_conn *c)
{
	while (c->lost > 0) {
		uint32_t room = cwnd_room(c);
		struct tcp_sent *s = tcp_sent_first_lost(c);

		if (s == NULL || room < MIN((uint32_t)c->mss, s->end - s->seq))
			return;
		room = whole_segments(c, room);
		if (!tcp_retransmit_one(c, s, MIN(room, segment_max(c))))
			return;
		if (c->rtx_kind == TCP_RTX_NONE || c->rtx_kind == TCP_RTX_TLP)
			tcp_arm_rtx(c, TCP_RTX_RTO, c->now_ns + tcp_rto(c));
	}
}

static uint32_t window_room(const struct tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	return seq_after(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
}

/* Sends [snd_nxt, snd_nxt + len), and FIN behind it if that is the end and the window has room for it. */
static bool send_range(struct tcp_conn *c, uint32_t len)
{
	uint32_t seq = c->snd_nxt;
	uint8_t flags = 0;
	bool last;

	if (len > 0)
		len = tcp_sndq_fits(&c->sndq, seq, len, FRAGS_PER_SEGMENT, c->mss);
	last = seq + len == tcp_sndq_end(&c->sndq);
	if (last && len > 0)
		flags |= TCP_SENT_PSH;
	if (last && c->fin_wanted && window_room(c) > len)
		flags |= TCP_SENT_FIN;
	if (len == 0 && !(flags & TCP_SENT_FIN))
		return false;
	struct tcp_sent *s = tcp_sent_add(c, seq, seq + len + !!(flags & TCP_SENT_FIN), flags);
	if (s == NULL)
		return false; /* no memory: the persist timer tries again */
	if (c->first_unanswered_ns == 0)
		c->first_unanswered_ns = c->now_ns;
	c->snd_nxt = s->end;
	if (flags & TCP_SENT_FIN) {
		c->fin_sent = true;
		tcp_enter(c, c->state == TCPS_CLOSE_WAIT ? TCPS_LAST_ACK : TCPS_FIN_WAIT1);
	}
	if (len % c->mss != 0)
		c->snd_sml = c->snd_nxt;
	c->prr_out += len;
	/* Data soon after data came: answers, which from now on carry the ACKs. */
	if (c->last_data_ns != 0 && c->now_ns - c->last_data_ns < TCP_DELACK_NS)
		c->pingpong = true;
	send_record(c, s);
	return true;
}

bool tcp_send_new(struct tcp_conn *c, uint32_t max_bytes)
{
	uint32_t unsent = tcp_sndq_end(&c->sndq) - c->snd_nxt;
	uint32_t len = c->fin_sent ? 0 : MIN(MIN(unsent, window_room(c)), max_bytes);

	return !c->fin_sent && send_range(c, len);
}

/* May a piece that is smaller than a full segment go? RFC 9293 3.7.4 (Nagle), with Minshall's change: only an
 * unacknowledged *small* segment holds back the next one. */
static bool small_may_go(const struct tcp_conn *c, uint32_t len, uint32_t unsent, uint32_t wnd)
{
	if (len < unsent) /* the window cuts it: only if that is worth a segment (silly window syndrome) */
		return len == wnd && len >= c->snd_wnd_max / 2;
	if (c->fin_wanted)
		return true;
	if (c->cork || c->more)
		return false;
	return c->nodelay || !seq_after(c->snd_sml, c->snd_una);
}

static void send_unsent(struct tcp_conn *c)
{
	c->cwnd_limited = false;
	while (!c->fin_sent) {
		uint32_t unsent = tcp_sndq_end(&c->sndq) - c->snd_nxt;
		uint32_t wnd = window_room(c), room = cwnd_room(c);

		if (unsent == 0) {
			/* FIN alone counts a byte of the window and none of the congestion window. */
			if (!c->fin_wanted || !send_range(c, 0))
				return;
			break;
		}
		uint32_t len = MIN(MIN(unsent, wnd), segment_max(c));
		if (len > room) {
			c->cwnd_limited = true;
			len = room - room % c->mss;
			if (len == 0)
				return;
		}
		uint32_t small = len % c->mss;
		if (small > 0 && !small_may_go(c, len, unsent, wnd))
			len -= small;
		if (len == 0 || !send_range(c, len))
			return;
		if (c->max_pipe_seq == 0 || !seq_before(c->snd_una, c->max_pipe_seq)) {
			c->max_pipe = c->pipe;
			c->max_pipe_seq = c->snd_nxt;
		}
		c->max_pipe = MAX(c->max_pipe, c->pipe);
	}
}

/* Data may be sent by state: also after a shutdown, until FIN has gone. */
static bool sends_data(const struct tcp_conn *c)
{
	switch (c->state) {
	case TCPS_ESTABLISHED:
	case TCPS_CLOSE_WAIT:
	case TCPS_FIN_WAIT1:
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
		return true;
	}
	return false;
}

/* The data that goes with the SYN, as a record of its own: the SYN may go again, without it. Its length. */
static uint32_t take_fast_data(struct tcp_conn *c)
{
	uint32_t len = c->sndq.bytes;

	c->fast_asked = true;
	if (c->fast->bytes == 0 || len == 0 || tcp_sent_add(c, c->iss + 1, c->iss + 1 + len, 0) == NULL)
		return 0;
	c->fast_sent = true;
	c->snd_nxt = c->iss + 1 + len;
	c->bytes_sent += len;
	return len;
}

static void push_syn(struct tcp_conn *c)
{
	uint32_t len;

	if (c->nr_inflight > 0 || c->syn_held)
		return;
	struct tcp_sent *s = tcp_sent_add(c, c->iss, c->iss + 1, TCP_SENT_SYN);
	if (s == NULL) {
		tcp_closed(c, ENOBUFS);
		return;
	}
	c->first_unanswered_ns = c->now_ns;
	len = c->fast != NULL ? take_fast_data(c) : 0;
	send_syn(c, len);
	c->fast = NULL;
	tcp_arm_rtx(c, TCP_RTX_RTO, c->now_ns + tcp_rto(c));
}

void tcp_conn_push(struct tcp_conn *c, uint64_t now_ns)
{
	uint32_t nxt = c->snd_nxt;

	c->now_ns = now_ns;
	if (c->state == TCPS_CLOSED || c->state == TCPS_LISTEN)
		return;
	if (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECV)
		push_syn(c);
	if (sends_data(c)) {
		if (c->lost > 0)
			retransmit_lost(c);
		if (tcp_has_unsent(c)) {
			tcp_cwnd_restart_after_idle(c);
			send_unsent(c);
		}
		if (c->snd_nxt != nxt || (tcp_has_unsent(c) && c->rtx_kind == TCP_RTX_NONE))
			tcp_rearm_rtx(c);
	}
	if (c->ack_now)
		tcp_send_ack(c);
	else if (c->ack_pending && c->delack_at_ns == 0)
		c->delack_at_ns = now_ns + TCP_DELACK_NS;
}
