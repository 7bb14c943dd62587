/* SPDX-License-Identifier: MIT */
/* tcp_wire.c - reading and writing TCP headers: see tcp_wire.h. */
#include "kernel/net/tcp_wire.h"

#include "kernel/net/tcp_seq.h"
#include "lib/string.h"

/* Kinds of options: RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413. */
enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_OK = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
	OPT_FAST_OPEN = 34
};

#define WSCALE_MAX 14 /* RFC 7323 section 2.3 */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

static void parse_sack(struct tcp_seg *seg, const uint8_t *p, unsigned bytes)
{
	for (; bytes >= 8 && seg->nr_sack < TCP_SACK_MAX; bytes -= 8, p += 8) {
		struct tcp_sack_block b = {get32(p), get32(p + 4)};

		if (seq_before(b.start, b.end))
			seg->sack[seg->nr_sack++] = b;
	}
}

/* RFC 7413 section 4.1.1: 4 to 16 bytes, an even number. None is a question. */
static void parse_cookie(struct tcp_seg *seg, const uint8_t *p, unsigned bytes)
{
	if (bytes < TCP_COOKIE_MIN || bytes > TCP_COOKIE_MAX || bytes % 2 != 0)
		return;
	seg->cookie_bytes = (uint8_t)bytes;
	memcpy(seg->cookie, p, bytes);
}

static void parse_option(struct tcp_seg *seg, uint8_t kind, const uint8_t *p, unsigned bytes)
{
	switch (kind) {
	case OPT_MSS:
		if (bytes == 2 && (seg->flags & TCP_SYN))
			seg->mss = get16(p);
		break;
	case OPT_WSCALE:
		if (bytes == 1 && (seg->flags & TCP_SYN)) {
			seg->has_wscale = true;
			seg->wscale = MIN(p[0], (uint8_t)WSCALE_MAX);
		}
		break;
	case OPT_SACK_OK:
		if (bytes == 0 && (seg->flags & TCP_SYN))
			seg->sack_ok = true;
		break;
	case OPT_SACK:
		parse_sack(seg, p, bytes);
		break;
	case OPT_TS:
		if (bytes == 8) {
			seg->has_ts = true;
			seg->ts_val = get32(p);
			seg->ts_ecr = get32(p + 4);
		}
		break;
	case OPT_FAST_OPEN:
		if (seg->flags & TCP_SYN)
			parse_cookie(seg, p, bytes);
		break;
	}
}

static void parse_options(struct tcp_seg *seg, const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p != OPT_END) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		parse_option(seg, p[0], p + 2, p[1] - 2u);
		p += p[1];
	}
}

bool tcp_wire_parse(struct tcp_seg *seg, const void *header, size_t bytes, size_t total_bytes)
{
	const uint8_t *p = header;

	if (bytes < TCP_HEADER_BYTES)
		return false;
	unsigned header_bytes = (unsigned)(p[12] >> 4) * 4;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > bytes || header_bytes > total_bytes)
		return false;
	*seg = (struct tcp_seg){
		.src_port = get16(p),
		.dst_port = get16(p + 2),
		.seq = get32(p + 4),
		.ack = get32(p + 8),
		.flags = p[13],
		.wnd = get16(p + 14),
		.urg = get16(p + 18),
		.header_bytes = (uint8_t)header_bytes,
		.len = (uint32_t)(total_bytes - header_bytes),
	};
	parse_options(seg, p + TCP_HEADER_BYTES, p + header_bytes);
	return true;
}

size_t tcp_wire_build(const struct tcp_seg *seg, const uint8_t *opt, size_t opt_bytes, uint8_t *out)
{
	uint8_t *p = out;

	p = put16(p, seg->src_port);
	p = put16(p, seg->dst_port);
	p = put32(p, seg->seq);
	p = put32(p, seg->ack);
	*p++ = (uint8_t)((TCP_HEADER_BYTES + opt_bytes) / 4 << 4);
	*p++ = seg->flags;
	p = put16(p, seg->wnd);
	p = put16(p, 0);
	p = put16(p, seg->urg);
	memcpy(p, opt, opt_bytes);
	return TCP_HEADER_BYTES + opt_bytes;
}

uint8_t *tcp_opt_mss(uint8_t *p, uint16_t mss)
{
	*p++ = OPT_MSS;
	*p++ = 4;
	return put16(p, mss);
}

uint8_t *tcp_opt_wscale(uint8_t *p, uint8_t shift)
{
	*p++ = OPT_NOP;
	*p++ = OPT_WSCALE;
	*p++ = 3;
	*p++ = shift;
	return p;
}

uint8_t *tcp_opt_sack_permitted(uint8_t *p)
{
	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_SACK_OK;
	*p++ = 2;
	return p;
}

uint8_t *tcp_opt_timestamps(uint8_t *p, uint32_t val, uint32_t ecr)
{
	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_TS;
	*p++ = 10;
	return put32(put32(p, val), ecr);
}

uint8_t *tcp_opt_sack(uint8_t *p, const struct tcp_sack_block *blocks, unsigned nr)
{
	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_SACK;
	*p++ = (uint8_t)(2 + 8 * nr);
	for (unsigned i = 0; i < nr; i++)
		p = put32(put32(p, blocks[i].start), blocks[i].end);
	return p;
}

uint8_t *tcp_opt_fast_open(uint8_t *p, const uint8_t *cookie, unsigned bytes)
{
	for (unsigned pad = -(bytes + 2) % 4; pad > 0; pad--)
		*p++ = OPT_NOP;
	*p++ = OPT_FAST_OPEN;
	*p++ = (uint8_t)(bytes + 2);
	memcpy(p, cookie, bytes);
	return p + bytes;
}
