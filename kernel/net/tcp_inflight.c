/* SPDX-License-Identifier: MIT */
/*
 * tcp_inflight.c - the record of what has been sent and not acknowledged, and what SACKs say about it (RFC 2018, 2883).
 * Each record is in the network, known to have arrived (SACKED), or deemed lost (LOST); pipe, sacked and lost are the
 * sums. A record in the network is in by_time, in order of its last transmission.
 */
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/tcp_priv.h"
#include "lib/string.h"

static uint32_t *sum_of(struct tcp_conn *c, const struct tcp_sent *s)
{
	return s->flags & TCP_SENT_SACKED ? &c->sacked : s->flags & TCP_SENT_LOST ? &c->lost : &c->pipe;
}

static uint32_t length(const struct tcp_sent *s)
{
	return s->end - s->seq;
}

/* When a transmission happens: no two at the same time, so that it tells their order, too. */
static uint64_t stamp(struct tcp_conn *c)
{
	c->last_stamp_ns = MAX(c->now_ns, c->last_stamp_ns + 1);
	return c->last_stamp_ns;
}

struct tcp_sent *tcp_sent_add(struct tcp_conn *c, uint32_t seq, uint32_t end, uint8_t flags)
{
	struct tcp_sent *s = kmalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct tcp_sent){.seq = seq, .end = end, .flags = flags, .sent_ns = stamp(c), .times = 1};
	s->delivered_bytes = c->delivered;
	list_push_back(&c->inflight, &s->link);
	list_push_back(&c->by_time, &s->time_link);
	c->nr_inflight++;
	c->pipe += end - seq;
	return s;
}

/* Moves a record from one sum to another. */
static void set_state(struct tcp_conn *c, struct tcp_sent *s, uint8_t state)
{
	*sum_of(c, s) -= length(s);
	s->flags = (uint8_t)((s->flags & ~(TCP_SENT_SACKED | TCP_SENT_LOST)) | state);
	*sum_of(c, s) += length(s);
	if (state != 0)
		list_remove(&s->time_link);
}

void tcp_sent_again(struct tcp_conn *c, struct tcp_sent *s)
{
	set_state(c, s, 0);
	list_remove(&s->time_link);
	list_push_back(&c->by_time, &s->time_link);
	s->sent_ns = stamp(c);
	s->delivered_bytes = c->delivered;
	if (s->times < UINT8_MAX)
		s->times++;
}

bool tcp_sent_split(struct tcp_conn *c, struct tcp_sent *s, uint32_t seq)
{
	struct tcp_sent *rest = kmalloc(sizeof(*rest));

	ASSERT(seq_after(seq, s->seq) && seq_before(seq, s->end));
	if (rest == NULL)
		return false;
	*rest = *s;
	rest->seq = seq;
	s->end = seq;
	rest->flags &= (uint8_t)~TCP_SENT_SYN;
	s->flags &= (uint8_t) ~(TCP_SENT_FIN | TCP_SENT_PSH);
	list_init(&rest->time_link);
	list_insert_between(&rest->link, &s->link, s->link.next);
	if (!list_empty(&s->time_link))
		list_insert_between(&rest->time_link, &s->time_link, s->time_link.next);
	c->nr_inflight++;
	return true;
}

static void remove(struct tcp_conn *c, struct tcp_sent *s)
{
	*sum_of(c, s) -= length(s);
	list_remove(&s->link);
	list_remove(&s->time_link);
	c->nr_inflight--;
	kfree(s);
}

void tcp_sent_free_all(struct tcp_conn *c)
{
	list_for_each_safe (s, &c->inflight, link, struct tcp_sent)
		remove(c, s);
}

void tcp_sent_mark_lost(struct tcp_conn *c, struct tcp_sent *s)
{
	set_state(c, s, TCP_SENT_LOST);
}

void tcp_sent_mark_all_lost(struct tcp_conn *c, bool forget_sacks)
{
	if (forget_sacks)
		memset(c->sacks_seen, 0, sizeof(c->sacks_seen));
	list_for_each (s, &c->inflight, link, struct tcp_sent)
		if (forget_sacks || !(s->flags & TCP_SENT_SACKED))
			set_state(c, s, TCP_SENT_LOST);
}

void tcp_sent_unmark_lost(struct tcp_conn *c)
{
	list_for_each (s, &c->inflight, link, struct tcp_sent) {
		if (!(s->flags & TCP_SENT_LOST))
			continue;
		set_state(c, s, 0);
		struct list *at = c->by_time.next;
		while (at != &c->by_time && container_of(at, struct tcp_sent, time_link)->sent_ns <= s->sent_ns)
			at = at->next;
		list_insert_between(&s->time_link, at->prev, at);
	}
}

struct tcp_sent *tcp_sent_first_lost(struct tcp_conn *c)
{
	if (c->lost == 0)
		return NULL;
	list_for_each (s, &c->inflight, link, struct tcp_sent)
		if (s->flags & TCP_SENT_LOST)
			return s;
	return NULL;
}

/* s has arrived: what that tells about time. */
static void note_delivered(struct tcp_conn *c, const struct tcp_sent *s, struct tcp_ack *a)
{
	uint64_t rtt = c->now_ns > s->sent_ns ? c->now_ns - s->sent_ns : 1;

	if (s->times == 1) {
		/* Karn: only what was sent once. The newest of them was delayed least by the peer. */
		if (a->rtt_ns == 0 || rtt < a->rtt_ns)
			a->rtt_ns = MAX(rtt, 1ull);
		/* Below the highest that has arrived, but sent before it and never again: the network reorders. */
		if (seq_before(s->end, c->rack_fack) && !(s->flags & TCP_SENT_LOST)) {
			c->reorder_seen = true;
			c->reord_seen++;
		}
	} else {
		a->retrans_acked = true;
	}
	if (s->sent_ns > a->newest_sent_ns || (s->sent_ns == a->newest_sent_ns && seq_after(s->end, a->newest_end))) {
		a->newest_sent_ns = s->sent_ns;
		a->newest_end = s->end;
		a->newest_times = s->times;
	}
	c->rack_fack = seq_max(c->rack_fack, s->end);
	a->delivered += length(s);
	c->delivered += length(s);
}

void tcp_sent_ack(struct tcp_conn *c, uint32_t upto, struct tcp_ack *a)
{
	while (!list_empty(&c->inflight)) {
		struct tcp_sent *s = list_first(&c->inflight, struct tcp_sent, link);

		if (seq_upto(upto, s->seq))
			return;
		if (seq_before(upto, s->end) && !tcp_sent_split(c, s, upto)) {
			/* No memory for a record of the rest: shorten this one, what it tells about time is lost. */
			*sum_of(c, s) -= upto - s->seq;
			s->seq = upto;
			return;
		}
		if (s->flags & TCP_SENT_FIN)
			a->fin_acked = true;
		if (!(s->flags & TCP_SENT_SACKED))
			note_delivered(c, s, a);
		remove(c, s);
	}
}

static void sack_range(struct tcp_conn *c, const struct tcp_sack_block *b, struct tcp_ack *a)
{
	list_for_each_safe (s, &c->inflight, link, struct tcp_sent) {
		if (seq_upto(b->end, s->seq))
			return;
		if (seq_upto(s->end, b->start) || (s->flags & TCP_SENT_SACKED))
			continue;
		if (seq_before(s->seq, b->start)) {
			if (!tcp_sent_split(c, s, b->start))
				return;
			s_n = container_of(s->link.next, struct tcp_sent, link);
			continue;
		}
		if (seq_before(b->end, s->end) && !tcp_sent_split(c, s, b->end))
			return;
		note_delivered(c, s, a);
		set_state(c, s, TCP_SENT_SACKED);
		a->sacked_new = true;
	}
}

/* The first block may tell of data that arrived twice: it lies below the ACK, or inside the second block. */
static bool is_dsack(const struct tcp_seg *seg)
{
	const struct tcp_sack_block *b = seg->sack;

	return seq_before(b[0].start, seg->ack) ||
	       (seg->nr_sack > 1 && seq_upto(b[1].start, b[0].start) && seq_upto(b[0].end, b[1].end));
}

static void take_dsack(struct tcp_conn *c, const struct tcp_sack_block *b, struct tcp_ack *a)
{
	/* What we never sent again cannot tell anything; a block that is too old or too long is made up. */
	if (seq_after(b->end, c->snd_nxt) || seq_before(b->start, c->snd_una - c->snd_wnd_max - c->sndbuf))
		return;
	a->dsack = true;
	c->dsacks++;
	if (c->undo_bytes > 0 && seq_upto(c->undo_una, b->start))
		c->undo_bytes -= MIN(c->undo_bytes, b->end - b->start);
	tcp_rack_dsack(c);
}

static bool seen_before(const struct tcp_conn *c, const struct tcp_sack_block *b)
{
	for (unsigned i = 0; i < TCP_SACK_MAX; i++)
		if (c->sacks_seen[i].start == b->start && c->sacks_seen[i].end == b->end)
			return true;
	return false;
}

void tcp_sent_sack(struct tcp_conn *c, const struct tcp_seg *seg, struct tcp_ack *a)
{
	struct tcp_sack_block fresh[TCP_SACK_MAX];
	unsigned i = 0, nr = 0;

	if (!c->sack_ok || seg->nr_sack == 0)
		return;
	if (is_dsack(seg)) {
		take_dsack(c, &seg->sack[0], a);
		i = 1;
	}
	for (; i < seg->nr_sack; i++) {
		const struct tcp_sack_block *b = &seg->sack[i];
		bool valid = seq_before(c->snd_una, b->start) && seq_upto(b->end, c->snd_nxt);
		if (!valid || seen_before(c, b))
			continue;
		unsigned at = nr++;
		for (; at > 0 && seq_before(b->start, fresh[at - 1].start); at--)
			fresh[at] = fresh[at - 1];
		fresh[at] = *b;
	}
	for (i = 0; i < nr; i++) /* in order: what comes later in one ACK was not reordered */
		sack_range(c, &fresh[i], a);
	for (i = 0; i < TCP_SACK_MAX; i++)
		c->sacks_seen[i] = i < seg->nr_sack ? seg->sack[i] : (struct tcp_sack_block){0, 0};
}
