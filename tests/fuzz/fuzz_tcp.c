/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tcp.c - a hostile peer against a connection and a listener. The input is a script of segments (fields near what
 * the connection expects, so that they matter, or wild), time that passes, memory that gets short, and calls of the
 * application. Some connections begin with data in their SYN.
 * The core must not crash, leak or break its invariants, and must always end when it is aborted.
 */
// SOURCES: @tcp
// CFLAGS: -DCAY_KERNEL=1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/panic.h"
#include "kernel/fs/file.h"
#include "kernel/net/tcp_listen.h"
#include "kernel/net/tcp_priv.h"
#include "unit.h"

#include "shim.h"

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                     \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t u8(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static uint32_t u32(struct input *in)
{
	uint32_t v = u8(in);

	v |= (uint32_t)u8(in) << 8;
	v |= (uint32_t)u8(in) << 16;
	return v | (uint32_t)u8(in) << 24;
}

static struct tcp_conn c;
static struct tcp_listener l;
static uint64_t now;
static uint32_t seen_iss; /* of the SYN-ACK that went last */

static int output(struct tcp_conn *conn, const struct tcp_out *out)
{
	CHECK(out->opt_bytes <= TCP_OPTIONS_BYTES && out->opt_bytes % 4 == 0);
	if (out->seg.len == 0)
		return 0;
	CHECK(out->seg.len <= 65535);
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, 0);
	if (p == NULL)
		return -ENOBUFS;
	CHECK(tcp_sndq_attach(&conn->sndq, out->seg.seq + !!(out->seg.flags & TCP_SYN), out->seg.len, p) &&
	      p->len == out->seg.len);
	pbuf_put(p);
	return 0;
}

static void take_cookie(struct tcp_conn *conn, const uint8_t *cookie, unsigned bytes)
{
	CHECK(conn == &c && bytes <= TCP_COOKIE_MAX && (bytes == 0 || cookie == NULL || bytes % 2 == 0));
}

static const struct tcp_conn_ops ops = {.output = output, .cookie = take_cookie};

static void listener_output(struct tcp_listener *listener, const struct tcp_tuple *t, const struct tcp_out *out)
{
	(void)listener;
	(void)t;
	CHECK(out->opt_bytes <= TCP_OPTIONS_BYTES && out->opt_bytes % 4 == 0);
	seen_iss = out->seg.seq;
}

static uint16_t listener_mss(struct tcp_listener *listener, const struct tcp_tuple *t)
{
	(void)listener;
	(void)t;
	return 1460;
}

static const struct tcp_listener_ops listener_ops = {.output = listener_output, .mss_of = listener_mss};

static void check(void)
{
	uint32_t pipe = 0, sacked = 0, lost = 0, nr = 0, at = c.snd_una;

	list_for_each (r, &c.inflight, link, struct tcp_sent) {
		CHECK(r->seq == at && seq_before(r->seq, r->end));
		at = r->end;
		*(r->flags & TCP_SENT_SACKED ? &sacked : r->flags & TCP_SENT_LOST ? &lost : &pipe) += r->end - r->seq;
		nr++;
	}
	CHECK(nr == c.nr_inflight && pipe == c.pipe && sacked == c.sacked && lost == c.lost);
	CHECK(c.state == TCPS_CLOSED || nr == 0 || at == c.snd_nxt);
	CHECK(c.state == TCPS_CLOSED || nr == 0 || c.rtx_kind != TCP_RTX_NONE);
	CHECK(c.rcvq.nr_ranges <= TCP_OOO_RANGES_MAX);
	CHECK(c.rcvq.truesize < 16u << 20);
	CHECK(c.mss >= 64 && c.cwnd <= TCP_CWND_MAX + 65536);
}

/* A number near `base`, or a wild one. */
static uint32_t near_to(struct input *in, uint32_t base)
{
	uint8_t how = u8(in);

	if (how < 128)
		return base;
	if (how < 200)
		return base + (uint32_t)(int8_t)u8(in);
	if (how < 240)
		return base + (uint32_t)(int32_t)(int16_t)u32(in);
	return u32(in);
}

static struct tcp_seg make_segment(struct input *in)
{
	struct tcp_seg seg = {.flags = u8(in), .len = u8(in), .wnd = (uint16_t)u32(in)};
	uint8_t opts = u8(in);

	if (opts & 1)
		seg.len *= 200;
	if (seg.len > 60000)
		seg.len = 60000;
	seg.seq = near_to(in, c.rcv_nxt);
	seg.ack = near_to(in, opts & 2 ? c.snd_nxt : c.snd_una);
	if (opts & 4) {
		seg.has_ts = true;
		seg.ts_val = near_to(in, c.ts_recent);
		seg.ts_ecr = near_to(in, (uint32_t)(now / TCP_MS) + c.ts_offset);
	}
	if (opts & 8)
		seg.mss = (uint16_t)u32(in);
	if (opts & 16) {
		seg.has_wscale = true;
		seg.wscale = u8(in) % 15;
	}
	seg.sack_ok = opts & 32;
	for (unsigned i = opts >> 6; i > 0; i--) {
		struct tcp_sack_block b = {near_to(in, c.snd_una), near_to(in, c.snd_nxt)};
		if (seq_before(b.start, b.end))
			seg.sack[seg.nr_sack++] = b;
	}
	seg.urg = u8(in);
	seg.ce = u8(in) & 1;
	return seg;
}

static struct pbuf *payload_of(const struct tcp_seg *seg)
{
	struct pbuf *p = seg->len > 0 ? pbuf_alloc(0, seg->len) : NULL;

	if (p != NULL)
		memset(p->data, 0x5a, seg->len);
	return p;
}

static void app_write(uint32_t n)
{
	static uint8_t buf[65536];
	struct uio_seg s = {buf, n};
	struct uio uio = {.segs = &s, .nr_segs = 1, .resid = n, .kernel = true};

	if (!tcp_conn_can_send(&c) || n == 0)
		return;
	n = MIN(n, tcp_conn_room(&c));
	if (n > 0 && tcp_sndq_write(&c.sndq, &uio, n) < 0)
		return;
	tcp_conn_push(&c, now);
}

/* The first SYN asks for a cookie, or has one and data. */
static void open_fast(uint8_t how)
{
	static uint8_t buf[1400];
	static struct tcp_fast fast;
	struct uio_seg s = {buf, how * 5u};
	struct uio uio = {.segs = &s, .nr_segs = 1, .resid = s.bytes, .kernel = true};

	fast = (struct tcp_fast){.mss = 1460, .bytes = how & 4 ? 8 : 0};
	c.fast = &fast;
	if (tcp_sndq_write(&c.sndq, &uio, (uint32_t)s.bytes) < 0)
		c.fast = NULL;
}

static void app_read(uint32_t n)
{
	n = MIN(n, c.rcvq.bytes);
	tcp_rcvq_take(&c.rcvq, n);
	tcp_conn_consumed(&c, n, now);
	tcp_conn_push(&c, now);
}

static void listener_step(struct input *in, const struct tcp_seg *seg)
{
	struct tcp_tuple t = {.local = ipaddr_v4(1), .remote = ipaddr_v4(u8(in) % 8), .lport = 80, .rport = u8(in) % 4};
	struct tcp_agreed a;
	struct tcp_seg s = *seg;

	if (u8(in) & 1)
		s.ack = seen_iss + 1;
	if (tcp_listener_input(&l, &t, &s, now, &a) != TCP_LISTEN_ACCEPT)
		return;
	tcp_listener_accepted(&l, &t);
	if (c.state != TCPS_CLOSED)
		return;
	tcp_conn_free(&c);
	tcp_conn_init(&c, &ops, 1460);
	tcp_conn_accepted(&c, &a, now);
	tcp_conn_input(&c, &s, payload_of(&s), now);
	tcp_conn_push(&c, now);
}

static void step(struct input *in)
{
	uint8_t what = u8(in);

	switch (what % 16) {
	case 0:
		app_write(u8(in) * 250u);
		break;
	case 1:
		app_read(u8(in) * 300u);
		break;
	case 2:
		now += (uint64_t)u8(in) * TCP_MS;
		break;
	case 3:
		now += (uint64_t)u8(in) * 500 * TCP_MS;
		break;
	case 4:
		if (what & 16)
			tcp_conn_shutdown(&c, now);
		else if (what & 32)
			tcp_conn_close(&c, now);
		else if (what & 64)
			tcp_conn_set_mss_path(&c, (uint16_t)u32(in));
		else
			tcp_conn_icmp(&c, near_to(in, c.snd_una), 113, what & 128);
		tcp_conn_push(&c, now);
		break;
	case 5:
		c.nodelay = what & 16;
		c.cork = what & 32;
		tcp_conn_set_keepalive(&c, what & 64, now);
		c.user_timeout_ns = what & 128 ? TCP_SEC : 0;
		break;
	case 6: {
		struct tcp_seg seg = make_segment(in);
		listener_step(in, &seg);
		break;
	}
	case 7:
		shim_kmalloc_fail_after(u8(in));
		break;
	case 8: {
		uint8_t raw[60];
		struct tcp_seg seg;
		for (unsigned i = 0; i < sizeof(raw); i++)
			raw[i] = u8(in);
		if (tcp_wire_parse(&seg, raw, sizeof(raw), 60u + what) && c.state != TCPS_CLOSED)
			tcp_conn_input(&c, &seg, payload_of(&seg), now);
		tcp_conn_push(&c, now);
		break;
	}
	case 9: /* what the socket is told of all connections' memory */
		c.mem_level = (uint8_t)((what >> 4) % 3);
		if (what & 64)
			tcp_conn_prune(&c);
		break;
	default: {
		struct tcp_seg seg = make_segment(in);
		if (c.state == TCPS_SYN_SENT && what & 16) {
			seg.flags = TCP_SYN | TCP_ACK;
			seg.ack = what & 64 ? near_to(in, c.snd_nxt) : c.iss + 1;
			seg.cookie_bytes = what & 128 ? 8 : 0;
		}
		struct pbuf *p = payload_of(&seg);
		if (p == NULL)
			seg.len = 0;
		tcp_conn_input(&c, &seg, p, now);
		if (what & 32)
			tcp_conn_push(&c, now);
		break;
	}
	}
	check();
	while (tcp_conn_deadline(&c) <= now) {
		tcp_conn_timer(&c, now);
		tcp_conn_push(&c, now);
		CHECK(tcp_conn_deadline(&c) > now);
	}
	while (tcp_listener_deadline(&l) <= now) {
		tcp_listener_timer(&l, now);
		CHECK(tcp_listener_deadline(&l) > now);
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[64] = "nobody must know this";
	struct input in = {data, size};

	shim_kmalloc_fail_after(-1);
	now = TCP_SEC;
	tcp_secret_init(secret);
	CHECK(tcp_listener_init(&l, &listener_ops, 4) == 0);
	tcp_conn_init(&c, &ops, 1460);
	uint8_t how = u8(&in);
	if (how & 1)
		c.gso_bytes = 65000;
	tcp_conn_connect(&c, 0xfffff000u, 1, now);
	if (how & 2)
		open_fast(how);
	tcp_conn_push(&c, now);
	for (unsigned steps = 0; in.left > 0 && steps < 400; steps++)
		step(&in);
	shim_kmalloc_fail_after(-1);
	tcp_conn_abort(&c, 0, now);
	CHECK(c.state == TCPS_CLOSED && tcp_conn_deadline(&c) == UINT64_MAX);
	tcp_conn_free(&c);
	tcp_listener_free(&l);
	CHECK(shim_pages_in_use() == 0);
	return 0;
}
