/* SPDX-License-Identifier: MIT */
/*
 * virtio_net_rx.c - see virtio_net_rx.h. A buffer is four pages, so that a joined frame of 64 KiB takes few; a frame
 * has the virtio header at the start of its first buffer and may go on in others (mergeable buffers). What the device
 * claims of lengths and counts is checked.
 */
#include "kernel/dev/virtio_net_rx.h"

#include <stddef.h>

#include "kernel/dev/virtio_net_hdr.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "lib/string.h"

#define BUF_ORDER 2
#define BUF_BYTES ((uint32_t)PAGE_SIZE << BUF_ORDER)
/* Frames up to this are copied whole: cheaper than parting with a buffer. One of Ethernet's size is among them. */
#define COPY_MAX 1600u
/* Of longer ones this much: all headers there may be. */
#define HEAD_BYTES 128u
/* To begin with: the longest frame, three times over. Doubled while the device uses up half of them at once, as long as
 * they are less than this part of memory. */
#define TARGET_START 16u
#define MEMORY_PART  64u
/* Returned buffers kept for the next refill. */
#define FREE_MAX 64u

struct netrx_buf {
	struct pbuf_block block;
	struct netrx *rx;
	struct netrx_buf *next;
};

static void buf_returned(struct pbuf_block *b)
{
	struct netrx_buf *buf = b->owner;
	struct netrx *rx = buf->rx;

	spin_lock(&rx->free_lock);
	if (rx->nr_free < FREE_MAX) {
		buf->next = rx->free;
		rx->free = buf;
		rx->nr_free++;
		buf = NULL;
	}
	spin_unlock(&rx->free_lock);
	if (buf == NULL)
		return;
	page_free(b->mem, BUF_ORDER);
	kfree(buf);
}

static struct netrx_buf *buf_recycle(struct netrx *rx)
{
	struct netrx_buf *buf;

	spin_lock(&rx->free_lock);
	buf = rx->free;
	if (buf != NULL) {
		rx->free = buf->next;
		rx->nr_free--;
	}
	spin_unlock(&rx->free_lock);
	return buf;
}

static struct netrx_buf *buf_get(struct netrx *rx)
{
	struct netrx_buf *buf = buf_recycle(rx);

	if (buf == NULL) {
		buf = kmalloc(sizeof(*buf));
		if (buf == NULL)
			return NULL;
		buf->block = (struct pbuf_block){.bytes = BUF_BYTES, .free = buf_returned, .owner = buf};
		buf->rx = rx;
		buf->block.mem = page_alloc(BUF_ORDER, 0);
		if (buf->block.mem == NULL) {
			kfree(buf);
			return NULL;
		}
	}
	buf->block.refs = 1;
	return buf;
}

void netrx_init(struct netrx *rx, unsigned nr, void *desc, void *avail, void *used)
{
	*rx = (struct netrx){.target = TARGET_START};
	virtq_driver_init(&rx->vq, nr, desc, avail, used, rx->slots);
}

bool netrx_refill(struct netrx *rx)
{
	if (rx->posted < rx->target / 2 && rx->target < rx->vq.nr &&
	    ((size_t)rx->target * 2 << BUF_ORDER) <= page_nr_total() / MEMORY_PART)
		rx->target *= 2;
	while (rx->posted < rx->target) {
		struct netrx_buf *buf = buf_get(rx);
		struct virtq_seg seg;

		if (buf == NULL)
			break;
		seg = (struct virtq_seg){virt_to_pa(buf->block.mem).v, BUF_BYTES, true};
		if (virtq_driver_add(&rx->vq, &seg, 1, buf) != 0) {
			pbuf_block_put(&buf->block);
			break;
		}
		rx->posted++;
	}
	return virtq_driver_publish(&rx->vq);
}

/* The head of a frame of `bytes`, link header first, from its first buffer. */
static struct pbuf *take_head(const uint8_t *data, uint32_t bytes, bool whole)
{
	uint32_t head = MIN(bytes, whole && bytes <= COPY_MAX ? COPY_MAX : HEAD_BYTES);
	struct pbuf *p = pbuf_alloc(0, head);

	if (p != NULL)
		memcpy(p->data, data, head);
	return p;
}

/* The first buffer of a frame. NULL: dropped, or its other buffers are yet to come (rx->partial). */
static struct pbuf *begin_frame(struct netrx *rx, struct netrx_buf *buf, uint32_t bytes)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	const uint8_t *data = buf->block.mem + sizeof(hdr);
	struct pbuf *p = NULL;
	unsigned more;

	memcpy(&hdr, buf->block.mem, sizeof(hdr));
	more = hdr.num_buffers == 0 ? 0 : hdr.num_buffers - 1u;
	if (more >= PBUF_FRAGS_MAX)
		more = 0, bytes = 0; /* nothing of it can be believed */
	if (bytes >= sizeof(hdr) + 14 && bytes <= BUF_BYTES)
		p = take_head(data, bytes - (uint32_t)sizeof(hdr), more == 0);
	if (p != NULL &&
	    (!netvirtio_hdr_apply(&hdr.hdr, p) ||
	     (bytes - sizeof(hdr) > p->head_len && !pbuf_add_frag(p, &buf->block, (uint32_t)sizeof(hdr) + p->head_len,
								  bytes - (uint32_t)sizeof(hdr) - p->head_len)))) {
		pbuf_put(p);
		p = NULL;
	}
	rx->nr_bad += p == NULL;
	if (more == 0)
		return p;
	rx->partial = p;
	rx->missing = more;
	rx->spoiled = p == NULL;
	return NULL;
}

/* A further buffer of rx->partial. */
static struct pbuf *go_on(struct netrx *rx, struct netrx_buf *buf, uint32_t bytes)
{
	struct pbuf *p = rx->partial;

	if (!rx->spoiled && (bytes == 0 || bytes > BUF_BYTES || !pbuf_add_frag(p, &buf->block, 0, bytes))) {
		pbuf_put(p);
		rx->spoiled = true;
		rx->nr_bad++;
	}
	if (rx->spoiled)
		rx->partial = p = NULL;
	if (--rx->missing > 0)
		return NULL;
	rx->partial = NULL;
	rx->spoiled = false;
	return p;
}

struct pbuf *netrx_take(struct netrx *rx)
{
	struct netrx_buf *buf;
	uint32_t bytes;

	while ((buf = virtq_driver_pop(&rx->vq, &bytes)) != NULL) {
		struct pbuf *p = rx->missing > 0 ? go_on(rx, buf, bytes) : begin_frame(rx, buf, bytes);

		rx->posted--;
		pbuf_block_put(&buf->block); /* the packet has references of its own */
		if (p != NULL)
			return p;
	}
	return NULL;
}
