/* SPDX-License-Identifier: MIT */
/*
 * fuzz_link_net.c - hostile peers on a link (abi/link.h) against the kernel's end of it and the stack above. Peers
 * write whatever they like into the segment: indices, numbers, counts, records, references and the data these refer to,
 * also after a record was taken. Time passes, we send, sleep and wake. The driver sees the segment through a mapping of
 * its own, in which it may write no more than its own rings and pool and may not even read the rings of others, so that
 * each wrong access is a fault.
 */
// SOURCES: @net kernel/dev/link_net.c kernel/dev/virtio_net_hdr.c lib/link_ring.c lib/link_pool.c
#include <sys/mman.h>
#include <unistd.h>

#include "abi/link.h"
#include "abi/net.h"
#include "fuzz/frames.h"
#include "fuzz/listeners.h"
#include "fuzz/panic.h"
#include "fuzz/steps.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/dev/virtio_net_hdr.h"
#include "kernel/plat/cay/events.h"

#define OUR_PLACE   2u
#define LINK_IP     htonl(0x0a630003)
#define CONFIG_GPA  PAGE_SIZE
#define VM_GPA      (2 * PAGE_SIZE)
#define SEGMENT_GPA (4 * PAGE_SIZE) /* never read there: paging_window_writable says where it is */
#define RECORD_MAX  4096u

static struct cay_link_segment *theirs; /* the peers' mapping */
static uint8_t *ours;
static struct netif *nif;

static const struct cay_boot_info info = {
	.nr_devices = 1,
	.nr_cpus = 1,
	.devices = {{.kind = CAY_DEV_LINK, .config = {CONFIG_GPA, SEGMENT_GPA, VM_GPA}}},
};
const struct cay_boot_info *const boot_info = &info;
static struct cay_stats all_stats;
struct cay_stats *const stats = &all_stats;

void doorbell_ring(uint64_t offset)
{
	(void)offset;
}

void *paging_window_writable(pa_t pa, uint64_t bytes)
{
	return pa.v == SEGMENT_GPA && bytes == CAY_LINK_BYTES ? ours : NULL;
}

static void protect(uint64_t at, uint64_t bytes, int prot)
{
	if (mprotect(ours + at, bytes, prot) != 0)
		abort();
}

static void map_segment(void)
{
	int fd = memfd_create("segment", 0);

	if (fd < 0 || ftruncate(fd, CAY_LINK_BYTES) != 0)
		abort();
	theirs = mmap(NULL, CAY_LINK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ours = mmap(NULL, CAY_LINK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (theirs == MAP_FAILED || ours == MAP_FAILED)
		abort();
	close(fd);
	for (unsigned from = 0; from < CAY_LINK_PEERS_MAX; from++) {
		for (unsigned to = 0; to < CAY_LINK_PEERS_MAX; to++)
			if (from != OUR_PLACE)
				protect(cay_link_data_offset(from, to), CAY_LINK_RING_BYTES,
					to == OUR_PLACE ? PROT_READ : PROT_NONE);
		if (from != OUR_PLACE)
			protect(cay_link_pool_offset(from), CAY_LINK_POOL_BYTES, PROT_READ);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t mac[5] = CAY_LINK_MAC;
	struct ipaddr addr = ipaddr_v4(LINK_IP), addr6 = {.b = {0xfd, 0x99, [15] = 3}};
	struct cay_net_config *config;

	(void)argc;
	(void)argv;
	map_segment();
	if (page_alloc(0, PAGE_ZERO) != pa_to_virt(PA(CONFIG_GPA)) ||
	    page_alloc(0, PAGE_ZERO) != pa_to_virt(PA(VM_GPA)))
		abort();
	config = pa_to_virt(PA(CONFIG_GPA));
	memcpy(config->mac, mac, sizeof(mac));
	config->mac[5] = OUR_PLACE + 1;
	config->mtu = 65520;
	((struct cay_link_vm *)pa_to_virt(PA(VM_GPA)))->place = OUR_PLACE;
	net_fixture_start();
	nif = netif_by_name("eth0");
	if (nif == NULL || netif_add_addr(nif, &addr, 24, NETIF_ADDR_READY) != 0 ||
	    netif_add_addr(nif, &addr6, 64, NETIF_ADDR_READY) != 0)
		abort();
	netif_set_up(nif, true);
	listeners_start();
	return 0;
}

/* ---- what peers do */

static struct cay_link_ring *ring_of(unsigned peer)
{
	return &theirs->ring[peer][OUR_PLACE];
}

static void ring_write(unsigned peer, uint32_t at, const void *from, uint32_t bytes)
{
	uint8_t *data = (uint8_t *)theirs + cay_link_data_offset(peer, OUR_PLACE);

	for (uint32_t i = 0; i < bytes; i++)
		data[(at + i) % CAY_LINK_RING_BYTES] = ((const uint8_t *)from)[i];
}

/* A record, whose parts are as they should be as long as the input does not say otherwise. */
static void send_record(struct steps *in, unsigned peer)
{
	static uint8_t record[RECORD_MAX];
	struct cay_link_ref *ref = (void *)(record + 12);
	uint8_t how = steps_u8(in);
	unsigned nr_refs = how & 1 ? steps_u8(in) % (CAY_LINK_REFS_MAX + 2) : 0;
	uint32_t at = ring_of(peer)->tail, len, bytes, hdr = 12 + nr_refs * (uint32_t)sizeof(*ref);
	struct virtio_net_hdr_mrg_rxbuf h = {.num_buffers = (uint16_t)nr_refs};

	if (how & 2)
		steps_bytes(in, &h.hdr, sizeof(h.hdr));
	memcpy(record, &h, sizeof(h));
	for (unsigned i = 0; i < nr_refs; i++) {
		ref[i] = (struct cay_link_ref){steps_u16(in) * 64u, steps_u16(in)};
		if (how & 4)
			ref[i].at = steps_u32(in);
		if (how & 8)
			ref[i].bytes = steps_u32(in);
	}
	len = steps_bytes(in, record + hdr, steps_u16(in) % (RECORD_MAX - hdr));
	if (how & 16)
		frame_repair(record + hdr, len, nif->mac, LINK_IP);
	bytes = how & 32 ? steps_u32(in) : hdr + len;
	ring_write(peer, at, &bytes, 4);
	ring_write(peer, at + 4, record, hdr + len);
	bytes = how & 64 ? steps_u32(in) : ALIGN_UP(4 + hdr + len, CAY_LINK_ALIGN);
	__atomic_store_n(&ring_of(peer)->tail, at + bytes, __ATOMIC_RELEASE);
}

static void scribble(struct steps *in, unsigned peer)
{
	uint32_t at = steps_u32(in), bytes = steps_u8(in);
	uint8_t junk[256];

	bytes = steps_bytes(in, junk, bytes);
	switch (peer & 3) {
	case 0: /* a word of the control structures */
		memcpy((uint8_t *)theirs + at % (sizeof(*theirs) - 4) / 4 * 4, junk, 4);
		break;
	case 1: /* the lines of our rings */
		((uint32_t *)ring_of(at % 8))[at / 8 % 32] = steps_u32(in);
		break;
	case 2: /* what we may be reading, or have borrowed */
		memcpy((uint8_t *)theirs + cay_link_pool_offset(peer) + at % (CAY_LINK_POOL_BYTES - sizeof(junk)), junk,
		       bytes);
		break;
	default: /* what we have sent */
		memcpy((uint8_t *)theirs + cay_link_data_offset(OUR_PLACE, peer) +
			       at % (CAY_LINK_RING_BYTES - sizeof(junk)),
		       junk, bytes);
	}
}

/* ---- what we do */

/* A frame for one peer, or all, with data in blocks of our pool if there are any. */
static void send_frame(struct steps *in, unsigned peer)
{
	struct pbuf *p = pbuf_alloc(PBUF_HEADROOM, 60);
	unsigned nr_blocks = steps_u8(in) % 4;

	if (p == NULL)
		abort();
	memset(p->data, 0x11, 60);
	memcpy(p->data, nif->mac, 6);
	p->data[0] |= steps_u8(in) & 1;
	p->data[5] = (uint8_t)(peer + 1);
	for (unsigned i = 0; i < nr_blocks; i++) {
		struct pbuf_block *b = nif->ops->block(nif);

		if (b == NULL)
			b = pbuf_block_alloc(CAY_LINK_BLOCK_BYTES);
		if (b == NULL)
			break;
		memset(b->mem, 0x22, 16);
		if (!pbuf_add_frag(p, b, 0, p->len + 16384 <= PBUF_LEN_MAX ? 16384 : 16))
			abort();
		pbuf_block_put(b);
	}
	nif->ops->transmit(nif, p);
}

static void pass_time(uint8_t how)
{
	shim_clock_set(clock_monotonic_ns() + (how & 1 ? 40 * NSEC_PER_SEC : 100000));
	ktimer_run_expired();
	(void)net_work_round();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct steps in = {data, size};

	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		theirs->peer[i].present = 1;
	while (in.left > 0) {
		uint8_t step = steps_u8(&in);
		unsigned peer = step >> 3 & 7;

		switch (step & 7) {
		case 0:
		case 1:
			send_record(&in, peer);
			break;
		case 2:
			scribble(&in, peer);
			break;
		case 3:
			(void)nif->ops->poll(nif, step >> 3);
			channel_flush();
			break;
		case 4:
			send_frame(&in, peer);
			break;
		case 5:
			if (step & 64)
				(void)nif->ops->arm(nif);
			(void)nif->ops->pending(nif);
			break;
		case 6:
			listeners_drain();
			break;
		default:
			pass_time(step >> 3);
		}
	}
	(void)nif->ops->poll(nif, 1000);
	channel_flush();
	listeners_drain();
	return 0;
}
