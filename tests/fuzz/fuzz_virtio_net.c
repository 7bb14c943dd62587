/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_net.c - a hostile card (the VMM's side of the rings) against the driver and the stack above. It says used
 * what it was not given, twice, out of range, with any length, in any number; puts anything into the buffers that it
 * has, headers of frames and counts of buffers first of all, also when the driver has them back already.
 */
// SOURCES: @net kernel/dev/virtio_net_rx.c kernel/dev/virtio_net_hdr.c lib/virtq_driver.c
#include <linux/virtio_net.h>

#include "abi/net.h"
#include "fuzz/frames.h"
#include "fuzz/listeners.h"
#include "fuzz/panic.h"
#include "fuzz/steps.h"
#include "kernel/dev/virtio_net.c"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "lib/virtq.h"

#define CARD_IP     htonl(0x0a640001)
#define PAIRS       2u
#define NR          32u
#define RING_GPA(n) ((1 + (n)) * PAGE_SIZE) /* a page each: descriptors, available, used */
#define DESC        0u
#define AVAIL       1024u
#define USED        2048u
#define CONFIG_GPA  RING_GPA(2 * PAIRS)
#define FRAME_MAX   4096u

#define QUEUE(n)                                                                                                       \
	{                                                                                                              \
		.nr = NR, .desc_gpa = RING_GPA(n) + DESC, .avail_gpa = RING_GPA(n) + AVAIL,                            \
		.used_gpa = RING_GPA(n) + USED                                                                         \
	}

static struct netif *nif; /* the card's */
static unsigned this_cpu;

static const struct cay_boot_info info = {
	.nr_devices = 1,
	.nr_cpus = PAIRS,
	.devices = {{.kind = CAY_DEV_NET,
		     .nr_queues = 2 * PAIRS,
		     .features = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_HOST_TSO4 |
				 1ull << VIRTIO_NET_F_HOST_TSO6,
		     .config = {CONFIG_GPA},
		     .queue = {QUEUE(0), QUEUE(1), QUEUE(2), QUEUE(3)}}},
};
const struct cay_boot_info *const boot_info = &info;
static struct cay_stats all_stats;
struct cay_stats *const stats = &all_stats;

void doorbell_ring(uint64_t offset)
{
	(void)offset;
}

unsigned cpu_id(void)
{
	return this_cpu;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ipaddr addr = ipaddr_v4(CARD_IP);
	struct cay_net_config *config = pa_to_virt(PA(CONFIG_GPA));

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i <= 2 * PAIRS; i++)
		if (page_alloc(0, PAGE_ZERO) != pa_to_virt(PA(RING_GPA(i))))
			abort();
	*config = (struct cay_net_config){.mac = {2, 0, 0, 0, 0, 9}, .mtu = 1500, .flags = CAY_NET_UNINVITED};
	net_fixture_start();
	nif = netif_by_name("eth0");
	if (nif == NULL || netif_add_addr(nif, &addr, 24, NETIF_ADDR_READY) != 0)
		abort();
	netif_set_up(nif, true);
	listeners_start();
	return 0;
}

/* ---- what the card does */

static void *ring_part(unsigned queue, uint32_t offset)
{
	return pa_to_virt(PA(RING_GPA(queue) + offset));
}

static void say_used(unsigned queue, uint32_t id, uint32_t len)
{
	struct vring_used *used = ring_part(queue, USED);

	used->ring[used->idx % NR] = (struct vring_used_elem){id, len};
	__atomic_store_n(&used->idx, (uint16_t)(used->idx + 1), __ATOMIC_RELEASE);
}

/* Writes into a receive buffer that a descriptor names, wherever that is by now. Returns the descriptor. */
static uint16_t fill_buffer(struct steps *in, unsigned queue, bool good, uint32_t *len)
{
	struct vring_avail *avail = ring_part(queue, AVAIL);
	uint16_t id = good ? avail->ring[(uint16_t)(avail->idx - 1 - steps_u8(in) % NR) % NR] % NR : steps_u8(in) % NR;
	const struct vring_desc *desc = (const struct vring_desc *)ring_part(queue, DESC) + id;
	uint8_t *buf = pa_to_virt(PA(desc->addr)), how = steps_u8(in);
	struct virtio_net_hdr_mrg_rxbuf h = {.num_buffers = 1};

	*len = 0;
	if (desc->addr == 0)
		return id;
	if (how & 1)
		steps_bytes(in, &h.hdr, sizeof(h.hdr));
	if (how & 2)
		h.num_buffers = how & 4 ? steps_u16(in) : how >> 5;
	memcpy(buf, &h, sizeof(h));
	*len = (uint32_t)sizeof(h) + steps_bytes(in, buf + sizeof(h), steps_u16(in) % FRAME_MAX);
	if (how & 8)
		frame_repair(buf + sizeof(h), *len - (uint32_t)sizeof(h), nif->mac, CARD_IP);
	if (how & 16)
		*len = steps_u32(in);
	return id;
}

/* Words of the rings, but for those by which the card itself finds memory: it would be the fuzzer that reads astray. */
static void scribble(struct steps *in, unsigned queue)
{
	uint32_t at = steps_u16(in) % 1024, v = steps_u32(in);

	memcpy((uint8_t *)ring_part(queue, at < 512 ? AVAIL : USED) + at % 512 / 4 * 4, &v, 4);
}

/* The card comes to its senses: it gives back what it has, so that the next input begins with a driver that works. */
static void recover_queue(unsigned queue, const struct virtq_driver *vq)
{
	struct vring_used *used = ring_part(queue, USED);

	__atomic_store_n(&used->idx, vq->used_last, __ATOMIC_RELEASE);
	for (unsigned id = 0; id < NR; id++)
		if (vq->slot[id].count != 0)
			say_used(queue, id, 0);
}

static void recover(void)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		recover_queue(2 * i, &card.pair[i].rx.vq);
		recover_queue(2 * i + 1, &card.pair[i].tx);
	}
	(void)nif->ops->poll(nif, 1000);
	channel_flush();
	listeners_drain();
	for (unsigned i = 0; i < PAIRS; i++)
		if (card.pair[i].rx.posted != card.pair[i].rx.target || card.pair[i].tx.nr_free != NR)
			abort(); /* something is lost for ever */
}

/* ---- what we do */

/* The driver waits a while for room in a full queue: once an input, so that there is time for more inputs. */
static bool waited;

static void send_frame(struct steps *in)
{
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, 60);
	unsigned nr_blocks = steps_u8(in) % 6;

	if (p == NULL)
		abort();
	if (card.pair[this_cpu].tx.nr_free <= nr_blocks + 1) {
		if (waited) {
			pbuf_put(p);
			return;
		}
		waited = true;
	}
	memset(p->data, 0x11, 60);
	for (unsigned i = 0; i < nr_blocks; i++) {
		struct pbuf_block *b = pbuf_block_alloc(PAGE_SIZE);

		if (b == NULL || !pbuf_add_frag(p, b, 0, 1000))
			abort();
		pbuf_block_put(b);
	}
	nif->ops->transmit(nif, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct steps in = {data, size};

	waited = false;
	while (in.left > 0) {
		uint8_t step = steps_u8(&in);
		unsigned pair = step >> 3 & 1;
		uint32_t len;
		uint16_t id;

		this_cpu = pair;
		switch (step & 7) {
		case 0:
		case 1:
			id = fill_buffer(&in, 2 * pair, step & 64, &len);
			say_used(2 * pair, id, len);
			break;
		case 2:
			say_used(step >> 4 & 3, steps_u8(&in), steps_u32(&in));
			break;
		case 3:
			(void)nif->ops->poll(nif, step >> 4);
			channel_flush();
			break;
		case 4:
			send_frame(&in);
			break;
		case 5:
			say_used(2 * pair + 1, step >> 4, 0);
			break;
		case 6:
			scribble(&in, step >> 4 & 3);
			break;
		default:
			(void)nif->ops->pending(nif);
			nif->ops->idle(nif);
			(void)net_work_round();
			listeners_drain();
		}
	}
	recover();
	return 0;
}
