/* SPDX-License-Identifier: MIT */
/* packet_ring.c - the memory of packet sockets' rings, and those of slots (TPACKET_V1, V2): see packet_ring.h. */
#include "kernel/net/packet_ring.h"

#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "lib/string.h"

#define LINK_ROOM 16u /* room for a link header in front of the network header, as Linux leaves it */
#define NS        1000000000ull

_Static_assert(sizeof(struct tpacket_hdr) == 32 && sizeof(struct tpacket2_hdr) == 32 &&
		       sizeof(struct tpacket3_hdr) == 48 && sizeof(struct sockaddr_ll) == 20,
	       "as packet(7) lays them out");

uint32_t packet_ring_header(int version)
{
	switch (version) {
	case TPACKET_V1:
		return sizeof(struct tpacket_hdr);
	case TPACKET_V2:
		return sizeof(struct tpacket2_hdr);
	case TPACKET_V3:
		return sizeof(struct tpacket3_hdr);
	}
	return 0;
}

/* Header and address. */
static uint32_t headers(const struct packet_ring *r)
{
	return TPACKET_ALIGN(packet_ring_header(r->version)) + (uint32_t)sizeof(struct sockaddr_ll);
}

/* ---- memory ---- */

static void free_block(const struct packet_ring *r, uint8_t *block)
{
	for (size_t i = 0; block != NULL && i < 1ul << r->order; i++)
		page_unref(virt_to_pa(block + i * PAGE_SIZE), 0);
}

void packet_ring_free(struct packet_ring *r)
{
	for (uint32_t i = 0; r != NULL && i < r->nr_blocks; i++)
		free_block(r, r->block[i]);
	kfree(r);
}

static int get_blocks(struct packet_ring *r)
{
	while (PAGE_SIZE << r->order < r->block_bytes)
		if (++r->order > PAGE_ORDER_MAX)
			return -ENOMEM;
	if (packet_ring_bytes(r) > PACKET_RING_BYTES_MAX || ((uint64_t)r->nr_blocks << r->order) > page_nr_free() / 2)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->nr_blocks; i++) {
		r->block[i] = page_alloc(r->order, PAGE_ZERO);
		if (r->block[i] == NULL)
			return -ENOMEM;
		page_split(virt_to_pa(r->block[i]), r->order); /* each page is counted by itself once it is mapped */
	}
	return 0;
}

/* Do the sizes fit together? */
static int check(const struct packet_ring *r, const struct tpacket_req3 *req)
{
	uint64_t frame_min = (uint64_t)headers(r) + r->reserve;

	if ((int32_t)req->tp_block_size <= 0 || req->tp_block_size % PAGE_SIZE != 0)
		return -EINVAL;
	if (req->tp_frame_size < frame_min || req->tp_frame_size % TPACKET_ALIGNMENT != 0)
		return -EINVAL;
	uint64_t frames = (uint64_t)(req->tp_block_size / req->tp_frame_size) * req->tp_block_nr;
	return frames == 0 || frames != req->tp_frame_nr ? -EINVAL : 0;
}

int packet_ring_create(int version, uint32_t reserve, const struct tpacket_req3 *req, struct packet_ring **out)
{
	struct packet_ring plain = {.version = (uint8_t)version, .reserve = reserve}, *r;
	int err = check(&plain, req);

	if (err != 0)
		return err;
	if (req->tp_block_nr > PACKET_RING_BYTES_MAX / PAGE_SIZE)
		return -ENOMEM;
	r = kzalloc(sizeof(*r) + req->tp_block_nr * sizeof(r->block[0]));
	if (r == NULL)
		return -ENOMEM;
	*r = plain;
	r->block_bytes = req->tp_block_size;
	r->nr_blocks = req->tp_block_nr;
	r->frame_bytes = req->tp_frame_size;
	r->frames_per_block = req->tp_block_size / req->tp_frame_size;
	r->nr_frames = req->tp_frame_nr;
	if (version == TPACKET_V3)
		err = packet_blocks_init(r, req);
	if (err == 0)
		err = get_blocks(r);
	if (err != 0) {
		packet_ring_free(r);
		return err;
	}
	*out = r;
	return 0;
}

bool packet_ring_is_mapped(const struct packet_ring *r)
{
	for (uint32_t i = 0; i < r->nr_blocks; i++)
		for (uint32_t at = 0; at < r->block_bytes; at += PAGE_SIZE)
			if (page_refcount(virt_to_pa(r->block[i] + at)) > 1)
				return true;
	return false;
}

int packet_ring_map(const struct packet_ring *r, uint64_t pgoff, size_t nr, struct page_run *run)
{
	uint32_t per_block = r->block_bytes / (uint32_t)PAGE_SIZE;

	if (pgoff >= (uint64_t)per_block * r->nr_blocks)
		return -EINVAL;
	uint32_t page = (uint32_t)(pgoff % per_block);
	*run = (struct page_run){.pa = virt_to_pa(r->block[pgoff / per_block] + page * PAGE_SIZE),
				 .nr = MIN(nr, (size_t)(per_block - page)),
				 .counted = true,
				 .writable = true};
	return 0;
}

/* ---- slots ---- */

bool packet_ring_place(const struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f, uint32_t room,
		       struct packet_place *at)
{
	uint64_t net;

	if (f->link_bytes == 0)
		net = TPACKET_ALIGN(headers(r)) + LINK_ROOM + (uint64_t)r->reserve;
	else
		net = TPACKET_ALIGN(headers(r) + MAX(f->link_bytes, LINK_ROOM)) + (uint64_t)r->reserve;
	if (net > UINT16_MAX)
		return false;
	at->net = (uint32_t)net;
	at->mac = at->net - f->link_bytes;
	at->snaplen = MIN(f->snaplen, p->len);
	if (at->mac > room) {
		at->mac = room;
		at->snaplen = 0;
	}
	at->snaplen = MIN(at->snaplen, room - at->mac);
	return true;
}

static uint8_t *slot(const struct packet_ring *r, uint32_t n)
{
	return r->block[n / r->frames_per_block] + (size_t)(n % r->frames_per_block) * r->frame_bytes;
}

/* Whose a slot is: the only thing read of what the program may write. The word is wider in V1, its low half the same.
 */
static uint32_t slot_status(const struct packet_ring *r, uint32_t n)
{
	return __atomic_load_n((uint32_t *)slot(r, n), __ATOMIC_ACQUIRE);
}

bool packet_ring_put(struct packet_ring *r, const struct pbuf *p, const struct packet_frame *f, uint64_t now_ns)
{
	struct packet_place at;
	uint8_t *s;

	if (r->version == TPACKET_V3)
		return packet_blocks_put(r, p, f, now_ns);
	if (slot_status(r, r->head) != TP_STATUS_KERNEL || !packet_ring_place(r, p, f, r->frame_bytes, &at))
		return false;
	s = slot(r, r->head);
	r->head = (r->head + 1) % r->nr_frames;
	pbuf_copy_out(p, 0, s + at.mac, at.snaplen);
	memcpy(s + TPACKET_ALIGN(packet_ring_header(r->version)), &f->ll, sizeof(f->ll));
	if (r->version == TPACKET_V1) {
		struct tpacket_hdr h = {
			.tp_len = p->len,
			.tp_snaplen = at.snaplen,
			.tp_mac = (uint16_t)at.mac,
			.tp_net = (uint16_t)at.net,
			.tp_sec = (uint32_t)(f->time_ns / NS),
			.tp_usec = (uint32_t)(f->time_ns % NS / 1000),
		};
		memcpy(s, &h, sizeof(h));
		__atomic_store_n((uint64_t *)s, f->status, __ATOMIC_RELEASE); /* the program's acquire */
	} else {
		struct tpacket2_hdr h = {
			.tp_len = p->len,
			.tp_snaplen = at.snaplen,
			.tp_mac = (uint16_t)at.mac,
			.tp_net = (uint16_t)at.net,
			.tp_sec = (uint32_t)(f->time_ns / NS),
			.tp_nsec = (uint32_t)(f->time_ns % NS),
		};
		memcpy(s, &h, sizeof(h));
		__atomic_store_n((uint32_t *)s, f->status, __ATOMIC_RELEASE); /* the program's acquire */
	}
	return true;
}

bool packet_ring_is_readable(const struct packet_ring *r)
{
	if (r->version == TPACKET_V3)
		return packet_blocks_is_readable(r);
	return slot_status(r, (r->head + r->nr_frames - 1) % r->nr_frames) != TP_STATUS_KERNEL;
}
