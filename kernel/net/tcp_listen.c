/* SPDX-License-Identifier: MIT */
/* tcp_listen.c - requests for connections: see tcp_listen.h. */
#include "kernel/net/tcp_listen.h"

#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/tcp_priv.h"
#include "lib/string.h"

#define SYN_ACKS_MAX      6 /* the last goes after 31 s, the request after 63 s */
#define COOKIES_VALID_NS  (120 * TCP_SEC)
#define RESEND_AT_MOST_NS (100 * TCP_MS) /* answers to repeated SYNs of one request */

int tcp_listener_init(struct tcp_listener *l, const struct tcp_listener_ops *ops, unsigned max_requests)
{
	*l = (struct tcp_listener){.ops = ops, .max_requests = max_requests, .rcvbuf = TCP_RCVBUF_DEFAULT};
	list_init(&l->requests);
	l->buckets = kmalloc(TCP_REQUEST_BUCKETS * sizeof(*l->buckets));
	if (l->buckets == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < TCP_REQUEST_BUCKETS; i++)
		list_init(&l->buckets[i]);
	return 0;
}

static void drop(struct tcp_listener *l, struct tcp_request *r)
{
	list_remove(&r->link);
	list_remove(&r->hash_link);
	l->nr_requests--;
	kfree(r);
}

void tcp_listener_free(struct tcp_listener *l)
{
	if (l->buckets == NULL)
		return;
	list_for_each_safe (r, &l->requests, link, struct tcp_request)
		drop(l, r);
	kfree(l->buckets);
	l->buckets = NULL;
}

static struct list *bucket(struct tcp_listener *l, const struct tcp_tuple *t)
{
	return &l->buckets[tcp_secret_hash(t) % TCP_REQUEST_BUCKETS];
}

static struct tcp_request *find(struct tcp_listener *l, const struct tcp_tuple *t)
{
	if (l->nr_requests == 0)
		return NULL;
	list_for_each (r, bucket(l, t), hash_link, struct tcp_request)
		if (memcmp(&r->tuple, t, sizeof(*t)) == 0)
			return r;
	return NULL;
}

static uint8_t wscale_for(const struct tcp_listener *l)
{
	uint32_t most = (l->rcvbuf_locked ? l->rcvbuf : MAX(l->rcvbuf, TCP_RCVBUF_MAX)) / 2;
	uint8_t shift = 0;

	while (shift < 14 && 65535u << shift < most)
		shift++;
	return shift;
}

static void agree(struct tcp_listener *l, const struct tcp_seg *syn, struct tcp_agreed *a)
{
	*a = (struct tcp_agreed){
		.irs = syn->seq,
		.ts_recent = syn->ts_val,
		.rcv_wnd = MIN(l->rcvbuf / 2, 65535u), /* not scaled in the SYN-ACK */
		.mss_peer = syn->mss != 0 ? syn->mss : 536,
		.ts_ok = syn->has_ts,
		.sack_ok = syn->sack_ok,
		.wscale_ok = syn->has_wscale,
		.snd_wscale = syn->has_wscale ? syn->wscale : 0,
		.rcv_wscale = syn->has_wscale ? wscale_for(l) : 0,
		.ecn_ok = l->ecn && (syn->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR),
	};
}

static void send_syn_ack(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_agreed *a, uint32_t ts_val)
{
	struct tcp_out out = {.seg = {.seq = a->iss, .ack = a->irs + 1, .flags = TCP_SYN | TCP_ACK}};
	uint8_t *p = out.opt;

	out.seg.wnd = (uint16_t)a->rcv_wnd;
	if (a->ecn_ok)
		out.seg.flags |= TCP_ECE;
	p = tcp_opt_mss(p, l->ops->mss_of(l, t));
	if (a->sack_ok)
		p = tcp_opt_sack_permitted(p);
	if (a->ts_ok)
		p = tcp_opt_timestamps(p, ts_val, a->ts_recent);
	if (a->wscale_ok)
		p = tcp_opt_wscale(p, a->rcv_wscale);
	out.opt_bytes = (uint8_t)(p - out.opt);
	l->ops->output(l, t, &out);
}

static uint32_t timestamp(const struct tcp_listener *l, uint32_t offset)
{
	return (uint32_t)(l->now_ns / TCP_MS) + offset;
}

static void send_request(struct tcp_listener *l, struct tcp_request *r)
{
	if (r->sent < UINT8_MAX)
		r->sent++;
	r->agreed.syn_ack_ns = r->sent == 1 ? l->now_ns : 0;
	send_syn_ack(l, &r->tuple, &r->agreed, timestamp(l, r->agreed.ts_offset));
}

static void send_cookie(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_seg *syn)
{
	struct tcp_agreed a;
	uint32_t ts_val = timestamp(l, tcp_secret_ts_offset(t));

	agree(l, syn, &a);
	a.iss = tcp_cookie_make(t, syn, l->now_ns, &ts_val);
	a.ecn_ok = false;
	if (!a.ts_ok)
		a.sack_ok = a.wscale_ok = false; /* no place to remember them */
	l->cookies_until_ns = l->now_ns + COOKIES_VALID_NS;
	l->cookies_sent++;
	send_syn_ack(l, t, &a, ts_val);
}

static void input_syn(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_seg *syn)
{
	if (l->accept_full) {
		l->dropped++; /* the peer tries again */
		return;
	}
	if (l->nr_requests >= l->max_requests) {
		send_cookie(l, t, syn);
		return;
	}
	struct tcp_request *r = kmalloc(sizeof(*r));
	if (r == NULL) {
		send_cookie(l, t, syn);
		return;
	}
	*r = (struct tcp_request){.tuple = *t, .since_ns = l->now_ns, .due_ns = l->now_ns + TCP_RTO_INITIAL_NS};
	agree(l, syn, &r->agreed);
	r->agreed.iss = tcp_secret_isn(t, l->now_ns);
	r->agreed.ts_offset = tcp_secret_ts_offset(t);
	list_push_back(&l->requests, &r->link);
	list_push_back(bucket(l, t), &r->hash_link);
	l->nr_requests++;
	send_request(l, r);
}

static bool is_acceptable(const struct tcp_request *r, const struct tcp_seg *seg)
{
	uint32_t start = r->agreed.irs + 1;

	if (r->agreed.ts_ok && seg->has_ts && seq_before(seg->ts_val, r->agreed.ts_recent))
		return false;
	return seq_within(seg->seq, start, start + r->agreed.rcv_wnd);
}

/* A segment of a peer whose SYN we have. */
static enum tcp_listen_result input_request(struct tcp_listener *l, struct tcp_request *r, const struct tcp_seg *seg,
					    struct tcp_agreed *agreed)
{
	if ((seg->flags & TCP_SYN) && seg->seq == r->agreed.irs && !(seg->flags & (TCP_ACK | TCP_RST))) {
		if (r->agreed.syn_ack_ns == 0 || l->now_ns - r->agreed.syn_ack_ns > RESEND_AT_MOST_NS)
			send_request(l, r);
		return TCP_LISTEN_DONE;
	}
	if (!is_acceptable(r, seg))
		return TCP_LISTEN_DONE;
	if (seg->flags & TCP_RST) {
		if (seg->seq == r->agreed.irs + 1)
			drop(l, r);
		return TCP_LISTEN_DONE;
	}
	if (seg->flags & TCP_SYN || !(seg->flags & TCP_ACK))
		return TCP_LISTEN_DONE;
	if (seg->ack != r->agreed.iss + 1)
		return TCP_LISTEN_RESET;
	bool bare = seg->len == 0 && !(seg->flags & TCP_FIN);
	if (bare && l->defer_s != 0 && l->now_ns - r->since_ns < l->defer_s * TCP_SEC) {
		r->deferred = true;
		return TCP_LISTEN_DONE;
	}
	if (l->accept_full) {
		l->dropped++;
		return TCP_LISTEN_DONE; /* the SYN-ACK goes again, and so will the ACK */
	}
	*agreed = r->agreed;
	agreed->snd_wnd = seg->wnd;
	return TCP_LISTEN_ACCEPT;
}

static enum tcp_listen_result input_cookie(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_seg *seg,
					   struct tcp_agreed *agreed)
{
	if (l->now_ns >= l->cookies_until_ns)
		return TCP_LISTEN_RESET;
	*agreed = (struct tcp_agreed){.rcv_wnd = MIN(l->rcvbuf / 2, 65535u), .snd_wnd = seg->wnd};
	if (!tcp_cookie_check(t, seg, l->now_ns, agreed))
		return TCP_LISTEN_RESET;
	if (l->accept_full) {
		l->dropped++;
		return TCP_LISTEN_DONE;
	}
	agreed->rcv_wscale = agreed->wscale_ok ? wscale_for(l) : 0;
	agreed->ts_offset = tcp_secret_ts_offset(t);
	l->cookies_ok++;
	return TCP_LISTEN_ACCEPT;
}

enum tcp_listen_result tcp_listener_input(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_seg *seg,
					  uint64_t now_ns, struct tcp_agreed *agreed)
{
	l->now_ns = now_ns;
	struct tcp_request *r = find(l, t);
	if (r != NULL)
		return input_request(l, r, seg, agreed);
	if (seg->flags & TCP_RST)
		return TCP_LISTEN_DONE;
	if (seg->flags & TCP_ACK)
		return seg->flags & TCP_SYN ? TCP_LISTEN_RESET : input_cookie(l, t, seg, agreed);
	if ((seg->flags & TCP_SYN) && !(seg->flags & TCP_FIN))
		input_syn(l, t, seg);
	return TCP_LISTEN_DONE;
}

void tcp_listener_accepted(struct tcp_listener *l, const struct tcp_tuple *t)
{
	struct tcp_request *r = find(l, t);

	if (r != NULL)
		drop(l, r);
}

void tcp_listener_icmp(struct tcp_listener *l, const struct tcp_tuple *t, uint32_t seq)
{
	struct tcp_request *r = find(l, t);

	if (r != NULL && seq == r->agreed.iss)
		drop(l, r);
}

void tcp_listener_timer(struct tcp_listener *l, uint64_t now_ns)
{
	l->now_ns = now_ns;
	list_for_each_safe (r, &l->requests, link, struct tcp_request) {
		if (r->due_ns > now_ns)
			continue;
		if (r->sent >= SYN_ACKS_MAX) {
			drop(l, r);
			continue;
		}
		r->due_ns = now_ns + (TCP_RTO_INITIAL_NS << r->sent);
		if (!r->deferred || now_ns - r->since_ns >= l->defer_s * TCP_SEC)
			send_request(l, r);
		else
			r->sent++;
	}
}

uint64_t tcp_listener_deadline(const struct tcp_listener *l)
{
	uint64_t at = UINT64_MAX;

	/* Requests are in order of arrival; the first is mostly the first to be due, and an early call does no harm. */
	list_for_each (r, &l->requests, link, struct tcp_request) {
		at = MIN(at, r->due_ns);
		if (r->sent <= 1)
			break; /* all behind came later and wait as long */
	}
	return at;
}

bool tcp_reset_answer(const struct tcp_seg *seg, struct tcp_out *out)
{
	if (seg->flags & TCP_RST)
		return false;
	*out = (struct tcp_out){.seg = {.flags = TCP_RST}};
	if (seg->flags & TCP_ACK) {
		out->seg.seq = seg->ack;
	} else {
		out->seg.flags |= TCP_ACK;
		out->seg.ack = seg->seq + seg->len + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
	}
	return true;
}
