/* SPDX-License-Identifier: MIT */
/*
 * virtio_net.c - see virtio_net.h. One pair of queues for each CPU, as far as the device has them: a CPU sends on its
 * own, and whoever polls looks at all.
 * Locks: tx_lock and rx_lock of a pair. Packets are classified under rx_lock, so that they stay in order when CPUs take
 * turns, and what they make us answer at once (ARP, ping) is sent under it; the protocols run with no lock held.
 */
#include "kernel/dev/virtio_net.h"

#include <stddef.h>

#include <linux/virtio_net.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/dev/virtio_net_hdr.h"
#include "kernel/dev/virtio_net_rx.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/net/net_priv.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/plat/cay/gpa.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"

#define PAIRS_MAX (CAY_DEV_QUEUES_MAX / 2)
#define HDR_BYTES ((uint32_t)sizeof(struct virtio_net_hdr_mrg_rxbuf))
/* Descriptors that a sender who can wait leaves free: for those who cannot, and for the pieces of a large datagram. */
#define ROOM_DESCRIPTORS 64u
/* Looks at a full queue before a packet is dropped: the device empties it in a few microseconds. */
#define FULL_SPINS 2000u

/* A packet in flight. */
struct tx_slot {
	struct pbuf *p;
	struct tx_slot *next_free;
	struct virtio_net_hdr_mrg_rxbuf hdr; /* used when the packet has no room in front */
};

struct pair {
	struct spinlock rx_lock, tx_lock;
	struct netrx rx;
	uint64_t rx_doorbell, tx_doorbell;
	struct virtq_driver tx;
	struct virtq_slot tx_ring_slots[CAY_NET_QUEUE_NR];
	struct tx_slot tx_slots[CAY_NET_QUEUE_NR];
	struct tx_slot *tx_free;
	uint16_t rung_for; /* what was published when card_idle last rang */
};

static struct {
	struct netif nif;
	const struct cay_net_config *config;
	unsigned nr_pairs;
	struct pair *pair;
	bool started;
} card;

/* ---- sending */

/* Lets go of what the device has sent. Under tx_lock. */
static void reclaim(struct pair *pr)
{
	struct tx_slot *s;
	uint32_t bytes;

	while ((s = virtq_driver_pop(&pr->tx, &bytes)) != NULL) {
		pbuf_put(s->p);
		s->next_free = pr->tx_free;
		pr->tx_free = s;
	}
}

/* The packet as segments, its header in front. */
static unsigned describe(struct tx_slot *s, struct virtq_seg *seg)
{
	struct virtio_net_hdr_mrg_rxbuf *h = &s->hdr;
	struct pbuf *p = s->p;
	uint32_t extra = 0;
	unsigned n = 0;

	/* In the packet's own headroom, if nobody else looks at it, the header needs no descriptor. */
	if (__atomic_load_n(&p->refs, __ATOMIC_RELAXED) == 1 && pbuf_headroom(p) >= HDR_BYTES) {
		h = (struct virtio_net_hdr_mrg_rxbuf *)(void *)(p->data - HDR_BYTES);
		extra = HDR_BYTES;
	}
	netvirtio_hdr_make(h, p);
	if (extra == 0)
		seg[n++] = (struct virtq_seg){kernel_gpa(h), HDR_BYTES, false};
	if (p->head_len + extra > 0)
		seg[n++] = (struct virtq_seg){kernel_gpa(p->data - extra), p->head_len + extra, false};
	for (unsigned i = 0; i < p->nr_frags; i++)
		seg[n++] =
			(struct virtq_seg){virt_to_pa(p->frag[i].block->mem + p->frag[i].off).v, p->frag[i].len, false};
	return n;
}

/* Under tx_lock. False: no room, the packet is still the caller's. */
static bool send_packet(struct pair *pr, struct pbuf *p)
{
	struct virtq_seg seg[PBUF_FRAGS_MAX + 2];
	struct tx_slot *s = pr->tx_free;

	if (s == NULL)
		return false;
	s->p = p;
	if (virtq_driver_add(&pr->tx, seg, describe(s, seg), s) != 0)
		return false;
	pr->tx_free = s->next_free;
	return true;
}

static void publish(struct pair *pr)
{
	if (virtq_driver_publish(&pr->tx))
		doorbell_ring(pr->tx_doorbell);
}

static bool send_or_wait(struct pair *pr, struct pbuf *p)
{
	if (send_packet(pr, p))
		return true;
	publish(pr);
	for (unsigned i = 0; i < FULL_SPINS; i++) {
		reclaim(pr);
		if (send_packet(pr, p))
			return true;
		cpu_relax();
	}
	return false;
}

static void start(void)
{
	if (__atomic_exchange_n(&card.started, true, __ATOMIC_SEQ_CST))
		return;
	for (unsigned i = 0; i < card.nr_pairs; i++) {
		spin_lock(&card.pair[i].rx_lock);
		if (netrx_refill(&card.pair[i].rx))
			doorbell_ring(card.pair[i].rx_doorbell);
		spin_unlock(&card.pair[i].rx_lock);
	}
}

static void net_transmit(struct netif *nif, struct pbuf *batch)
{
	struct pair *pr = &card.pair[cpu_id() % card.nr_pairs];

	if (!card.started)
		start();
	spin_lock(&pr->tx_lock);
	reclaim(pr);
	while (batch != NULL) {
		struct pbuf *p = batch;

		batch = p->next;
		p->next = NULL;
		stat_count(CAY_C_NET_SENT);
		if (send_or_wait(pr, p))
			continue;
		nif->stats.tx_dropped++;
		pbuf_put(p);
	}
	publish(pr);
	spin_unlock(&pr->tx_lock);
}

static bool card_has_room(struct netif *nif)
{
	struct pair *pr = &card.pair[cpu_id() % card.nr_pairs];

	(void)nif;
	if (likely(READ_ONCE(pr->tx.nr_free) >= ROOM_DESCRIPTORS))
		return true;
	spin_lock(&pr->tx_lock);
	reclaim(pr);
	bool room = pr->tx.nr_free >= ROOM_DESCRIPTORS;
	spin_unlock(&pr->tx_lock);
	return room;
}

static bool card_carried(struct netif *nif)
{
	(void)nif;
	return READ_ONCE(card.config->carried) != 0;
}

/* The device may nap, and then it was not rung when frames were published: once for all of them now. */
static void card_idle(struct netif *nif)
{
	if (card_carried(nif))
		return; /* the wait that follows rings as well */
	for (unsigned i = 0; i < card.nr_pairs; i++) {
		struct pair *pr = &card.pair[i];
		uint16_t published = READ_ONCE(pr->tx.avail_published);

		if (pr->rung_for == published || virtq_driver_is_drained(&pr->tx))
			continue;
		__atomic_thread_fence(__ATOMIC_SEQ_CST); /* abi/net.h: the queue before `napping` */
		if (!(READ_ONCE(card.config->napping) >> i & 1))
			continue;
		WRITE_ONCE(pr->rung_for, published);
		doorbell_ring(pr->tx_doorbell);
	}
}

/* ---- receiving */

/*
 * Leaves the queue armed once it is empty. That costs no event while we poll: the VMM gives a CPU that runs the program
 * time to look by itself before it kicks it.
 */
static unsigned poll_pair(struct netif *nif, struct pair *pr, unsigned budget)
{
	struct pbuf *first = NULL, **last = &first, *p;
	unsigned n = 0;

	if (!virtq_driver_has_used(&pr->rx.vq) || !spin_trylock(&pr->rx_lock))
		return 0;
	do {
		while (n < budget && (p = netrx_take(&pr->rx)) != NULL) {
			*last = p;
			last = &p->next;
			n++;
		}
	} while (n < budget && virtq_driver_arm(&pr->rx.vq));
	*last = NULL;
	if (n >= budget)
		netif_schedule(nif); /* not armed: somebody must come again */
	if (netrx_refill(&pr->rx))
		doorbell_ring(pr->rx_doorbell);
	nif->stats.rx_errors = pr->rx.nr_bad;
	netif_classify(nif, first);
	spin_unlock(&pr->rx_lock);
	stats->counter[CAY_C_NET_RECEIVED] += n;
	if (n > 0)
		channel_flush();
	return n;
}

static unsigned net_poll_card(struct netif *nif, unsigned budget)
{
	unsigned n = 0;

	for (unsigned i = 0; i < card.nr_pairs && n < budget; i++) {
		struct pair *pr = &card.pair[i];

		n += poll_pair(nif, pr, budget - n);
		if (virtq_driver_has_used(&pr->tx) && spin_trylock(&pr->tx_lock)) {
			reclaim(pr);
			spin_unlock(&pr->tx_lock);
		}
	}
	stat_count(n > 0 ? CAY_C_NET_POLLS_HIT : CAY_C_NET_POLLS_MISSED);
	return n;
}

static bool card_pending(struct netif *nif)
{
	(void)nif;
	for (unsigned i = 0; i < card.nr_pairs; i++)
		if (virtq_driver_has_used(&card.pair[i].rx.vq))
			return true;
	return false;
}

static void on_event(void *arg)
{
	(void)arg;
	if (card_pending(&card.nif)) /* else somebody has polled meanwhile */
		netif_schedule(&card.nif);
}

/* ---- life */

static const struct netif_ops ops = {
	.transmit = net_transmit,
	.poll = net_poll_card,
	.pending = card_pending,
	.idle = card_idle,
	.carried = card_carried,
	.has_room = card_has_room,
};

static void *area(uint64_t gpa)
{
	return pa_to_virt(PA(gpa));
}

static void init_pair(struct pair *pr, const struct cay_queue_info *rx, const struct cay_queue_info *tx)
{
	netrx_init(&pr->rx, rx->nr, area(rx->desc_gpa), area(rx->avail_gpa), area(rx->used_gpa));
	virtq_driver_init(&pr->tx, tx->nr, area(tx->desc_gpa), area(tx->avail_gpa), area(tx->used_gpa),
			  pr->tx_ring_slots);
	virtq_driver_disarm(&pr->tx);
	for (unsigned i = 0; i < tx->nr; i++) {
		pr->tx_slots[i].next_free = pr->tx_free;
		pr->tx_free = &pr->tx_slots[i];
	}
	pr->rx_doorbell = rx->doorbell;
	pr->tx_doorbell = tx->doorbell;
	event_register_unlocked(rx->event, on_event, NULL);
}

static uint32_t features_of(uint64_t offered)
{
	uint32_t f = NETIF_ETHERNET;

	if (offered >> VIRTIO_NET_F_CSUM & 1)
		f |= NETIF_TX_CSUM;
	if (offered >> VIRTIO_NET_F_HOST_TSO4 & 1)
		f |= NETIF_TSO4;
	if (offered >> VIRTIO_NET_F_HOST_TSO6 & 1)
		f |= NETIF_TSO6;
	return f;
}

static const struct cay_device_info *find_card(void)
{
	for (unsigned i = 0; i < boot_info->nr_devices; i++)
		if (boot_info->devices[i].kind == CAY_DEV_NET)
			return &boot_info->devices[i];
	return NULL;
}

struct netif *virtio_net_init(const struct cay_net_config **config)
{
	const struct cay_device_info *dev = find_card();
	struct netif *nif = &card.nif;

	if (dev == NULL || dev->nr_queues < 2 || dev->queue[0].nr > CAY_NET_QUEUE_NR)
		return NULL;
	card.nr_pairs = MIN(dev->nr_queues / 2, boot_info->nr_cpus);
	card.pair = kzalloc(card.nr_pairs * sizeof(*card.pair));
	if (card.pair == NULL)
		return NULL;
	card.config = area(dev->config[CAY_NET_CONFIG]);
	memcpy(nif->name, "eth%d", sizeof("eth%d"));
	memcpy(nif->mac, card.config->mac, sizeof(nif->mac));
	nif->mtu = card.config->mtu;
	nif->features = features_of(dev->features);
	nif->ops = &ops;
	for (unsigned i = 0; i < card.nr_pairs; i++)
		init_pair(&card.pair[i], &dev->queue[2 * i], &dev->queue[2 * i + 1]);
	if (netif_register(nif) != 0)
		return NULL;
	netif_set_carrier(nif, true);
	if (card.config->flags & CAY_NET_UNINVITED)
		start();
	*config = card.config;
	return nif;
}
