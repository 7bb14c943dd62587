/* SPDX-License-Identifier: MIT */
/*
 * Hostile frames into the stack below TCP: any bytes, with checksums put right where that opens a way further in, and
 * split between head and fragments in any place. Sockets are open, drained in between; time passes.
 * What one input leaves behind is still there for the next: so inputs are short, a few frames each, and leaks are
 * looked for once, at the end. (After each input, with all that every frame is copied for, it took 50 ms.)
 */
// FLAGS: -detect_leaks=0 -max_len=2048
// SOURCES: @net kernel/net/group_report.c
#include "fuzz/frames.h"
#include "fuzz/panic.h"
#include "kernel/net/ndp.h"
#include "kernel/net/net_fixture.h"
#include "kernel/net/packet.h"
#include "kernel/net/packet_ring.h"

#include <linux/if_ether.h>

#define FRAME_MAX 2000u

static struct socket *socks[5];
static struct {
	struct socket *sock;
	uint8_t *mem; /* its one block */
} rings[3];

static void make_ring(unsigned i, int version)
{
	struct tpacket_req3 req = {.tp_block_size = 8192, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 4};
	struct socket *s;
	struct page_run run;

	if (packet_create(i == 0 ? SOCK_DGRAM : SOCK_RAW, htons(ETH_P_ALL), &s) != 0 ||
	    s->ops->set_option(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
	    s->ops->set_option(s, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) != 0 ||
	    s->ops->map(s, 0, 2, &run) != 0)
		abort();
	rings[i].sock = s;
	rings[i].mem = pa_to_virt(run.pa);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	net_fixture_start();
	slaac_start(&wire, true, true);
	socks[0] = udp_bound(AF_INET6, 7);
	socks[1] = udp_bound(AF_INET, 8);
	if (raw_create(AF_INET, IPPROTO_ICMP, &socks[2]) != 0 || raw_create(AF_INET6, IPPROTO_ICMPV6, &socks[3]) != 0 ||
	    ping_create(AF_INET, IPPROTO_ICMP, &socks[4]) != 0)
		abort();
	make_ring(0, TPACKET_V1);
	make_ring(1, TPACKET_V2);
	make_ring(2, TPACKET_V3);
	wire.reports_groups = true;
	for (unsigned i = 0; i < 4; i++) {
		struct ipaddr group4 = ipaddr_v4(htonl(0xe0010203 + i)),
			      group6 = {.b = {0xff, 2, [15] = (uint8_t)(8 + i)}};
		if (netif_join(&wire, &group4) != 0 || netif_join(&wire, &group6) != 0)
			abort();
	}
	return 0;
}

/* Whatever the program writes; mostly it gives slots back. */
static void scribble(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
		for (size_t n = 0; n + 3 <= MIN(size, (size_t)30); n += 3)
			rings[i].mem[(data[n] | data[n + 1] << 8) % 8192] = data[n + 2];
		if (size > 0 && data[0] % 2 == 0)
			for (unsigned slot = 0; slot < 4; slot++)
				memset(rings[i].mem + slot * 2048 + (i == 2 ? 8 : 0), 0, 4);
	}
}

static void drain(void)
{
	static uint8_t buf[70000];

	for (unsigned i = 0; i < 5; i++) {
		while (udp_read(socks[i], buf, sizeof(buf)) >= 0)
			;
		(void)socks[i]->ops->take_error(socks[i]);
	}
	nr_sent = 0;
}

/* Marks that a device could make. */
static void give(const uint8_t *f, uint32_t len, uint32_t split, uint8_t how)
{
	uint32_t head = MIN(split, len);
	struct pbuf *p = pbuf_alloc(how & 1 ? PBUF_HEADROOM : 0, head);
	struct pbuf_block *b;
	bool ok = true;

	if (p == NULL)
		return;
	memcpy(p->data, f, head);
	if (head < len) {
		b = pbuf_block_alloc(len - head);
		if (b == NULL)
			abort();
		memcpy(b->mem, f + head, len - head);
		ok = pbuf_add_frag(p, b, 0, len - head);
		pbuf_block_put(b);
	}
	if (how & 2)
		p->csum = PBUF_CSUM_VALID;
	if (how & 4) {
		p->csum = PBUF_CSUM_PARTIAL;
		p->csum_start = (uint16_t)(how * 3);
	}
	if (!ok)
		abort();
	netif_receive(&wire, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t f[FRAME_MAX];

	while (size >= 4) {
		uint32_t len = MIN((uint32_t)(data[0] | (data[1] & 7) << 8), MIN((uint32_t)size - 4, FRAME_MAX));
		uint8_t split = data[2], how = data[3];
		memcpy(f, data + 4, len);
		if (how & 8)
			frame_repair(f, len, our_mac, OUR_IP);
		if (how & 64)
			scribble(f, len);
		give(f, len, split, how);
		if (how & 16) {
			shim_clock_set(clock_monotonic_ns() + (how & 32 ? 40 * NSEC_PER_SEC : NSEC_PER_SEC / 2));
			ktimer_run_expired();
			(void)net_work_round();
		}
		data += 4 + len;
		size -= 4 + len;
	}
	drain();
	return 0;
}
