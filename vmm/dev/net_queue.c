/* SPDX-License-Identifier: MIT */
/*
 * net_queue.c - moves frames between a pair of virtqueues and the backend, without copying: the guest's buffers are the
 * iovec. Receive buffers are taken from the ring ahead of time, as many as the longest frame needs, because how long a
 * frame is is known only when it has been read.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "vmm/core/log.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net_header.h"
#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_pcap.h"
#include "vmm/dev/net_priv.h"

/* Frames in one direction before the other sources of the I/O thread have their turn. */
#define NET_BATCH 64u
/*
 * Looking at the descriptor is a system call, so it is done at each poll only for so many polls after a frame, and then
 * left to epoll, which the I/O thread asks now and then.
 */
#define NET_QUIET_POLLS 4000u
/*
 * With fewer CPUs than threads, who would send is waiting for this CPU, and what we look for is the guest's answer.
 * When that has been sent, we look: the acknowledgement came in the same moment.
 */
#define NET_QUIET_POLLS_SCARCE 2u
/* What the program sent last waits so long for room in the backend after its end. */
#define FLUSH_WAIT_MS 200

void net_pair_died(struct net_pair *p)
{
	p->dead = true;
	net_pace_carry(p, false);
	if (atomic_load(&p->dev->vm->ending))
		return; /* the I/O thread is gone, and nobody minds */
	if (p->fd >= 0)
		io_unwatch(p->dev->vm->io, &p->watch);
	if (p->dev->said_dead)
		return;
	p->dev->said_dead = true;
	if (p->dev->awaits_greeting)
		log_error(
			"the user network does not start: is Debian's package libslirp0 installed? The program goes on "
			"without a network");
	else
		log_error("the network is gone: %s has ended; the program goes on without it",
			  p->dev->opt->kind == NET_USER ? "the process of the user network" : p->dev->opt->name);
}

void net_pair_ready(struct io_watch *w, uint32_t events)
{
	struct net_pair *p = w->ctx;

	(void)events;
	atomic_store(&p->readable, true);
}

static void broken(struct net_pair *p, const struct virtq_device *vq)
{
	if (atomic_load(&p->dev->vm->ending))
		return;
	vm_fail(p->dev->vm, "the guest broke a ring of its network card (%s)", virtq_result_name(vq->broken));
}

static void notify(struct net_pair *p, struct virtq_device *vq, uint32_t event)
{
	if (!virtq_device_should_notify(vq))
		return;
	p->count.events++;
	vm_raise_event_soon(p->dev->vm, event);
}

/* Takes receive buffers until the longest frame fits. False: there are not enough. */
static bool fill_pool(struct net_pair *p)
{
	while (p->pool_bytes < p->dev->rx_frame_max && p->nr_pool < CAY_NET_RX_SEGS_MAX) {
		struct net_rx_buf *b = &p->pool[p->nr_pool];
		struct virtq_chain c = {.seg = b->seg, .max_segs = NET_RX_BUF_SEGS};

		if (!virtq_device_has_avail(&p->rx))
			return false;
		if (virtq_device_pop(&p->rx, &c) != VIRTQ_POPPED) {
			broken(p, &p->rx);
			return false;
		}
		/* The header's num_buffers is written in one piece. */
		if (c.nr_read != 0 || c.write_bytes < CAY_NET_RX_BUF_MIN || b->seg[0].bytes < CAY_NET_HDR_BYTES) {
			p->rx.broken = VIRTQ_BAD_LENGTH;
			broken(p, &p->rx);
			return false;
		}
		b->bytes = c.write_bytes;
		b->nr_segs = (uint16_t)c.nr_write;
		b->head = c.head;
		p->nr_pool++;
		p->pool_bytes += b->bytes;
	}
	return p->pool_bytes >= p->dev->rx_frame_max;
}

static unsigned pool_iov(const struct net_pair *p, struct iovec *iov)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nr_pool; i++)
		for (unsigned s = 0; s < p->pool[i].nr_segs; s++)
			iov[n++] = (struct iovec){p->pool[i].seg[s].base, p->pool[i].seg[s].bytes};
	return n;
}

/* The first `bytes` of the pool hold a frame: gives these buffers back to the guest. */
static void push_frame(struct net_pair *p, uint32_t bytes)
{
	uint8_t *hdr = p->pool[0].seg[0].base;
	uint32_t left = bytes;
	uint16_t nr = 0;

	while (left > 0) {
		left -= MIN(left, p->pool[nr].bytes);
		nr++;
	}
	memcpy(hdr + offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers), &nr, sizeof(nr));
	left = bytes;
	for (unsigned i = 0; i < nr; i++) {
		uint32_t used = MIN(left, p->pool[i].bytes);

		virtq_device_push(&p->rx, p->pool[i].head, used);
		left -= used;
		p->pool_bytes -= p->pool[i].bytes;
	}
	p->nr_pool -= nr;
	memmove(p->pool, p->pool + nr, p->nr_pool * sizeof(p->pool[0]));
	p->count.rx_frames++;
	p->count.rx_bytes += bytes - CAY_NET_HDR_BYTES;
}

bool net_pair_deliver(struct net_pair *p, const void *frame, uint32_t bytes)
{
	struct iovec iov[CAY_NET_RX_SEGS_MAX * NET_RX_BUF_SEGS];
	const uint8_t *from = frame;
	uint32_t left = bytes;
	unsigned nr;

	if (!fill_pool(p))
		return false;
	if (bytes > p->pool_bytes) { /* longer than the guest was told: a tap's frames may be */
		p->count.rx_dropped++;
		return true;
	}
	nr = pool_iov(p, iov);
	for (unsigned i = 0; i < nr && left > 0; i++) {
		uint32_t n = MIN(left, (uint32_t)iov[i].iov_len);

		memcpy(iov[i].iov_base, from, n);
		from += n;
		left -= n;
	}
	net_pcap_write(p->dev->opt->pcap_fd, iov, nr, bytes);
	push_frame(p, bytes);
	return true;
}

/* One frame from the backend into the guest's memory. 0, or as net_backend_ops.recv. */
static int receive(struct net_pair *p)
{
	struct iovec iov[CAY_NET_RX_SEGS_MAX * NET_RX_BUF_SEGS];
	unsigned nr = pool_iov(p, iov);
	ssize_t n = p->dev->ops->recv(p, iov, nr);

	if (n < 0)
		return (int)n;
	if (n < (ssize_t)CAY_NET_HDR_BYTES + 14 || n > p->pool_bytes)
		return 0; /* not a frame: the buffers stay in the pool */
	net_pcap_write(p->dev->opt->pcap_fd, iov, nr, (uint32_t)n);
	push_frame(p, (uint32_t)n);
	return 0;
}

static void note_starved(struct net_pair *p, bool starved)
{
	if (p->starved == starved)
		return;
	p->starved = starved;
	p->count.rx_starved += starved;
	if (!starved)
		virtq_device_disarm(&p->rx);
	else if (p->naps_left == 0)
		(void)!virtq_device_arm(&p->rx); /* buffers that are there already are found by the next poll */
}

static bool may_have_frame(struct net_pair *p)
{
	bool by_epoll = p->dev->cpus_scarce && !atomic_load(&p->carried.on);

	return atomic_exchange(&p->readable, false) ||
	       p->quiet_polls < (by_epoll ? NET_QUIET_POLLS_SCARCE : NET_QUIET_POLLS) ||
	       (p->starved && virtq_device_has_avail(&p->rx));
}

static bool poll_rx(struct net_pair *p)
{
	unsigned n = 0;
	int err = 0;

	if (p->dead || !may_have_frame(p))
		return false;
	if (p->dev->awaits_greeting) {
		err = net_user_greeting(p->dev);
		if (err == -EAGAIN)
			return false;
		if (err != 0)
			net_pair_died(p);
		return true;
	}
	for (; n < NET_BATCH && err == 0; n++) {
		if (p->dev->impair != NULL) {
			err = net_impair_receive(p->dev->impair, p);
			continue;
		}
		note_starved(p, !fill_pool(p));
		if (p->starved)
			break;
		err = receive(p);
	}
	if (err != 0)
		n--;
	if (err != 0 && err != -EAGAIN)
		net_pair_died(p);
	if (n == NET_BATCH)
		atomic_store(&p->readable, true);
	return n != 0;
}

/* Fills p->out from a popped chain. False: the frame is refused. */
static bool take_frame(struct net_pair *p, const struct virtq_chain *c)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t *to = (uint8_t *)&hdr;
	uint32_t missing = sizeof(hdr);
	struct net_tx *out = &p->out;

	out->head = c->head;
	out->iov[0] = (struct iovec){&out->hdr, sizeof(out->hdr)};
	out->nr_iov = 1;
	if (c->nr_write != 0 || c->read_bytes < sizeof(hdr))
		return false;
	for (unsigned i = 0; i < c->nr_read; i++) {
		uint32_t n = MIN(missing, c->seg[i].bytes);

		memcpy(to, c->seg[i].base, n);
		to += n;
		missing -= n;
		if (n < c->seg[i].bytes)
			out->iov[out->nr_iov++] = (struct iovec){(uint8_t *)c->seg[i].base + n, c->seg[i].bytes - n};
	}
	return net_header_check(&hdr, c->read_bytes - (uint32_t)sizeof(hdr), p->dev->features, p->dev->config.mtu,
				&out->hdr);
}

static size_t frame_bytes(const struct net_tx *out)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < out->nr_iov; i++)
		bytes += out->iov[i].iov_len;
	return bytes;
}

/* False: the backend has no room, try again later. */
static bool send_frame(struct net_pair *p)
{
	struct net_tx *out = &p->out;
	size_t bytes = frame_bytes(out);
	int err = 0;

	if (p->dead)
		p->count.tx_dropped++;
	else if (p->dev->impair != NULL)
		net_impair_send(p->dev->impair, p, out->iov, out->nr_iov, bytes);
	else
		err = p->dev->ops->send(p, out->iov, out->nr_iov);
	if (err == -EAGAIN)
		return false;
	if (err != 0)
		net_pair_died(p);
	if (!out->waiting || !p->dead)
		net_pcap_write(p->dev->opt->pcap_fd, out->iov, out->nr_iov, (uint32_t)bytes);
	p->count.tx_frames++;
	p->count.tx_bytes += bytes - CAY_NET_HDR_BYTES;
	virtq_device_push(&p->tx, out->head, 0);
	return true;
}

static bool poll_tx(struct net_pair *p)
{
	unsigned n = 0;

	if (p->out.waiting) {
		if (!send_frame(p))
			return false;
		p->out.waiting = false;
		n++;
	}
	for (; n < NET_BATCH && virtq_device_has_avail(&p->tx); n++) {
		struct virtq_chain c = {.seg = p->out.seg, .max_segs = CAY_NET_TX_SEGS_MAX};

		if (virtq_device_pop(&p->tx, &c) != VIRTQ_POPPED) {
			broken(p, &p->tx);
			break;
		}
		if (!take_frame(p, &c)) {
			p->count.tx_refused++;
			virtq_device_push(&p->tx, c.head, 0);
		} else if (!send_frame(p)) {
			p->out.waiting = true;
			break;
		}
	}
	return n != 0;
}

static bool has_room_soon(const struct net_pair *p)
{
	struct pollfd room = {.fd = p->fd, .events = POLLOUT};

	return p->fd >= 0 && poll(&room, 1, FLUSH_WAIT_MS) == 1;
}

void net_pair_flush(struct net_pair *p)
{
	for (unsigned i = 0; i < CAY_NET_QUEUE_NR && !p->dead; i++)
		if (!poll_tx(p) && !(p->out.waiting && has_room_soon(p)))
			return;
}

bool net_pair_poll(void *pair)
{
	struct net_pair *p = pair;
	struct net_counters before = p->count;
	bool tx = poll_tx(p), late = p->dev->impair != NULL && net_impair_poll(p->dev->impair, p), rx, any;

	if (tx)
		p->quiet_polls = 0;
	rx = poll_rx(p);
	any = tx || late || rx;

	if (any)
		p->quiet_polls = 0;
	else if (p->quiet_polls < NET_QUIET_POLLS)
		p->quiet_polls++;
	if (any)
		p->count.polls_hit++;
	else
		p->count.polls_missed++;
	notify(p, &p->rx, p->rx_event);
	notify(p, &p->tx, p->tx_event);
	net_pace(p, &before, any);
	return any;
}
