/* SPDX-License-Identifier: MIT */
/* net.c - the network card's life: the host's side is opened first, the VM's side when there is a VM. */
#include "vmm/dev/net.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/core/gmem.h"
#include "vmm/core/io_carry.h"
#include "vmm/core/log.h"
#include "abi/link.h"
#include "vmm/core/vm.h"
#include "vmm/dev/link.h"
#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_priv.h"

#define LINK_MTU 65520

static void copy_options(struct net_device *dev)
{
	const struct net_options *opt = dev->opt;
	struct cay_net_config *c = &dev->config;

	c->mtu = opt->mtu;
	memcpy(c->ip4, opt->ip4, sizeof(c->ip4));
	memcpy(c->gateway4, opt->gateway4, sizeof(c->gateway4));
	memcpy(c->dns4[0], opt->dns4, sizeof(c->dns4[0]));
	c->prefix4 = opt->prefix4;
	memcpy(c->ip6, opt->ip6, sizeof(c->ip6));
	memcpy(c->gateway6, opt->gateway6, sizeof(c->gateway6));
	c->prefix6 = opt->prefix6;
	if (opt->has_mac) {
		memcpy(c->mac, opt->mac, sizeof(c->mac));
		return;
	}
	(void)!getrandom(c->mac, sizeof(c->mac), 0);
	c->mac[0] = (uint8_t)((c->mac[0] & 0xfc) | 0x02); /* given out locally, one card's */
}

/* The address follows from the place, so that peers find each other without asking. */
static int open_link(struct net_device *dev)
{
	static const uint8_t mac[5] = CAY_LINK_MAC;
	struct cay_net_config *c = &dev->config;
	int err = link_open(dev->opt->name, &dev->link);

	if (err != 0)
		return err;
	memcpy(c->mac, mac, sizeof(mac));
	c->mac[5] = (uint8_t)(link_place(dev->link) + 1);
	/* A bad line has frames as long as a real one's. */
	if (c->mtu == 0)
		c->mtu = dev->impair != NULL ? 1500 : LINK_MTU;
	if (c->prefix4 == 0) {
		const uint8_t ip4[4] = {10, 99, 0, c->mac[5]};

		memcpy(c->ip4, ip4, sizeof(ip4));
		c->prefix4 = 24;
	}
	c->flags |= CAY_NET_QUIET | CAY_NET_UNINVITED;
	if (dev->opt->pcap != NULL || dev->impair != NULL)
		return net_link_open(dev);
	return 0;
}

static int open_backend(struct net_device *dev, unsigned nr_cpus)
{
	switch (dev->opt->kind) {
	case NET_USER:
		return net_user_open(dev);
	case NET_TAP:
		return net_tap_open(dev, nr_cpus);
	case NET_LINK:
		return open_link(dev);
	case NET_NONE:
		break;
	}
	return -EINVAL;
}

int net_open(const struct net_options *opt, unsigned nr_cpus, struct net_device **out)
{
	struct net_device *dev;
	cpu_set_t cpus;
	int err;

	*out = NULL;
	if (opt->kind == NET_NONE)
		return 0;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL)
		return -ENOMEM;
	dev->opt = opt;
	dev->cpus_scarce = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) < (int)nr_cpus + 2;
	dev->features = 1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_MTU;
	for (unsigned i = 0; i < NET_PAIRS_MAX; i++)
		dev->pair[i].fd = dev->pair[i].nap.fd = -1;
	copy_options(dev);
	*out = dev;
	if (net_is_impaired(&opt->impair)) {
		dev->impair = net_impair_create(&opt->impair);
		if (dev->impair == NULL)
			return -ENOMEM;
	}
	err = open_backend(dev, nr_cpus);
	if (err != 0)
		return err;
	dev->rx_frame_max = CAY_NET_HDR_BYTES + 18u + dev->config.mtu;
	if (dev->features & (1ull << VIRTIO_NET_F_GUEST_TSO4))
		dev->rx_frame_max = CAY_NET_HDR_BYTES + CAY_NET_FRAME_MAX;
	return 0;
}

static void *translate(void *ctx, uint64_t gpa, uint32_t bytes)
{
	return gmem_ptr(&((struct vm *)ctx)->mem, gpa, bytes);
}

static void init_queue(struct vm *vm, struct virtq_device *vq, const struct cay_queue_info *q)
{
	virtq_device_init(vq, q->nr, gmem_ptr(&vm->mem, q->desc_gpa, virtq_desc_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->avail_gpa, virtq_avail_bytes(q->nr)),
			  gmem_ptr(&vm->mem, q->used_gpa, virtq_used_bytes(q->nr)), translate, vm);
}

static int watch_naps(struct net_pair *p)
{
	p->nap = (struct io_watch){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		.ready = net_pair_nap_over,
		.ctx = p,
		.linger = IO_LINGER_NONE,
	};
	return p->nap.fd >= 0 ? io_watch(p->dev->vm->io, &p->nap, EPOLLIN) : -errno;
}

static int attach_pair(struct net_device *dev, unsigned i, const struct cay_device_info *info)
{
	const struct cay_queue_info *rx = &info->queue[2 * i], *tx = &info->queue[2 * i + 1];
	struct net_pair *p = &dev->pair[i];
	struct io_source src = {
		.poll = net_pair_poll,
		.arm = net_pair_arm,
		.ctx = p,
		.linger = &p->linger,
		.doorbell = (uint32_t)tx->doorbell,
	};
	int err;

	p->dev = dev;
	init_queue(dev->vm, &p->rx, rx);
	init_queue(dev->vm, &p->tx, tx);
	p->rx_event = rx->event;
	p->tx_event = tx->event;
	p->watch = (struct io_watch){.fd = p->fd, .ready = net_pair_ready, .ctx = p};
	p->watch.linger = dev->cpus_scarce ? IO_LINGER_SHORT : IO_LINGER_FULL;
	p->watched = EPOLLIN;
	err = io_watch(dev->vm->io, &p->watch, EPOLLIN);
	if (err == 0 && dev->cpus_scarce) {
		err = watch_naps(p);
		p->may_carry = dev->impair == NULL && p->fd >= 0 && io_carry_prepare(dev->vm->io);
		p->carried.fd = p->fd;
		p->carried.wakes = net_pace_guard;
		src.carried = &p->carried;
	}
	return err != 0 ? err : io_add_source(dev->vm->io, &src);
}

static void frame_due(struct io_watch *w, uint32_t events)
{
	struct net_device *dev = w->ctx;

	(void)events;
	net_impair_fired(dev->impair);
}

static int publish_config(struct net_device *dev, struct cay_device_info *info)
{
	uint64_t gpa = vm_boot_alloc(dev->vm, sizeof(dev->config), 64);
	struct cay_net_config *shared;

	if (gpa == 0)
		return -ENOSPC;
	shared = gmem_ptr(&dev->vm->mem, gpa, sizeof(dev->config));
	memcpy(shared, &dev->config, sizeof(dev->config));
	dev->napping = &shared->napping;
	dev->carried = &shared->carried;
	info->config[CAY_NET_CONFIG] = gpa;
	info->features = dev->features;
	return 0;
}

int net_attach(struct net_device *dev, struct vm *vm)
{
	struct cay_device_info *info;
	int err;

	dev->vm = vm;
	if (dev->link != NULL && dev->port == NULL)
		return link_attach(dev->link, vm, &dev->config);
	info = vm_add_device(vm, CAY_DEV_NET, 2 * dev->nr_pairs, CAY_NET_QUEUE_NR);
	if (info == NULL)
		return -ENOSPC;
	err = publish_config(dev, info);
	for (unsigned i = 0; i < dev->nr_pairs && err == 0; i++)
		err = attach_pair(dev, i, info);
	if (err == 0 && dev->impair != NULL) {
		dev->impair_watch = (struct io_watch){.fd = net_impair_fd(dev->impair), .ready = frame_due, .ctx = dev};
		err = io_watch(vm->io, &dev->impair_watch, EPOLLIN);
	}
	return err;
}

int net_wait_ready(struct net_device *dev)
{
	return dev->opt->kind == NET_USER ? net_user_wait(dev) : 0;
}

void net_count(const struct net_device *dev, struct net_counters *sum)
{
	*sum = (struct net_counters){0};
	for (unsigned i = 0; i < dev->nr_pairs; i++) {
		const struct net_counters *c = &dev->pair[i].count;

		sum->tx_frames += c->tx_frames;
		sum->tx_bytes += c->tx_bytes;
		sum->rx_frames += c->rx_frames;
		sum->rx_bytes += c->rx_bytes;
		sum->tx_refused += c->tx_refused;
		sum->tx_dropped += c->tx_dropped;
		sum->rx_dropped += c->rx_dropped;
		sum->rx_starved += c->rx_starved;
		sum->polls_hit += c->polls_hit;
		sum->polls_missed += c->polls_missed;
		sum->events += c->events;
	}
}

void net_destroy(struct net_device *dev)
{
	if (dev == NULL)
		return;
	for (unsigned i = 0; i < dev->nr_pairs && dev->pair[i].dev != NULL; i++)
		net_pair_flush(&dev->pair[i]);
	for (unsigned i = 0; i < NET_PAIRS_MAX; i++)
		if (dev->pair[i].fd >= 0)
			close(dev->pair[i].fd);
	for (unsigned i = 0; i < NET_PAIRS_MAX; i++)
		if (dev->pair[i].nap.fd >= 0)
			close(dev->pair[i].nap.fd);
	net_impair_destroy(dev->impair);
	net_link_close(dev);
	link_destroy(dev->link);
	free(dev);
}
