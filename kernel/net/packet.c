/* SPDX-License-Identifier: MIT */
/* packet.c - see packet.h. Rings: packet_ring.h; options: packet_options.c. */
#include "kernel/net/packet.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>

#include "kernel/fs/cred.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/inet.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/packet_priv.h"

#define FRAME_MAX 65550u

/* In cb of a queued frame. */
enum { CB_PROTOCOL, CB_TYPE, CB_HEADER, CB_LEN };

static struct list all = LIST_INIT(all);
static struct spinlock lock = SPINLOCK_INIT("packet");
unsigned packet_listeners;

/* ---- frames passing ---- */

static uint16_t type_of(const struct netif *nif, const struct pbuf *p)
{
	uint16_t type = 0;

	if (nif->features & NETIF_ETHERNET) {
		if (p->head_len >= ETH_HLEN)
			memcpy(&type, p->data + 12, 2);
	} else if (p->head_len > 0) {
		type = htons(p->data[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
	}
	return type;
}

static uint8_t direction(const struct netif *nif, const struct pbuf *p, bool outgoing)
{
	static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (outgoing)
		return PACKET_OUTGOING;
	if (!(nif->features & NETIF_ETHERNET) || p->head_len < 6 || memcmp(p->data, nif->mac, 6) == 0)
		return PACKET_HOST;
	if (memcmp(p->data, all_ones, 6) == 0)
		return PACKET_BROADCAST;
	return p->data[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

/* On loopback a frame has no link header; a raw socket is shown one without addresses. */
static void fake_header(struct pbuf *p, uint16_t type)
{
	uint8_t *at = pbuf_push(p, ETH_HLEN);

	memset(at, 0, ETH_HLEN - 2);
	memcpy(at + 12, &type, 2);
}

static void give(struct packet_sock *s, struct netif *nif, const struct pbuf *p, uint16_t type, uint8_t dir)
{
	bool ether = nif->features & NETIF_ETHERNET;
	struct pbuf *copy = pbuf_clone(p, PBUF_HEADROOM);

	if (copy == NULL)
		return;
	if (copy->time_ns == 0)
		copy->time_ns = clock_realtime_ns();
	if (s->sock.type == SOCK_DGRAM && ether)
		pbuf_pull(copy, MIN((uint32_t)ETH_HLEN, copy->len));
	else if (s->sock.type == SOCK_RAW && !ether)
		fake_header(copy, type);
	copy->netif = nif;
	copy->is_error = false;
	copy->cb[CB_PROTOCOL] = type;
	copy->cb[CB_TYPE] = dir;
	memset(&copy->cb[CB_HEADER], 0, sizeof(copy->cb[0]));
	if (ether && p->head_len >= ETH_HLEN)
		memcpy(&copy->cb[CB_HEADER], p->data + 6, 6);
	channel_queue(&s->ch, copy);
}

void packet_copy(struct netif *nif, const struct pbuf *p, bool outgoing)
{
	uint16_t type = type_of(nif, p);
	uint8_t dir = direction(nif, p, outgoing);

	spin_lock(&lock);
	list_for_each (s, &all, link, struct packet_sock) {
		bool everything = s->protocol == htons(ETH_P_ALL);
		if ((s->ifindex != 0 && s->ifindex != nif->index) || (outgoing && (!everything || s->ignore_outgoing)))
			continue;
		if (everything || s->protocol == type)
			give(s, nif, p, type, dir);
	}
	spin_unlock(&lock);
}

void packet_for_each(void (*fn)(const struct packet_sock *s, void *arg), void *arg)
{
	spin_lock(&lock);
	list_for_each (s, &all, link, struct packet_sock)
		fn(s, arg);
	spin_unlock(&lock);
}

static void fill_ll(struct sockaddr_ll *ll, const struct netif *nif, uint16_t protocol, uint8_t type,
		    const uint8_t *mac)
{
	*ll = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = protocol, .sll_pkttype = type};
	if (nif != NULL) {
		ll->sll_ifindex = nif->index;
		ll->sll_hatype = nif->flags & IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
		ll->sll_halen = 6;
		memcpy(ll->sll_addr, mac, 6);
	}
}

/* Who sent a queued frame. */
static void sender_of(const struct pbuf *p, struct sockaddr_ll *ll)
{
	fill_ll(ll, p->netif, (uint16_t)p->cb[CB_PROTOCOL], (uint8_t)p->cb[CB_TYPE],
		(const uint8_t *)&p->cb[CB_HEADER]);
}

/* What is known of its checksum: TP_STATUS_*. */
static uint32_t csum_status(const struct pbuf *p)
{
	if (p->csum == PBUF_CSUM_PARTIAL)
		return TP_STATUS_CSUMNOTREADY;
	return p->csum == PBUF_CSUM_VALID && p->cb[CB_TYPE] != PACKET_OUTGOING ? TP_STATUS_CSUM_VALID : 0;
}

static bool put_in_ring(struct packet_sock *s, const struct pbuf *p, uint32_t wanted)
{
	struct packet_frame f = {
		.snaplen = wanted,
		.link_bytes = s->sock.type == SOCK_RAW ? ETH_HLEN : 0,
		.status = TP_STATUS_USER | TP_STATUS_TS_SOFTWARE | csum_status(p),
		.time_ns = p->time_ns,
	};

	if (s->drops > 0 && s->ring->version != TPACKET_V3)
		f.status |= TP_STATUS_LOSING;
	sender_of(p, &f.ll);
	bool done = packet_ring_put(s->ring, p, &f, clock_monotonic_ns());
	if (s->ring->close_at_ns != 0 && (!ktimer_armed(&s->timer) || s->timer.deadline_ns > s->ring->close_at_ns))
		ktimer_arm(&s->timer, s->ring->close_at_ns);
	return done;
}

static void take_frame(struct packet_sock *s, struct pbuf *p)
{
	struct net_filter_frame about = {(uint16_t)p->cb[CB_PROTOCOL], (uint8_t)p->cb[CB_TYPE]};
	uint32_t wanted = net_filter_run_frame(s->filter, p, &about);
	bool taken = false, queued = false;

	if (wanted == 0) {
		pbuf_put(p);
		return;
	}
	if (s->ring != NULL) {
		taken = put_in_ring(s, p, wanted);
	} else if (s->rx.truesize < (size_t)s->sock.option[SO_RCVBUF]) {
		p->cb[CB_LEN] = p->len;
		pbuf_trim(p, wanted);
		pbuf_queue_push(&s->rx, p);
		taken = queued = true;
	}
	if (taken)
		s->packets++;
	else
		s->drops++;
	if (!queued)
		pbuf_put(p);
}

static bool is_readable(const struct packet_sock *s)
{
	return s->rx.nr > 0 || (s->ring != NULL && packet_ring_is_readable(s->ring));
}

static void run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	struct packet_sock *s = container_of(ch, struct packet_sock, ch);

	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		take_frame(s, p);
	}
	if (bits & PACKET_POST_TIMER && s->ring != NULL) {
		if (!packet_ring_timer(s->ring, clock_monotonic_ns()) && s->ring->close_at_ns != 0)
			ktimer_arm(&s->timer, s->ring->close_at_ns);
	}
	if (is_readable(s))
		waitq_wake(&ch->wq, POLLIN | POLLRDNORM);
}

static void timer_fired(struct ktimer *timer)
{
	struct packet_sock *s = timer->arg;

	channel_post(&s->ch, PACKET_POST_TIMER);
}

static void packet_free(struct channel *ch)
{
	struct packet_sock *s = container_of(ch, struct packet_sock, ch);

	ktimer_cancel(&s->timer);
	pbuf_queue_drop(&s->rx);
	net_filter_free(s->filter);
	packet_ring_free(s->ring);
	kfree(s);
}

static const struct channel_ops channel_ops = {.run = run, .free = packet_free};

/* ---- the socket ---- */

static int packet_bind(struct socket *sock, const struct sock_addr *a)
{
	struct packet_sock *s = packet_of(sock);
	struct sockaddr_ll ll = {0};

	if (a->len < offsetof(struct sockaddr_ll, sll_addr))
		return -EINVAL;
	memcpy(&ll, a->bytes, MIN((size_t)a->len, sizeof(ll)));
	if (ll.sll_family != AF_PACKET)
		return -EINVAL;
	if (ll.sll_ifindex != 0 && netif_by_index(ll.sll_ifindex) == NULL)
		return -ENODEV;
	channel_lock(&s->ch);
	s->ifindex = ll.sll_ifindex;
	if (ll.sll_protocol != 0)
		s->protocol = ll.sll_protocol;
	channel_unlock(&s->ch);
	return 0;
}

static int packet_name(struct socket *sock, bool peer, struct sock_addr *out)
{
	struct packet_sock *s = packet_of(sock);
	struct netif *nif = netif_by_index(s->ifindex);
	struct sockaddr_ll ll;

	if (peer)
		return -EOPNOTSUPP;
	fill_ll(&ll, nif, s->protocol, 0, nif != NULL ? nif->mac : NULL);
	out->len = sizeof(ll);
	memcpy(out->bytes, &ll, sizeof(ll));
	return 0;
}

/* Where a frame goes out, and to whom. */
static int destination(struct packet_sock *s, const struct sock_msg *m, struct netif **nif, struct sockaddr_ll *ll)
{
	int ifindex = s->ifindex;

	*ll = (struct sockaddr_ll){.sll_protocol = s->protocol};
	if (m->addr.len > 0) {
		if (m->addr.len < offsetof(struct sockaddr_ll, sll_addr))
			return -EINVAL;
		memcpy(ll, m->addr.bytes, MIN((size_t)m->addr.len, sizeof(*ll)));
		ifindex = ll->sll_ifindex;
	}
	*nif = netif_by_index(ifindex);
	if (*nif == NULL)
		return -ENXIO;
	return (*nif)->flags & IFF_UP ? 0 : -ENETDOWN;
}

static ssize_t packet_send(struct socket *sock, struct sock_msg *m)
{
	struct packet_sock *s = packet_of(sock);
	size_t bytes = m->uio->resid;
	struct sockaddr_ll ll;
	struct netif *nif;
	struct pbuf *p;
	int err = destination(s, m, &nif, &ll);

	if (err != 0)
		return err;
	uint32_t link = sock->type == SOCK_RAW ? ETH_HLEN : 0;
	if (bytes < link)
		return -EINVAL;
	if (bytes > nif->mtu + link || bytes > FRAME_MAX)
		return -EMSGSIZE;
	p = pbuf_alloc(PBUF_HEADROOM, bytes <= 2048 ? (uint32_t)bytes : 128);
	if (p == NULL)
		return -ENOBUFS;
	pbuf_trim(p, 0);
	err = pbuf_append_uio(p, (uint32_t)bytes, m->uio);
	if (err != 0 || !pbuf_need(p, link)) {
		pbuf_put(p);
		return err != 0 ? err : -EINVAL;
	}
	channel_lock(&s->ch); /* what loopback brings is run when it is released */
	if (!(nif->features & NETIF_ETHERNET)) {
		pbuf_pull(p, link);
	} else if (sock->type == SOCK_DGRAM) {
		struct ethhdr h = {.h_proto = ll.sll_protocol};
		memcpy(h.h_dest, ll.sll_addr, 6);
		memcpy(h.h_source, nif->mac, 6);
		memcpy(pbuf_push(p, sizeof(h)), &h, sizeof(h));
	}
	netif_transmit(nif, p);
	channel_unlock(&s->ch);
	return (ssize_t)bytes;
}

static void put_auxdata(const struct packet_sock *s, const struct pbuf *p, struct sock_msg *m)
{
	struct tpacket_auxdata aux = {
		.tp_status = TP_STATUS_USER | csum_status(p),
		.tp_len = (uint32_t)p->cb[CB_LEN],
		.tp_snaplen = p->len,
		.tp_net = s->sock.type == SOCK_RAW ? ETH_HLEN : 0,
	};

	sock_control_put(m, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof(aux));
}

static ssize_t packet_recv(struct socket *sock, struct sock_msg *m)
{
	struct packet_sock *s = packet_of(sock);
	struct pbuf *p = NULL;
	ssize_t n = 0;

	channel_lock(&s->ch);
	channel_run(&s->ch);
	if (s->rx.nr == 0)
		n = m->flags & MSG_DONTWAIT
			    ? -EAGAIN
			    : channel_wait(&s->ch, s->rx.nr > 0, socket_deadline(sock->rcv_timeout_ns), true);
	if (n == 0)
		p = m->flags & MSG_PEEK ? pbuf_get(s->rx.first) : pbuf_queue_pop(&s->rx);
	channel_unlock(&s->ch);
	if (p == NULL)
		return n == -ETIMEDOUT ? -EAGAIN : n;
	uint32_t fits = (uint32_t)MIN((size_t)p->len, m->uio->resid);
	n = pbuf_copy_to_uio(p, 0, fits, m->uio);
	if (n >= 0) {
		struct sockaddr_ll ll;
		sender_of(p, &ll);
		m->addr.len = sizeof(ll);
		memcpy(m->addr.bytes, &ll, sizeof(ll));
		if (s->auxdata)
			put_auxdata(s, p, m);
		if (fits < p->len)
			m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC)
			n = (ssize_t)p->len;
	}
	pbuf_put(p);
	return n;
}

static uint32_t packet_poll(struct socket *sock, struct file *f, struct poll_table *pt)
{
	struct packet_sock *s = packet_of(sock);
	uint32_t mask = POLLOUT | POLLWRNORM;

	poll_wait(f, &s->ch.wq, pt);
	channel_lock(&s->ch);
	channel_run(&s->ch);
	if (is_readable(s))
		mask |= POLLIN | POLLRDNORM;
	channel_unlock(&s->ch);
	return mask;
}

static int packet_shutdown(struct socket *sock, int how)
{
	(void)sock;
	(void)how;
	return -EOPNOTSUPP;
}

static void packet_release(struct socket *sock)
{
	struct packet_sock *s = packet_of(sock);

	spin_lock(&lock);
	list_remove(&s->link);
	packet_listeners--;
	spin_unlock(&lock);
	channel_put(&s->ch);
}

static const struct socket_ops socket_ops = {
	.own_locks = true,
	.bind = packet_bind,
	.name = packet_name,
	.shutdown = packet_shutdown,
	.send = packet_send,
	.recv = packet_recv,
	.poll = packet_poll,
	.set_option = packet_set_option,
	.get_option = packet_get_option,
	.check_map = packet_check_map,
	.map = packet_map,
	.ioctl = inet_ioctl,
	.release = packet_release,
};

int packet_create(int type, int protocol, struct socket **out)
{
	struct packet_sock *s;

	if (!capable(CAP_NET_RAW))
		return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	s = kzalloc(sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	socket_init(&s->sock, &socket_ops, AF_PACKET, type, protocol);
	s->sock.priv = s;
	s->protocol = (uint16_t)protocol;
	channel_init(&s->ch, &channel_ops, SOCK_BUFFER_BYTES);
	ktimer_init_unlocked(&s->timer, timer_fired, s);
	pbuf_queue_init(&s->rx);
	spin_lock(&lock);
	list_push_back(&all, &s->link);
	packet_listeners++;
	spin_unlock(&lock);
	*out = &s->sock;
	return 0;
}
