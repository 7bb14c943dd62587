/* SPDX-License-Identifier: MIT */
/*
 * fuzz_net_queue.c - a hostile guest's rings and buffers against the VMM's network card, with frames of any length from
 * the other side, through a good line or a bad one, recorded. The guest's memory is an allocation of its own, so that
 * each access beside it is a fault; headers that reach the backend are as net_header.h says.
 */
// SOURCES: vmm/dev/net_queue.c vmm/dev/net_pace.c vmm/dev/net_header.c vmm/dev/net_impair.c vmm/dev/net_pcap.c lib/virtq_device.c
// LIBS: -lpthread
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/steps.h"
#include "vmm/core/log.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_pcap.h"
#include "vmm/dev/net_priv.h"

#define NR        8u
#define RAM_BYTES 0x30000u
#define RX_AT     0x0000u
#define TX_AT     0x1000u
#define AVAIL     0x400u
#define USED      0x800u
#define BIT(name) (1ull << (name))

static struct vm vm;
static struct net_device dev;
static uint8_t *ram;
static struct steps *input; /* what the other side does, too */

/* ---- what the queues need of the rest of the VMM */

void log_error(const char *fmt, ...)
{
	(void)fmt;
}
void vm_fail(struct vm *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
}
void vm_raise_event_soon(struct vm *v, unsigned event)
{
	(void)v;
	(void)event;
}
int io_rewatch(struct io_thread *io, struct io_watch *w, uint32_t events)
{
	(void)io;
	(void)w;
	(void)events;
	return 0;
}
void io_unwatch(struct io_thread *io, struct io_watch *w)
{
	(void)io;
	(void)w;
}
int net_user_greeting(struct net_device *d)
{
	(void)d;
	return 0;
}

/* ---- the other side */

static int send_frame(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	static uint8_t copy[CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX];
	struct virtio_net_hdr_mrg_rxbuf hdr;
	size_t bytes = 0;

	(void)p;
	for (unsigned i = 0; i < nr; i++) {
		if (iov[i].iov_len > sizeof(copy) - bytes)
			abort(); /* longer than any frame */
		memcpy(copy + bytes, iov[i].iov_base, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	memcpy(&hdr, copy, sizeof(hdr));
	if (bytes < sizeof(hdr) + 14 || hdr.hdr.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
		abort();
	if (hdr.hdr.flags && (size_t)hdr.hdr.csum_start + hdr.hdr.csum_offset + 2 > bytes - sizeof(hdr))
		abort();
	switch (steps_u8(input) % 16) {
	case 0:
		return -EAGAIN;
	case 1:
		return -EPIPE;
	default:
		return 0;
	}
}

/* As read(2) of a frame does: no more than there is room for. */
static ssize_t recv_frame(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	size_t want = steps_u16(input), room = 0;

	(void)p;
	if (want == 0)
		return -EAGAIN;
	for (unsigned i = 0; i < nr && room < want; i++) {
		size_t n = MIN(iov[i].iov_len, want - room);

		memset(iov[i].iov_base, (int)n, n);
		room += n;
	}
	return (ssize_t)MIN(want, room);
}

static const struct net_backend_ops ops = {.send = send_frame, .recv = recv_frame};

/* ---- the guest */

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	(void)ctx;
	return gpa < RAM_BYTES && bytes <= RAM_BYTES - gpa ? ram + gpa : NULL;
}

static void init_queue(struct virtq_device *vq, uint32_t at)
{
	virtq_device_init(vq, NR, ram + at, ram + at + AVAIL, ram + at + USED, translate, NULL);
}

/* One descriptor, at times almost right, and one more available. */
static void offer(struct steps *in, uint32_t at, bool receive)
{
	struct vring_desc *desc = (void *)(ram + at);
	struct vring_avail *avail = (void *)(ram + at + AVAIL);
	unsigned i = steps_u8(in) % NR;
	uint8_t how = steps_u8(in);

	desc[i] = (struct vring_desc){
		.addr = how & 1 ? steps_u32(in) : 0x2000u + steps_u16(in),
		.len = how & 2 ? steps_u32(in) : 12u + steps_u16(in),
		.flags = (uint16_t)((receive != !(how & 0xf0) ? VRING_DESC_F_WRITE : 0) |
				    (how & 4 ? VRING_DESC_F_NEXT : 0)),
		.next = (uint16_t)((i + 1) % (NR + (how & 8 ? 1 : 0))),
	};
	avail->ring[avail->idx % NR] = (uint16_t)i;
	avail->idx++;
}

static void step(struct net_pair *p, struct steps *in)
{
	static uint8_t frame[CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX];
	uint32_t bytes;

	switch (steps_u8(in) % 8) {
	case 0:
	case 1:
		offer(in, RX_AT, true);
		break;
	case 2:
	case 3:
		offer(in, TX_AT, false);
		break;
	case 4: /* headers, rings, anything */
		bytes = steps_u8(in) % 16;
		steps_bytes(in, ram + steps_u32(in) % (RAM_BYTES - 16), bytes);
		break;
	case 5:
		(void)net_pair_deliver(p, frame, CAY_NET_HDR_BYTES + 14 + steps_u16(in) % (CAY_NET_FRAME_MAX - 13));
		break;
	case 6:
		net_pair_arm(p, steps_u8(in) & 1);
		break;
	default:
		(void)net_pair_poll(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_options opt = {.kind = NET_TAP, .name = "fuzz"};
	struct steps in = {data, size};
	struct net_pair *p = &dev.pair[0];
	static uint32_t napping;
	uint8_t how;

	if (ram == NULL)
		ram = malloc(RAM_BYTES);
	memset(ram, 0, RAM_BYTES);
	memset(&dev, 0, sizeof(dev));
	input = &in;
	how = steps_u8(&in);
	opt.pcap_fd = how & 1 ? open("/dev/null", O_WRONLY) : -1;
	opt.impair.loss_ppm = how & 4 ? 100000 : 0;
	opt.impair.reorder_ppm = how & 8 ? 100000 : 0;
	dev.vm = &vm;
	dev.opt = &opt;
	dev.ops = &ops;
	dev.napping = &napping;
	dev.config.mtu = how & 16 ? 65520 : 1500;
	dev.features = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6);
	dev.rx_frame_max = CAY_NET_HDR_BYTES + (how & 32 ? CAY_NET_FRAME_MAX : 18u + dev.config.mtu);
	dev.impair = how & 2 ? net_impair_create(&opt.impair) : NULL;
	dev.cpus_scarce = how & 64;
	p->dev = &dev;
	p->fd = p->nap.fd = -1;
	init_queue(&p->rx, RX_AT);
	init_queue(&p->tx, TX_AT);
	while (in.left > 0)
		step(p, &in);
	net_impair_destroy(dev.impair);
	if (opt.pcap_fd >= 0)
		close(opt.pcap_fd);
	return 0;
}
