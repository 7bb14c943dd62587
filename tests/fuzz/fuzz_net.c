/* SPDX-License-Identifier: MIT */
/*
 * fuzz_net.c - a hostile guest's network card: any rings, any chains, any headers, against a backend that looks at what
 * it is given. Input: the guest's memory (rings, then buffers), then what the network delivers. Nothing outside the
 * guest's memory may be read or written, no frame may leave that the header check refuses, and every poll ends.
 */
// SOURCES: vmm/dev/net_queue.c vmm/dev/net_header.c lib/virtq_device.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/core/log.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net_header.h"
#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_pcap.h"
#include "vmm/dev/net_priv.h"

#define MEM_BYTES 0x20000u
#define NR        16u
#define RX_AT     0x0000u
#define TX_AT     0x1000u

static uint8_t *mem;
static const uint8_t *net_data;
static size_t net_left;
static bool failed, no_room;
static struct vm vm;

/* What net_queue.c calls. */
void vm_fail(struct vm *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	failed = true;
}
void vm_raise_event_soon(struct vm *v, unsigned event)
{
	(void)v;
	if (event != 9 && event != 10)
		abort();
}
void log_error(const char *fmt, ...)
{
	(void)fmt;
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
int net_user_greeting(struct net_device *dev)
{
	(void)dev;
	return 0;
}
void net_impair_send(struct net_impair *im, struct net_pair *p, const struct iovec *iov, unsigned nr, size_t bytes)
{
	(void)im;
	(void)p;
	(void)iov;
	(void)nr;
	(void)bytes;
	abort();
}
int net_impair_receive(struct net_impair *im, struct net_pair *p)
{
	(void)im;
	(void)p;
	abort();
}
bool net_impair_poll(struct net_impair *im, struct net_pair *p)
{
	(void)im;
	(void)p;
	abort();
}
void net_pcap_write(int fd, const struct iovec *iov, unsigned nr, uint32_t bytes)
{
	(void)fd;
	(void)iov;
	(void)nr;
	(void)bytes;
}

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	(void)ctx;
	return gpa <= MEM_BYTES && bytes <= MEM_BYTES - gpa ? mem + gpa : NULL;
}

/* Reads every byte, as the host's kernel would. */
static int backend_send(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	struct virtio_net_hdr_mrg_rxbuf again, hdr;
	static volatile uint8_t sum;
	uint32_t bytes = 0;

	memcpy(&hdr, iov[0].iov_base, sizeof(hdr));
	for (unsigned i = 0; i < nr; i++) {
		for (size_t b = 0; b < iov[i].iov_len; b++)
			sum ^= ((uint8_t *)iov[i].iov_base)[b];
		bytes += (uint32_t)iov[i].iov_len;
	}
	if (iov[0].iov_len != sizeof(hdr) ||
	    !net_header_check(&hdr, bytes - (uint32_t)sizeof(hdr), p->dev->features, p->dev->config.mtu, &again) ||
	    memcmp(&hdr, &again, sizeof(hdr)) != 0)
		abort();
	no_room = !no_room;
	return no_room ? -EAGAIN : 0;
}

static ssize_t backend_recv(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	size_t want, n = 0;

	(void)p;
	if (net_left < 2)
		return -EAGAIN;
	want = net_data[0] | (size_t)net_data[1] << 8;
	net_data += 2;
	net_left -= 2;
	for (unsigned i = 0; i < nr && n < want; i++) {
		size_t part = MIN(iov[i].iov_len, want - n);

		memset(iov[i].iov_base, 0x5a, part);
		n += part;
	}
	return (ssize_t)n;
}

static const struct net_backend_ops backend = {backend_send, backend_recv};

static void init_queue(struct virtq_device *vq, uint32_t at)
{
	virtq_device_init(vq, NR, mem + at, mem + at + 0x400, mem + at + 0x800, translate, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net_device dev;
	static struct net_options opt;
	struct net_pair *p = &dev.pair[0];
	size_t n = MIN(size, (size_t)MEM_BYTES / 4);

	memset(&dev, 0, sizeof(dev));
	opt.pcap_fd = -1;
	dev.vm = &vm;
	dev.opt = &opt;
	dev.ops = &backend;
	dev.nr_pairs = 1;
	dev.config.mtu = 1500;
	dev.rx_frame_max = size % 2 ? 12 + 1518 : 12 + CAY_NET_FRAME_MAX;
	dev.features = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_HOST_TSO4;
	mem = calloc(1, MEM_BYTES);
	memcpy(mem, data, n);
	net_data = data + n;
	net_left = size - n;
	failed = false;
	p->dev = &dev;
	p->fd = -1;
	p->rx_event = 9;
	p->tx_event = 10;
	init_queue(&p->rx, RX_AT);
	init_queue(&p->tx, TX_AT);
	for (unsigned i = 0; i < 32 && !failed; i++)
		(void)!net_pair_poll(p);
	net_pair_arm(p, true);
	(void)!net_pair_poll(p);
	net_pair_arm(p, false);
	free(mem);
	return 0;
}
