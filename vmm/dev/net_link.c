/* SPDX-License-Identifier: MIT */
/*
 * net_link.c - a link whose frames pass through the VMM, because they are to be recorded (--pcap) or the line is to be
 * a bad one: the guest has an ordinary card, and this is its backend, which takes the guest's place at the rings
 * (abi/link.h). So recording and bad lines are the same code for all kinds of networks, and a link that has neither
 * pays nothing for them. Peers notice no difference but time.
 *
 * Peers are hostile: lib/link_ring.h and link_pool.h check what they wrote; lengths are checked here. What finds no
 * room in a peer's ring is lost, as on a line. Guarded by the lock of the card's I/O source. Host system calls while
 * serving: read and write on the fifos.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/link_pool.h"
#include "lib/link_ring.h"
#include "vmm/core/timing.h"
#include "vmm/dev/link.h"
#include "vmm/dev/net_priv.h"

#define BIT(name) (1ull << (name))

struct net_port {
	struct link *link;
	struct cay_link_segment *segment; /* peers write it */
	unsigned place, first;            /* first: the peer to look at first */
	struct link_tx tx[CAY_LINK_PEERS_MAX];
	struct link_rx rx[CAY_LINK_PEERS_MAX];
};

static bool is_present(const struct net_port *port, unsigned i)
{
	return i != port->place && READ_ONCE(port->segment->peer[i].present) == 1;
}

/* ---- sending */

/* iov: the header, then the frame. False: no room. */
static bool put(struct link_tx *tx, const struct iovec *iov, unsigned nr, uint32_t bytes)
{
	uint32_t left = CAY_NET_HDR_BYTES;
	uint8_t hdr[CAY_NET_HDR_BYTES] = {0};

	if (!link_tx_begin(tx, bytes))
		return false;
	/* Without the number of buffers, which would be references here. */
	for (unsigned i = 0; i < nr; i++) {
		uint32_t len = (uint32_t)iov[i].iov_len, n = MIN(left, len);

		memcpy(hdr + CAY_NET_HDR_BYTES - left, iov[i].iov_base, n);
		left -= n;
		if (n != 0 && left == 0) {
			memset(hdr + offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers), 0, sizeof(uint16_t));
			link_tx_put(tx, hdr, sizeof(hdr));
		}
		if (len > n)
			link_tx_put(tx, (const uint8_t *)iov[i].iov_base + n, len - n);
	}
	link_tx_end(tx);
	return true;
}

static void destination(const struct iovec *iov, unsigned nr, uint8_t mac[ETH_ALEN])
{
	uint32_t at = 0;

	memset(mac, 0, ETH_ALEN);
	for (unsigned i = 0; i < nr && at < CAY_NET_HDR_BYTES + ETH_ALEN; i++)
		for (uint32_t k = 0; k < iov[i].iov_len && at < CAY_NET_HDR_BYTES + ETH_ALEN; k++, at++)
			if (at >= CAY_NET_HDR_BYTES)
				mac[at - CAY_NET_HDR_BYTES] = ((const uint8_t *)iov[i].iov_base)[k];
}

static void send_to(struct net_pair *p, unsigned i, const struct iovec *iov, unsigned nr, uint32_t bytes)
{
	struct net_port *port = p->dev->port;

	if (!is_present(port, i))
		return;
	if (!put(&port->tx[i], iov, nr, bytes))
		p->count.tx_dropped++;
	if (link_tx_publish(&port->tx[i]) || link_tx_stalled(&port->tx[i], timing_now_ns()))
		link_wake(port->link, i);
}

static int port_send(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	static const uint8_t ours[5] = CAY_LINK_MAC;
	uint8_t mac[ETH_ALEN];
	size_t bytes = 0;

	for (unsigned i = 0; i < nr; i++)
		bytes += iov[i].iov_len;
	if (bytes < CAY_NET_HDR_BYTES + ETHER_HDR_LEN || bytes > CAY_LINK_FRAME_MAX)
		return 0;
	destination(iov, nr, mac);
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if ((mac[0] & 1) || (memcmp(mac, ours, sizeof(ours)) == 0 && mac[5] == i + 1))
			send_to(p, i, iov, nr, (uint32_t)bytes);
	return 0;
}

/* ---- receiving */

/* A place in an iovec that is being filled. */
struct filling {
	const struct iovec *iov;
	unsigned nr;
	size_t at;    /* in the first */
	size_t bytes; /* so far */
	bool full;
};

/* Where the next bytes go, at most max of them; NULL when it is full. */
static void *next_room(struct filling *f, uint32_t max, uint32_t *n)
{
	void *to;

	while (f->nr > 0 && f->at == f->iov[0].iov_len) {
		f->iov++;
		f->nr--;
		f->at = 0;
	}
	f->full = f->nr == 0;
	if (f->full)
		return NULL;
	*n = (uint32_t)MIN((size_t)max, f->iov[0].iov_len - f->at);
	to = (uint8_t *)f->iov[0].iov_base + f->at;
	f->at += *n;
	f->bytes += *n;
	return to;
}

static void fill_from_ring(struct filling *f, struct link_rx *rx, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t n;
		void *to = next_room(f, bytes, &n);

		if (to == NULL)
			return;
		link_rx_get(rx, to, n);
		bytes -= n;
	}
}

static void fill_from_memory(struct filling *f, const uint8_t *from, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t n;
		void *to = next_room(f, bytes, &n);

		if (to == NULL)
			return;
		memcpy(to, from, n);
		from += n;
		bytes -= n;
	}
}

/* What a peer lends is read at once and returned. False: nonsense. */
static bool fill_references(struct net_port *port, unsigned from, struct filling *f, uint32_t bytes, unsigned nr)
{
	const uint8_t *pool = (const uint8_t *)port->segment + cay_link_pool_offset(from);
	struct cay_link_ref ref[CAY_LINK_REFS_MAX];
	uint32_t refs = nr * (uint32_t)sizeof(ref[0]);
	bool ok = true;

	if (nr > CAY_LINK_REFS_MAX || bytes < refs)
		return false;
	link_rx_get(&port->rx[from], ref, refs);
	fill_from_ring(f, &port->rx[from], bytes - refs);
	for (unsigned i = 0; i < nr; i++) {
		if (!link_ref_is_good(&ref[i])) {
			ok = false;
			continue;
		}
		if (ok)
			fill_from_memory(f, pool + ref[i].at, ref[i].bytes);
		link_borrow_end(port->segment, from, port->place, ref[i].at / CAY_LINK_BLOCK_BYTES);
	}
	return ok;
}

/* The record that was begun. Bytes of frame and header; 0: nonsense, or too long for the guest's buffers. */
static size_t get(struct net_port *port, unsigned from, uint32_t bytes, const struct iovec *iov, unsigned nr)
{
	struct filling f = {.iov = iov, .nr = nr};
	struct virtio_net_hdr_mrg_rxbuf hdr;
	unsigned refs;

	if (bytes < sizeof(hdr))
		return 0;
	link_rx_get(&port->rx[from], &hdr, sizeof(hdr));
	bytes -= (uint32_t)sizeof(hdr);
	refs = hdr.num_buffers;
	hdr.num_buffers = 0;
	fill_from_memory(&f, (const uint8_t *)&hdr, sizeof(hdr));
	if (refs == 0)
		fill_from_ring(&f, &port->rx[from], bytes);
	else if (!fill_references(port, from, &f, bytes, refs))
		return 0;
	return f.full ? 0 : f.bytes;
}

/* One record of any peer, each time another one first. 0: none. */
static size_t take(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	struct net_port *port = p->dev->port;

	for (unsigned at = 0; at < CAY_LINK_PEERS_MAX; at++) {
		unsigned i = (port->first + at) % CAY_LINK_PEERS_MAX;
		struct link_rx *rx = &port->rx[i];
		uint32_t bytes = i != port->place ? link_rx_begin(rx) : 0;
		size_t got;

		if (bytes == 0)
			continue;
		got = get(port, i, bytes, iov, nr);
		link_rx_end(rx);
		if (link_rx_release(rx))
			link_wake(port->link, i);
		port->first = i + 1;
		if (got == 0)
			p->count.rx_dropped++;
		return got != 0 ? got : 1; /* not a frame: the caller asks for the next */
	}
	return 0;
}

static ssize_t port_recv(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	struct net_port *port = p->dev->port;
	char wakes[64];
	size_t got;

	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++)
		if (is_present(port, i))
			link_rx_awake(&port->rx[i]);
	got = take(p, iov, nr);
	if (got == 0 && read(p->fd, wakes, sizeof(wakes)) > 0)
		got = take(p, iov, nr); /* what we were woken for may have come after the first look */
	return got != 0 ? (ssize_t)got : -EAGAIN;
}

static void port_arm(struct net_pair *p, bool sleep)
{
	struct net_port *port = p->dev->port;

	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		if (!is_present(port, i))
			continue;
		if (!sleep) {
			link_rx_awake(&port->rx[i]);
			continue;
		}
		/* Asleep, we shall not see that a peer does not look. */
		if (link_tx_unread(&port->tx[i]))
			link_wake(port->link, i);
		(void)!link_rx_arm(&port->rx[i]); /* what is there already is found by the poll that follows */
	}
}

static const struct net_backend_ops ops = {.send = port_send, .recv = port_recv, .arm = port_arm};

/* ---- life */

static void init_rings(struct net_port *port)
{
	uint8_t *base = (uint8_t *)port->segment;

	link_borrow_init(port->segment, port->place);
	for (unsigned i = 0; i < CAY_LINK_PEERS_MAX; i++) {
		link_tx_init(&port->tx[i], &port->segment->ring[port->place][i],
			     base + cay_link_data_offset(port->place, i));
		link_rx_init(&port->rx[i], &port->segment->ring[i][port->place],
			     base + cay_link_data_offset(i, port->place));
	}
}

int net_link_open(struct net_device *dev)
{
	struct net_port *port = calloc(1, sizeof(*port));
	int err;

	if (port == NULL)
		return -ENOMEM;
	dev->port = port;
	port->link = dev->link;
	port->place = link_place(dev->link);
	port->segment = mmap(NULL, CAY_LINK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, link_segment_fd(dev->link), 0);
	if (port->segment == MAP_FAILED) {
		port->segment = NULL;
		return -errno;
	}
	init_rings(port);
	dev->pair[0].fd = dup(link_own_fd(dev->link));
	if (dev->pair[0].fd < 0)
		return -errno;
	err = link_appear(dev->link);
	if (err != 0)
		return err;
	dev->nr_pairs = 1;
	dev->ops = &ops;
	/* Peers send long frames whether we like it or not; ours are cut if the line is a bad one. */
	dev->features |= BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
			 BIT(VIRTIO_NET_F_GUEST_TSO6);
	if (!net_is_impaired(&dev->opt->impair))
		dev->features |= BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6);
	return 0;
}

void net_link_close(struct net_device *dev)
{
	if (dev->port == NULL)
		return;
	if (dev->port->segment != NULL)
		munmap(dev->port->segment, CAY_LINK_BYTES);
	free(dev->port);
}
