/* SPDX-License-Identifier: MIT */
/* packet_blocks.c - rings of packet sockets that are filled block by block (TPACKET_V3): see packet_ring.h. */
#include <errno.h>

#include "kernel/mm/page.h"
#include "kernel/net/packet_ring.h"
#include "lib/string.h"

#define FRAME_ALIGN  8u
#define TIMEOUT_MS   8u /* where the program leaves it to us */
#define NS           1000000000ull
#define NS_PER_MS    1000000ull
#define BLOCK_HEADER ALIGN_UP(sizeof(struct tpacket_block_desc), 8ul)

static struct tpacket_block_desc *desc(const struct packet_ring *r, uint32_t n)
{
	return (struct tpacket_block_desc *)r->block[n];
}

static bool is_programs(const struct packet_ring *r, uint32_t n)
{
	return (__atomic_load_n(&desc(r, n)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

int packet_blocks_init(struct packet_ring *r, const struct tpacket_req3 *req)
{
	uint64_t first = BLOCK_HEADER + ALIGN_UP((uint64_t)req->tp_sizeof_priv, 8ul);

	if (first + TPACKET3_HDRLEN + r->reserve > r->block_bytes)
		return -EINVAL;
	r->first = (uint32_t)first;
	r->timeout_ms = req->tp_retire_blk_tov != 0 ? req->tp_retire_blk_tov : TIMEOUT_MS;
	return 0;
}

static void write_header(const struct packet_ring *r, uint32_t status)
{
	struct tpacket_block_desc *d = desc(r, r->head);

	d->version = TPACKET_V3;
	d->offset_to_priv = BLOCK_HEADER;
	d->hdr.bh1.num_pkts = r->nr_in_block;
	d->hdr.bh1.offset_to_first_pkt = r->first;
	d->hdr.bh1.blk_len = r->end;
	d->hdr.bh1.seq_num = r->seq;
	d->hdr.bh1.ts_first_pkt.ts_sec = (uint32_t)(r->first_ns / NS);
	d->hdr.bh1.ts_first_pkt.ts_nsec = (uint32_t)(r->first_ns % NS);
	d->hdr.bh1.ts_last_pkt.ts_sec = (uint32_t)(r->last_ns / NS);
	d->hdr.bh1.ts_last_pkt.ts_nsec = (uint32_t)(r->last_ns % NS);
	__atomic_store_n(&d->hdr.bh1.block_status, status, __ATOMIC_RELEASE); /* the program's acquire */
}

static bool open_block(struct packet_ring *r)
{
	if (is_programs(r, r->head))
		return false;
	r->open = true;
	r->seq++;
	r->end = r->first;
	r->nr_in_block = 0;
	return true;
}

static void give_over(struct packet_ring *r, uint32_t why)
{
	uint32_t end = 0;

	memcpy(r->block[r->head] + r->last, &end, sizeof(end)); /* tp_next_offset: the last one has none */
	write_header(r, TP_STATUS_USER | why);
	r->open = false;
	r->close_at_ns = 0;
	r->head = (r->head + 1) % r->nr_blocks;
}

static bool make_room(struct packet_ring *r, uint32_t bytes)
{
	if (!r->open) {
		if (!open_block(r))
			return false;
	} else if (bytes > r->block_bytes - r->end) {
		give_over(r, 0);
		if (!open_block(r)) {
			r->freezes++;
			return false;
		}
	}
	return true;
}

bool packet_blocks_put(struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f, uint64_t now_ns)
{
	struct packet_place at;

	if (!packet_ring_place(r, p, f, r->block_bytes - r->first, &at))
		return false;
	uint32_t bytes = (uint32_t)ALIGN_UP((uint64_t)at.mac + at.snaplen, (uint64_t)FRAME_ALIGN);
	if (!make_room(r, bytes))
		return false;
	struct tpacket3_hdr h = {
		.tp_next_offset = bytes,
		.tp_sec = (uint32_t)(f->time_ns / NS),
		.tp_nsec = (uint32_t)(f->time_ns % NS),
		.tp_snaplen = at.snaplen,
		.tp_len = p->len,
		.tp_status = f->status,
		.tp_mac = (uint16_t)at.mac,
		.tp_net = (uint16_t)at.net,
	};
	uint8_t *s = r->block[r->head] + r->end;
	memcpy(s, &h, sizeof(h));
	memcpy(s + TPACKET_ALIGN(sizeof(h)), &f->ll, sizeof(f->ll));
	pbuf_copy_out(p, 0, s + at.mac, at.snaplen);
	if (r->nr_in_block++ == 0) {
		r->first_ns = f->time_ns;
		r->close_at_ns = now_ns + r->timeout_ms * NS_PER_MS;
	}
	r->last_ns = f->time_ns;
	r->last = r->end;
	r->end += bytes;
	return true;
}

bool packet_ring_timer(struct packet_ring *r, uint64_t now_ns)
{
	if (r->version != TPACKET_V3 || r->close_at_ns == 0 || now_ns < r->close_at_ns)
		return false;
	give_over(r, TP_STATUS_BLK_TMO);
	return true;
}

bool packet_blocks_is_readable(const struct packet_ring *r)
{
	return is_programs(r, (r->head + r->nr_blocks - 1) % r->nr_blocks);
}
