/* SPDX-License-Identifier: MIT */
/*
 * link_ring.c - see link_ring.h. Memory order: data, then tail (release) | tail (acquire), then data; reading, then
 * head (release) | head (acquire), then overwriting; and the two pairs of store, full barrier, load of abi/link.h.
 */
#include "lib/link_ring.h"

#include "lib/string.h"

#define LENGTH_BYTES ((uint32_t)sizeof(uint32_t))

static uint32_t record_bytes(uint32_t bytes)
{
	return ALIGN_UP(LENGTH_BYTES + bytes, CAY_LINK_ALIGN);
}

/* Bytes from `at` to the ring's end. */
static uint32_t until_end(uint32_t at)
{
	return CAY_LINK_RING_BYTES - (at & (CAY_LINK_RING_BYTES - 1));
}

void link_tx_init(struct link_tx *tx, struct cay_link_ring *ring, uint8_t *data)
{
	uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

	head = ALIGN_DOWN(head, CAY_LINK_ALIGN);
	*tx = (struct link_tx){.ring = ring, .data = data, .tail = head, .at = head, .published = head};
	tx->room_number = READ_ONCE(ring->wants_room); /* goes on from the place's last VM */
	WRITE_ONCE(ring->wants_room, 0);
	__atomic_store_n(&ring->tail, head, __ATOMIC_RELEASE);
}

void link_rx_init(struct link_rx *rx, struct cay_link_ring *ring, const uint8_t *data)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	tail = ALIGN_DOWN(tail, CAY_LINK_ALIGN);
	*rx = (struct link_rx){.ring = ring, .data = data, .head = tail, .next = tail, .released = tail};
	/* Numbers go on from the place's last VM, whose last ones the producer may have answered: it looked more often
	 * than it slept. */
	rx->polls = rx->asleep_number = READ_ONCE(ring->polls);
	WRITE_ONCE(ring->asleep, 0);
	__atomic_store_n(&ring->head, tail, __ATOMIC_RELEASE);
}

/* Free bytes behind tail. */
static uint32_t room(struct link_tx *tx)
{
	uint32_t head = __atomic_load_n(&tx->ring->head, __ATOMIC_ACQUIRE);
	uint32_t used = tx->tail - head;

	if (used <= CAY_LINK_RING_BYTES)
		return CAY_LINK_RING_BYTES - used;
	/* Nonsense, or another VM has taken the place: what it has not read is lost. */
	tx->nr_resyncs++;
	tx->tail = ALIGN_DOWN(head, CAY_LINK_ALIGN);
	tx->published = tx->tail;
	__atomic_store_n(&tx->ring->tail, tx->tail, __ATOMIC_RELEASE);
	return CAY_LINK_RING_BYTES - CAY_LINK_ALIGN;
}

void link_tx_put(struct link_tx *tx, const void *from, uint32_t bytes)
{
	uint32_t first = MIN(bytes, until_end(tx->at));

	memcpy(tx->data + (tx->at & (CAY_LINK_RING_BYTES - 1)), from, first);
	memcpy(tx->data, (const uint8_t *)from + first, bytes - first);
	tx->at += bytes;
}

bool link_tx_begin(struct link_tx *tx, uint32_t bytes)
{
	if (bytes == 0 || bytes > CAY_LINK_FRAME_MAX || room(tx) < record_bytes(bytes))
		return false;
	tx->at = tx->tail;
	link_tx_put(tx, &bytes, LENGTH_BYTES);
	return true;
}

void link_tx_end(struct link_tx *tx)
{
	tx->tail = ALIGN_UP(tx->at, CAY_LINK_ALIGN);
}

bool link_tx_publish(struct link_tx *tx)
{
	uint32_t asleep;

	if (tx->published == tx->tail)
		return false;
	tx->published = tx->tail;
	__atomic_store_n(&tx->ring->tail, tx->tail, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: link_rx_arm */
	asleep = READ_ONCE(tx->ring->asleep);
	if (asleep == 0 || asleep == tx->answered)
		return false;
	tx->answered = asleep;
	return true;
}

bool link_tx_unread(const struct link_tx *tx)
{
	return READ_ONCE(tx->ring->head) != tx->published;
}

bool link_tx_stalled(struct link_tx *tx, uint64_t now_ns)
{
	uint32_t polls;

	if (!link_tx_unread(tx)) {
		tx->since_ns = 0;
		return false;
	}
	polls = READ_ONCE(tx->ring->polls);
	if (tx->since_ns == 0 || polls != tx->polls_seen) {
		tx->polls_seen = polls;
		tx->since_ns = now_ns;
		tx->prodded = false;
		return false;
	}
	if (tx->prodded || now_ns - tx->since_ns < LINK_STALL_NS)
		return false;
	tx->prodded = true;
	return true;
}

bool link_tx_wait(struct link_tx *tx)
{
	uint32_t head = READ_ONCE(tx->ring->head);

	/* It has made no room since our number stood there, so it cannot have answered it. */
	if (tx->wants_room != 0 && head == tx->waits_since)
		return true;
	tx->waits_since = head;
	tx->room_number = tx->room_number + 1 != 0 ? tx->room_number + 1 : 1;
	tx->wants_room = tx->room_number;
	WRITE_ONCE(tx->ring->wants_room, tx->wants_room);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: link_rx_release */
	return false;
}

void link_tx_stop_waiting(struct link_tx *tx)
{
	tx->wants_room = 0;
	WRITE_ONCE(tx->ring->wants_room, 0);
}

bool link_rx_pending(const struct link_rx *rx)
{
	return __atomic_load_n(&rx->ring->tail, __ATOMIC_RELAXED) != rx->head;
}

static uint32_t resync(struct link_rx *rx, uint32_t tail)
{
	rx->nr_resyncs++;
	rx->head = rx->next = ALIGN_DOWN(tail, CAY_LINK_ALIGN);
	return 0;
}

static void copy_out(const struct link_rx *rx, uint32_t at, void *to, uint32_t bytes)
{
	uint32_t first = MIN(bytes, until_end(at));

	memcpy(to, rx->data + (at & (CAY_LINK_RING_BYTES - 1)), first);
	memcpy((uint8_t *)to + first, rx->data, bytes - first);
}

uint32_t link_rx_begin(struct link_rx *rx)
{
	uint32_t tail = __atomic_load_n(&rx->ring->tail, __ATOMIC_ACQUIRE), used = tail - rx->head, bytes;

	if (used == 0)
		return 0;
	if (used > CAY_LINK_RING_BYTES || used % CAY_LINK_ALIGN != 0)
		return resync(rx, tail);
	copy_out(rx, rx->head, &bytes, LENGTH_BYTES);
	if (bytes == 0 || bytes > CAY_LINK_FRAME_MAX || record_bytes(bytes) > used)
		return resync(rx, tail);
	rx->at = rx->head + LENGTH_BYTES;
	rx->left = bytes;
	rx->next = rx->head + record_bytes(bytes);
	return bytes;
}

void link_rx_get(struct link_rx *rx, void *to, uint32_t bytes)
{
	copy_out(rx, rx->at, to, bytes);
	rx->at += bytes;
	rx->left -= bytes;
}

void link_rx_end(struct link_rx *rx)
{
	rx->head = rx->next;
}

bool link_rx_release(struct link_rx *rx)
{
	uint32_t wants;

	if (rx->released == rx->head)
		return false;
	rx->released = rx->head;
	__atomic_store_n(&rx->ring->head, rx->head, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: link_tx_wait */
	wants = READ_ONCE(rx->ring->wants_room);
	if (wants == 0 || wants == rx->answered)
		return false;
	rx->answered = wants;
	return true;
}

bool link_rx_arm(struct link_rx *rx)
{
	rx->asleep_number = rx->asleep_number + 1 != 0 ? rx->asleep_number + 1 : 1;
	WRITE_ONCE(rx->ring->asleep, rx->asleep_number);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* partner: link_tx_publish */
	return link_rx_pending(rx);
}

void link_rx_awake(struct link_rx *rx)
{
	WRITE_ONCE(rx->ring->asleep, 0);
	WRITE_ONCE(rx->ring->polls, ++rx->polls);
}
