/* SPDX-License-Identifier: MIT */
/* tcp_sim.c - see tcp_sim.h. */
#include "unit.h"

#include "tcp_sim.h"

#include <stdlib.h>

#include "kernel/fs/file.h"

static uint8_t pattern(unsigned end, uint64_t at)
{
	return (uint8_t)((at * 2654435761u + end * 97) >> 13);
}

uint32_t sim_random(struct sim *s)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return (uint32_t)(s->rng >> 16);
}

static bool chance(struct sim *s, uint32_t millionths)
{
	return millionths != 0 && sim_random(s) % 1000000 < millionths;
}

static void enqueue(struct sim *s, unsigned to, const uint8_t *data, uint32_t bytes, uint64_t at_ns, bool ce)
{
	struct sim_packet *p = malloc(sizeof(*p) + bytes), **at = &s->queue;

	assert_non_null(p);
	p->at_ns = at_ns;
	p->to = to;
	p->ce = ce;
	p->bytes = bytes;
	memcpy(p->data, data, bytes);
	while (*at != NULL && (*at)->at_ns <= at_ns)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

/* One packet onto the wire. */
static void transmit(struct sim *s, unsigned from, const uint8_t *data, uint32_t bytes)
{
	struct sim_link *l = &s->link[from];
	uint64_t leave = s->now_ns, arrive;
	struct tcp_seg seg;

	l->packets++;
	l->bytes += bytes;
	assert_true(tcp_wire_parse(&seg, data, bytes, bytes));
	if ((seg.len > 0 && l->drop_next > 0 && l->drop_next--) || (l->drop != NULL && l->drop(&seg)) ||
	    (l->mtu_payload != 0 && seg.len > l->mtu_payload) || chance(s, l->loss)) {
		l->dropped++;
		return;
	}
	if (l->rate_bps != 0) {
		uint64_t wire_ns = (uint64_t)(bytes + 20) * 8000000000ull / l->rate_bps;
		uint64_t start = MAX(l->free_at_ns, s->now_ns);
		if (l->queue_bytes != 0 && (start - s->now_ns) / 8000 * l->rate_bps / 1000000 > l->queue_bytes) {
			l->dropped++;
			return;
		}
		l->free_at_ns = leave = start + wire_ns;
	}
	arrive = leave + l->delay_ns;
	if (l->jitter_ns != 0)
		arrive += sim_random(s) % l->jitter_ns;
	if (chance(s, l->reorder))
		arrive += l->reorder_ns;
	enqueue(s, !from, data, bytes, arrive, false);
	if (chance(s, l->dup))
		enqueue(s, !from, data, bytes, arrive + l->delay_ns / 2 + 1000, false);
}

/* Cuts what is larger than the MSS, as an interface would. */
static void send_segments(struct sim *s, unsigned from, const struct tcp_out *out, const uint8_t *payload)
{
	static uint8_t packet[65536 + 128];
	uint32_t done = 0;

	do {
		struct tcp_seg seg = out->seg;
		uint32_t n = out->mss != 0 ? MIN(out->seg.len - done, (uint32_t)out->mss) : out->seg.len;

		seg.seq += done;
		seg.len = n;
		if (done + n < out->seg.len)
			seg.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		seg.src_port = (uint16_t)(1000 + from);
		seg.dst_port = (uint16_t)(1000 + !from);
		size_t header = tcp_wire_build(&seg, out->opt, out->opt_bytes, packet);
		if (n > 0)
			memcpy(packet + header, payload + done, n);
		transmit(s, from, packet, (uint32_t)(header + n));
		done += n;
	} while (done < out->seg.len);
}

static int conn_output(struct tcp_conn *c, const struct tcp_out *out)
{
	struct sim_end *e = container_of(c, struct sim_end, c);
	uint8_t *payload = malloc(out->seg.len + 1);

	if (out->seg.len > 0) {
		struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, 0);
		assert_non_null(p);
		assert_true(tcp_sndq_attach(&c->sndq, out->seg.seq, out->seg.len, p));
		assert_int_equal(p->len, out->seg.len);
		pbuf_copy_out(p, 0, payload, out->seg.len);
		pbuf_put(p);
	}
	send_segments(e->sim, e->index, out, payload);
	free(payload);
	return 0;
}

static const struct tcp_conn_ops conn_ops = {.output = conn_output};

static void listener_output(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_out *out)
{
	(void)t;
	send_segments(container_of(l, struct sim, listener), 1, out, NULL);
}

static uint16_t listener_mss(struct tcp_listener *l, const struct tcp_tuple *t)
{
	(void)t;
	return container_of(l, struct sim, listener)->mss;
}

static const struct tcp_listener_ops listener_ops = {.output = listener_output, .mss_of = listener_mss};

void sim_init(struct sim *s, uint64_t seed)
{
	uint8_t secret[64];

	memset(s, 0, sizeof(*s));
	s->rng = seed * 0x9e3779b97f4a7c15ull + 1;
	s->now_ns = 1000000000;
	s->mss = 1460;
	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)sim_random(s);
	tcp_secret_init(secret);
	s->tuple = (struct tcp_tuple){ipaddr_v4(1), ipaddr_v4(2), 1001, 1000, 0};
	for (unsigned i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];
		e->sim = s;
		e->index = i;
		e->auto_read = true;
		e->read_limit = UINT64_MAX;
		tcp_conn_init(&e->c, &conn_ops, 1460);
	}
}

void sim_listen(struct sim *s, unsigned max_requests)
{
	assert_int_equal(tcp_listener_init(&s->listener, &listener_ops, max_requests), 0);
	s->has_listener = true;
}

void sim_connect(struct sim *s)
{
	s->end[0].c.gso_bytes = s->end[0].gso;
	tcp_conn_connect(&s->end[0].c, sim_random(s), sim_random(s), s->now_ns);
	sim_work(s, 0);
}

/* Invariants that hold between any two calls. */
static void check(const struct tcp_conn *c)
{
	uint32_t pipe = 0, sacked = 0, lost = 0, nr = 0, at = c->snd_una;

	list_for_each (r, &c->inflight, link, struct tcp_sent) {
		assert_int_equal(r->seq, at);
		at = r->end;
		*(r->flags & TCP_SENT_SACKED ? &sacked : r->flags & TCP_SENT_LOST ? &lost : &pipe) += r->end - r->seq;
		nr++;
		assert_int_equal(list_empty((struct list *)&r->time_link),
				 (r->flags & (TCP_SENT_SACKED | TCP_SENT_LOST)) != 0);
	}
	if (c->state != TCPS_CLOSED && nr > 0)
		assert_int_equal(at, c->snd_nxt);
	assert_int_equal(nr, c->nr_inflight);
	assert_int_equal(pipe, c->pipe);
	assert_int_equal(sacked, c->sacked);
	assert_int_equal(lost, c->lost);
	if (nr > 0 && c->state != TCPS_CLOSED)
		assert_true(c->rtx_kind != TCP_RTX_NONE);
}

uint64_t sim_read(struct sim *s, unsigned i, uint64_t max)
{
	struct sim_end *e = &s->end[i];
	uint8_t buf[65536];
	uint64_t total = 0;

	while (total < max && e->c.rcvq.bytes > 0) {
		struct uio_seg seg = {buf, MIN(sizeof(buf), max - total)};
		struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = seg.bytes, .to_user = true, .kernel = true};
		ssize_t n = tcp_rcvq_peek(&e->c.rcvq, 0, (uint32_t)seg.bytes, &uio);
		assert_true(n > 0);
		for (ssize_t k = 0; k < n; k++)
			if (buf[k] != pattern(!i, e->read + (uint64_t)k))
				fail_msg("end %u: wrong byte at %llu", i, (unsigned long long)(e->read + (uint64_t)k));
		tcp_rcvq_take(&e->c.rcvq, (uint32_t)n);
		tcp_conn_consumed(&e->c, (uint32_t)n, s->now_ns);
		e->read += (uint64_t)n;
		total += (uint64_t)n;
	}
	return total;
}

static void app_write(struct sim *s, struct sim_end *e)
{
	static uint8_t buf[65536];

	while (e->to_write > 0 && tcp_conn_can_send(&e->c)) {
		uint32_t room = tcp_conn_room(&e->c);
		uint32_t n = (uint32_t)MIN(MIN((uint64_t)room, e->to_write), sizeof(buf));
		if (n == 0)
			return;
		for (uint32_t k = 0; k < n; k++)
			buf[k] = pattern(e->index, e->written + k);
		struct uio_seg seg = {buf, n};
		struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = n, .kernel = true};
		ssize_t put = tcp_sndq_write(&e->c.sndq, &uio, n);
		assert_true(put > 0);
		e->written += (uint64_t)put;
		e->to_write -= (uint64_t)put;
		tcp_conn_push(&e->c, s->now_ns);
	}
	if (e->to_write == 0 && e->written > 0 && e->close_when_written && !e->closed) {
		e->closed = true;
		tcp_conn_close(&e->c, s->now_ns);
	}
	if (e->to_write == 0 && e->shut_when_written)
		tcp_conn_shutdown(&e->c, s->now_ns);
}

void sim_work(struct sim *s, unsigned i)
{
	struct sim_end *e = &s->end[i];

	if (e->auto_read && e->read < e->read_limit) {
		sim_read(s, i, e->read_limit - e->read);
		if (e->read == e->read_limit && e->read_done_ns == 0)
			e->read_done_ns = s->now_ns;
	}
	if (e->c.fin_received && e->c.rcvq.bytes == 0)
		e->saw_eof = true;
	if (e->c.events & TCP_EV_CONNECTED && e->connected_ns == 0)
		e->connected_ns = s->now_ns;
	app_write(s, e);
	tcp_conn_push(&e->c, s->now_ns);
	check(&e->c);
}

static void to_listener(struct sim *s, struct tcp_seg *seg, struct pbuf *p)
{
	struct tcp_agreed agreed;
	struct tcp_out out;

	switch (tcp_listener_input(&s->listener, &s->tuple, seg, s->now_ns, &agreed)) {
	case TCP_LISTEN_ACCEPT:
		s->end[1].c.gso_bytes = s->end[1].gso;
		tcp_conn_accepted(&s->end[1].c, &agreed, s->now_ns);
		tcp_listener_accepted(&s->listener, &s->tuple);
		s->accepted = true;
		tcp_conn_input(&s->end[1].c, seg, p, s->now_ns);
		return;
	case TCP_LISTEN_RESET:
		if (tcp_reset_answer(seg, &out))
			send_segments(s, 1, &out, NULL);
		break;
	case TCP_LISTEN_DONE:
		break;
	}
	pbuf_put(p);
}

static void receive(struct sim *s, unsigned to, struct tcp_seg *seg, const uint8_t *data)
{
	struct sim_end *e = &s->end[to];
	struct pbuf *p = NULL;

	if (seg->len > 0) {
		p = pbuf_alloc(0, seg->len);
		assert_non_null(p);
		memcpy(p->data, data, seg->len);
	}
	if (to == 1 && s->has_listener && !s->accepted) {
		to_listener(s, seg, p);
	} else if (e->c.state == TCPS_CLOSED) {
		struct tcp_out out;
		pbuf_put(p);
		if (tcp_reset_answer(seg, &out))
			send_segments(s, to, &out, NULL);
	} else {
		tcp_conn_input(&e->c, seg, p, s->now_ns);
	}
}

void sim_inject(struct sim *s, unsigned i, const struct tcp_seg *made, const void *data)
{
	struct tcp_seg seg = *made;

	receive(s, i, &seg, data);
	sim_work(s, i);
}

bool sim_step(struct sim *s, uint64_t until_ns)
{
	uint64_t at = UINT64_MAX;
	unsigned who = 3;

	if (s->queue != NULL) {
		at = s->queue->at_ns;
		who = 2;
	}
	for (unsigned i = 0; i < 2; i++) {
		uint64_t d = tcp_conn_deadline(&s->end[i].c);
		if (d < at) {
			at = d;
			who = i;
		}
	}
	if (s->has_listener && tcp_listener_deadline(&s->listener) < at) {
		at = tcp_listener_deadline(&s->listener);
		who = 4;
	}
	if (who == 3 || at > until_ns)
		return false;
	s->now_ns = MAX(s->now_ns, at);
	s->steps++;
	if (who < 2) {
		tcp_conn_timer(&s->end[who].c, s->now_ns);
		sim_work(s, who);
		assert_true(tcp_conn_deadline(&s->end[who].c) > s->now_ns);
	} else if (who == 4) {
		tcp_listener_timer(&s->listener, s->now_ns);
	} else {
		struct sim_packet *p = s->queue;
		struct tcp_seg seg;

		s->queue = p->next;
		assert_true(tcp_wire_parse(&seg, p->data, p->bytes, p->bytes));
		seg.ce = p->ce;
		receive(s, p->to, &seg, p->data + seg.header_bytes);
		sim_work(s, p->to);
		free(p);
	}
	return true;
}

bool sim_run(struct sim *s, uint64_t until_ns)
{
	while (sim_step(s, until_ns))
		s->last_event_ns = s->now_ns;
	s->now_ns = until_ns;
	bool left = s->queue != NULL || tcp_conn_deadline(&s->end[0].c) != UINT64_MAX ||
		    tcp_conn_deadline(&s->end[1].c) != UINT64_MAX;
	return left;
}

bool sim_run_while(struct sim *s, bool (*cond)(struct sim *s), uint64_t until_ns)
{
	while (cond(s))
		if (!sim_step(s, until_ns))
			return false;
	return true;
}

static bool not_established(struct sim *s)
{
	return s->end[0].c.state == TCPS_SYN_SENT || !s->accepted;
}

void sim_establish(struct sim *s)
{
	sim_listen(s, 16);
	sim_connect(s);
	assert_true(sim_run_while(s, not_established, s->now_ns + 100 * TCP_SEC));
	assert_int_equal(s->end[0].c.state, TCPS_ESTABLISHED);
	assert_int_equal(s->end[1].c.state, TCPS_ESTABLISHED);
}

void sim_write(struct sim *s, unsigned i, uint64_t bytes)
{
	s->end[i].to_write += bytes;
	sim_work(s, i);
}

void sim_free(struct sim *s)
{
	while (s->queue != NULL) {
		struct sim_packet *p = s->queue;
		s->queue = p->next;
		free(p);
	}
	for (unsigned i = 0; i < 2; i++)
		tcp_conn_free(&s->end[i].c);
	if (s->has_listener)
		tcp_listener_free(&s->listener);
}
