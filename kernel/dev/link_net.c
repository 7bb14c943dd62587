/* SPDX-License-Identifier: MIT */
/*
 * link_net.c - see link_net.h.
 * Locks: tx_lock and rx_lock, one each for all peers; what a packet makes us answer at once (ARP, ping) is sent under
 * rx_lock, so that comes before tx_lock. What finds no room in a peer's ring waits in a short
 * queue of ours and goes when the peer has made room, which it tells by an event; a peer that takes nothing costs no
 * more than that queue.
 * What TCP is to send lies in blocks of our pool in the segment where it can (link_block), and a peer's data stay in
 * its pool until the program has read them: see abi/link.h. pool_lock is taken last.
 */
#include "kernel/dev/link_net.h"

#include <net/ethernet.h>

#include "abi/link.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/dev/virtio_net_hdr.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/net/net_priv.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/time/clock.h"
#include "lib/link_pool.h"
#include "lib/link_ring.h"
#include "lib/string.h"

#define HDR_BYTES ((uint32_t)sizeof(struct virtio_net_hdr_mrg_rxbuf))
/* Packets that wait for room in one peer's ring: about as many as a ring of full-sized ones holds. */
#define WAITING_MAX 64u
/* Frames up to this are copied into one piece; longer ones into a head for their headers and a block for the rest. */
#define WHOLE_MAX  512u
#define HEAD_BYTES 128u

struct peer {
	struct link_tx tx;
	struct link_rx rx;
	struct pbuf_queue waiting;
};

static struct {
	struct netif nif;
	struct cay_link_segment *segment; /* peers write it */
	struct cay_link_vm *vm;
	unsigned place;
	struct spinlock tx_lock, rx_lock;
	unsigned rx_first; /* the peer to look at first; under rx_lock */
	struct peer peer[CAY_LINK_PEERS_MAX];
	struct spinlock pool_lock; /* pool's idle and away; its counts of uses: tx_lock */
	struct link_pool pool;
	struct pbuf_block block[CAY_LINK_BLOCKS]; /* of our pool */
} link_card;

/* A block of a peer's pool, borrowed by one packet. */
struct borrowed {
	struct pbuf_block block;
	uint8_t from, index;
};

_Static_assert(CAY_LINK_REFS_MAX <= PBUF_FRAGS_MAX, "one fragment for each reference");

static bool is_present(unsigned i)
{
	return i != link_card.place && READ_ONCE(link_card.segment->peer[i].present) == 1;
}

static void wake_peers(uint32_t peers)
{
	if (peers == 0)
		return;
	__atomic_or_fetch(&link_card.vm->wake, peers,
			  __ATOMIC_SEQ_CST); /* full barrier; partner: the VMM's arm_wakes */
	if (__atomic_load_n(&link_card.vm->asleep, __ATOMIC_SEQ_CST))
		doorbell_ring(link_card.vm->doorbell);
}

/* ---- sending */

static uint8_t *pool_base(unsigned place)
{
	return (uint8_t *)link_card.segment + cay_link_pool_offset(place);
}

static void block_unused(struct pbuf_block *b)
{
	spin_lock(&link_card.pool_lock);
	link_pool_put(&link_card.pool, (unsigned)(b - link_card.block));
	spin_unlock(&link_card.pool_lock);
}

static struct pbuf_block *link_block(struct netif *nif)
{
	int i;

	(void)nif;
	spin_lock(&link_card.pool_lock);
	i = link_pool_take(&link_card.pool);
	spin_unlock(&link_card.pool_lock);
	if (i < 0)
		return NULL;
	link_card.block[i] = (struct pbuf_block){.refs = 1,
						 .bytes = CAY_LINK_BLOCK_BYTES,
						 .mem = pool_base(link_card.place) + (unsigned)i * CAY_LINK_BLOCK_BYTES,
						 .free = block_unused};
	return &link_card.block[i];
}

/* Under tx_lock. Can its fragments be lent? */
static bool is_lendable(unsigned to, const struct pbuf *p)
{
	for (unsigned i = 0; i < p->nr_frags; i++)
		if (p->frag[i].block->free != block_unused)
			return false;
	return p->nr_frags > 0 && p->nr_frags <= CAY_LINK_REFS_MAX && p->head_len <= WHOLE_MAX &&
	       link_pool_may_lend(&link_card.pool, to, p->nr_frags);
}

/* Under tx_lock. False: no room. */
static bool put_references(unsigned to, const struct pbuf *p)
{
	struct link_tx *tx = &link_card.peer[to].tx;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct cay_link_ref ref[CAY_LINK_REFS_MAX];
	uint32_t bytes = p->nr_frags * (uint32_t)sizeof(ref[0]);

	if (!link_tx_begin(tx, HDR_BYTES + bytes + p->head_len))
		return false;
	netvirtio_hdr_make(&hdr, p);
	hdr.num_buffers = p->nr_frags;
	for (unsigned i = 0; i < p->nr_frags; i++) {
		unsigned block = (unsigned)(p->frag[i].block - link_card.block);

		ref[i] = (struct cay_link_ref){block * CAY_LINK_BLOCK_BYTES + p->frag[i].off, p->frag[i].len};
		link_pool_lend(&link_card.pool, to, block);
	}
	link_tx_put(tx, &hdr, HDR_BYTES);
	link_tx_put(tx, ref, bytes);
	link_tx_put(tx, p->data, p->head_len);
	link_tx_end(tx);
	return true;
}

/* Under tx_lock. False: no room. */
static bool put(unsigned to, const struct pbuf *p)
{
	struct link_tx *tx = &link_card.peer[to].tx;
	struct virtio_net_hdr_mrg_rxbuf hdr;

	if (is_lendable(to, p))
		return put_references(to, p);
	if (!link_tx_begin(tx, HDR_BYTES + p->len))
		return false;
	netvirtio_hdr_make(&hdr, p);
	link_tx_put(tx, &hdr, HDR_BYTES);
	link_tx_put(tx, p->data, p->head_len);
	for (unsigned i = 0; i < p->nr_frags; i++)
		link_tx_put(tx, p->frag[i].block->mem + p->frag[i].off, p->frag[i].len);
	link_tx_end(tx);
	return true;
}

/* Under tx_lock. Sends what waited, as far as there is room. */
static void flush(unsigned to)
{
	struct peer *peer = &link_card.peer[to];

	while (peer->waiting.nr > 0) {
		if (!put(to, peer->waiting.first) && (link_tx_wait(&peer->tx) || !put(to, peer->waiting.first)))
			return;
		pbuf_put(pbuf_queue_pop(&peer->waiting));
	}
	if (peer->tx.wants_room != 0)
		link_tx_stop_waiting(&peer->tx);
}

/* Under tx_lock. p stays the caller's. */
static void send_to(struct netif *nif, unsigned i, struct pbuf *p)
{
	struct peer *peer = &link_card.peer[i];

	if (!is_present(i))
		return;
	if (peer->waiting.nr > 0)
		flush(i);
	if (peer->waiting.nr == 0 && put(i, p))
		return;
	if (peer->waiting.nr < WAITING_MAX && (p = pbuf_clone(p, 0)) != NULL) {
		pbuf_queue_push(&peer->waiting, p);
		flush(i);
		return;
	}
	nif->stats.tx_dropped++;
}

static void send_packet(struct netif *nif, struct pbuf *p)
{
	static const uint8_t ours[5] = CAY_LINK_MAC;
	const uint8_t *dst = p->data;

	if (p->head_len < ETHER_HDR_LEN)
		return;
	stat_count(CAY_C_NET_SENT);
	if (dst[0] & 1) {
		for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
			send_to(nif, i, p);
	} else if (memcmp(dst, ours, sizeof(ours)) == 0 && dst[5] - 1u < CAY_LINK_PEERS_MAX) {
		send_to(nif, dst[5] - 1u, p);
	}
}

/* Under tx_lock. The peers to be woken. */
static uint32_t publish(void)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint32_t wake = 0;

	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		if (i == link_card.place)
			continue;
		if (link_tx_publish(&link_card.peer[i].tx) || link_tx_stalled(&link_card.peer[i].tx, now_ns))
			wake |= 1u << i;
		link_pool_show(&link_card.pool, i);
	}
	return wake;
}

static void link_transmit(struct netif *nif, struct pbuf *batch)
{
	uint32_t asleep;

	spin_lock(&link_card.tx_lock);
	while (batch != NULL) {
		struct pbuf *p = batch;

		batch = p->next;
		p->next = NULL;
		send_packet(nif, p);
		pbuf_put(p);
	}
	asleep = publish();
	spin_unlock(&link_card.tx_lock);
	wake_peers(asleep);
}

/* Peers may have made room. */
static void flush_all(void)
{
	uint32_t asleep;

	if (!spin_trylock(&link_card.tx_lock))
		return;
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (link_card.peer[i].waiting.nr > 0)
			flush(i);
	asleep = publish();
	spin_unlock(&link_card.tx_lock);
	wake_peers(asleep);
}

/* ---- receiving */

static void borrowed_unused(struct pbuf_block *b)
{
	struct borrowed *borrowed = container_of(b, struct borrowed, block);

	link_borrow_end(link_card.segment, borrowed->from, link_card.place, borrowed->index);
	kfree(borrowed);
}

/* Adds to p what ref says, of peer `from`. False: nonsense, or no memory; then the use has ended. */
static bool borrow(unsigned from, const struct cay_link_ref *ref, struct pbuf *p)
{
	unsigned index = ref->at / CAY_LINK_BLOCK_BYTES;
	struct borrowed *b;
	bool ok;

	if (!link_ref_is_good(ref))
		return false;
	b = kmalloc(sizeof(*b));
	if (b == NULL) {
		link_borrow_end(link_card.segment, from, link_card.place, index);
		return false;
	}
	b->from = (uint8_t)from;
	b->index = (uint8_t)index;
	b->block = (struct pbuf_block){.refs = 1,
				       .bytes = CAY_LINK_BLOCK_BYTES,
				       .mem = pool_base(from) + index * CAY_LINK_BLOCK_BYTES,
				       .free = borrowed_unused};
	ok = pbuf_add_frag(p, &b->block, ref->at % CAY_LINK_BLOCK_BYTES, ref->bytes);
	pbuf_block_put(&b->block);
	return ok;
}

/* The rest of a record after its header: references, and the bytes of the frame before what they refer to. */
static struct pbuf *get_references(unsigned from, uint32_t bytes, unsigned nr)
{
	struct link_rx *rx = &link_card.peer[from].rx;
	struct cay_link_ref ref[CAY_LINK_REFS_MAX];
	uint32_t refs = nr * (uint32_t)sizeof(ref[0]), len;
	struct pbuf *p;
	bool ok;

	if (nr > CAY_LINK_REFS_MAX || bytes < refs + ETHER_HDR_LEN || bytes - refs > WHOLE_MAX)
		return NULL;
	link_rx_get(rx, ref, refs);
	len = bytes - refs;
	p = pbuf_alloc(0, len);
	ok = p != NULL;
	if (ok)
		link_rx_get(rx, p->data, len);
	for (unsigned i = 0; i < nr; i++) {
		if (ok)
			ok = borrow(from, &ref[i], p);
		else if (link_ref_is_good(&ref[i]))
			link_borrow_end(link_card.segment, from, link_card.place, ref[i].at / CAY_LINK_BLOCK_BYTES);
	}
	if (ok && p->len <= CAY_LINK_FRAME_MAX - HDR_BYTES)
		return p;
	pbuf_put(p);
	return NULL;
}

/* The rest of a record after its header: a frame. */
static struct pbuf *get_frame(struct link_rx *rx, uint32_t bytes)
{
	uint32_t head = bytes <= WHOLE_MAX ? bytes : HEAD_BYTES, rest = bytes - head;
	struct pbuf_block *block = NULL;
	struct pbuf *p;
	bool ok = true;

	p = pbuf_alloc(0, head);
	if (p == NULL)
		return NULL;
	link_rx_get(rx, p->data, head);
	if (rest > 0) {
		block = pbuf_block_alloc(rest);
		ok = block != NULL && pbuf_add_frag(p, block, 0, rest);
		if (ok)
			link_rx_get(rx, block->mem, rest);
		if (block != NULL)
			pbuf_block_put(block);
	}
	if (ok)
		return p;
	pbuf_put(p);
	return NULL;
}

/* The record that was begun, as a packet. NULL: no memory, or nonsense. */
static struct pbuf *get(unsigned from, uint32_t bytes)
{
	struct link_rx *rx = &link_card.peer[from].rx;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct pbuf *p;

	if (bytes < HDR_BYTES + ETHER_HDR_LEN)
		return NULL;
	link_rx_get(rx, &hdr, HDR_BYTES);
	bytes -= HDR_BYTES;
	p = hdr.num_buffers > 0 ? get_references(from, bytes, hdr.num_buffers) : get_frame(rx, bytes);
	if (p == NULL || netvirtio_hdr_apply(&hdr.hdr, p))
		return p;
	pbuf_put(p);
	return NULL;
}

/* Under rx_lock. Each time another peer is first: one that sends without end shall not use up every budget. */
static unsigned take(struct netif *nif, unsigned budget, struct pbuf **last, uint32_t *wants_room)
{
	unsigned n = 0, first = link_card.rx_first++;

	for (unsigned at = 0; at < CAY_LINK_PEERS_MAX; at++) {
		unsigned i = (first + at) % CAY_LINK_PEERS_MAX;
		struct link_rx *rx = &link_card.peer[i].rx;
		uint32_t bytes;

		if (i == link_card.place)
			continue;
		while (n < budget && (bytes = link_rx_begin(rx)) != 0) {
			*last = get(i, bytes);
			link_rx_end(rx);
			if (*last != NULL)
				last = &(*last)->next;
			else
				nif->stats.rx_errors++;
			n++;
		}
		if (link_rx_release(rx))
			*wants_room |= 1u << i;
	}
	*last = NULL;
	return n;
}

/* Tells all peers that we look. From the idle loop too, so without a lock: a lost count does no harm. */
static bool link_pending(struct netif *nif)
{
	(void)nif;
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (i != link_card.place && is_present(i))
			link_rx_awake(&link_card.peer[i].rx);
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (i != link_card.place && link_rx_pending(&link_card.peer[i].rx))
			return true;
	return false;
}

static bool any_waiting(void)
{
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (link_card.peer[i].waiting.nr > 0)
			return true;
	return false;
}

static unsigned link_poll(struct netif *nif, unsigned budget)
{
	struct pbuf *first = NULL;
	uint32_t wants_room = 0;
	unsigned n = 0;

	if (any_waiting())
		flush_all();
	if (link_pending(nif) && spin_trylock(&link_card.rx_lock)) {
		n = take(nif, budget, &first, &wants_room);
		netif_classify(nif, first);
		spin_unlock(&link_card.rx_lock);
	}
	wake_peers(wants_room);
	stats->counter[CAY_C_NET_RECEIVED] += n;
	stat_count(n > 0 ? CAY_C_NET_POLLS_HIT : CAY_C_NET_POLLS_MISSED);
	if (n > 0)
		channel_flush();
	return n;
}

static bool link_arm(struct netif *nif)
{
	bool any = false;
	uint32_t unread = 0;

	(void)nif;
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (is_present(i) && link_tx_unread(&link_card.peer[i].tx))
			unread |= 1u << i;
	wake_peers(unread); /* asleep, we shall not see that a peer does not look */
	spin_lock(&link_card.rx_lock);
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (i != link_card.place)
			any |= link_rx_arm(&link_card.peer[i].rx);
	spin_unlock(&link_card.rx_lock);
	return any;
}

static void on_event(void *arg)
{
	(void)arg;
	netif_schedule(&link_card.nif);
}

/* ---- life */

static const struct netif_ops ops = {
	.transmit = link_transmit,
	.poll = link_poll,
	.pending = link_pending,
	.arm = link_arm,
	.block = link_block,
};

static const struct cay_device_info *find_link(void)
{
	for (unsigned i = 0; i < boot_info->nr_devices; i++)
		if (boot_info->devices[i].kind == CAY_DEV_LINK)
			return &boot_info->devices[i];
	return NULL;
}

static void init_peers(void)
{
	uint8_t *base = (uint8_t *)link_card.segment;

	link_pool_init(&link_card.pool, link_card.segment, link_card.place);
	link_borrow_init(link_card.segment, link_card.place);

	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		struct peer *peer = &link_card.peer[i];

		pbuf_queue_init(&peer->waiting);
		link_tx_init(&peer->tx, &link_card.segment->ring[link_card.place][i],
			     base + cay_link_data_offset(link_card.place, i));
		link_rx_init(&peer->rx, &link_card.segment->ring[i][link_card.place],
			     base + cay_link_data_offset(i, link_card.place));
	}
}

struct netif *link_net_init(const struct cay_net_config **config)
{
	const struct cay_device_info *dev = find_link();
	struct netif *nif = &link_card.nif;

	if (dev == NULL)
		return NULL;
	*config = pa_to_virt(PA(dev->config[CAY_NET_CONFIG]));
	link_card.vm = pa_to_virt(PA(dev->config[CAY_LINK_CONFIG_VM]));
	link_card.segment = paging_window_writable(PA(dev->config[CAY_LINK_CONFIG_SEGMENT]), CAY_LINK_BYTES);
	if (link_card.segment == NULL)
		return NULL;
	link_card.place = link_card.vm->place;
	ASSERT(link_card.place < CAY_LINK_PEERS_MAX);
	init_peers();
	memcpy(nif->name, "eth%d", sizeof("eth%d"));
	memcpy(nif->mac, (*config)->mac, sizeof(nif->mac));
	nif->mtu = (*config)->mtu;
	nif->features = NETIF_ETHERNET | NETIF_TX_CSUM | NETIF_TSO4 | NETIF_TSO6;
	nif->ops = &ops;
	event_register_unlocked(link_card.vm->event, on_event, NULL);
	if (netif_register(nif) != 0)
		return NULL;
	netif_set_carrier(nif, true);
	return nif;
}
