/* SPDX-License-Identifier: MIT */
/* packet_options.c - options of packet sockets, their statistics and rings (packet(7)). */
#include <errno.h>

#include "kernel/mm/page.h"
#include "kernel/net/packet_priv.h"
#include "kernel/sched/klock.h"
#include "lib/string.h"

#define INBOX_BYTES_MAX (8u << 20)

/* A new ring, or none (all sizes 0), in place of the old one. */
static int set_ring(struct packet_sock *s, const void *value, unsigned len)
{
	struct tpacket_req3 req = {0};
	struct packet_ring *ring = NULL, *old = NULL;
	size_t need = s->version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req);
	int err = 0;
	bool entered;

	if (len < need)
		return -EINVAL;
	memcpy(&req, value, need);
	/* A fault that was told of a page of the old ring has it in its tables, and counted, when it gives this back.
	 */
	entered = kernel_enter();
	channel_lock(&s->ch);
	if (s->ring != NULL && (req.tp_block_nr != 0 || packet_ring_is_mapped(s->ring)))
		err = -EBUSY;
	else if (req.tp_block_nr != 0)
		err = packet_ring_create(s->version, s->reserve, &req, &ring);
	else if (req.tp_frame_nr != 0)
		err = -EINVAL;
	if (err == 0) {
		old = s->ring;
		s->ring = ring;
		/* Frames wait there until this socket's turn to run comes. */
		s->ch.inbox_limit = SOCK_BUFFER_BYTES;
		if (ring != NULL)
			s->ch.inbox_limit = (uint32_t)MAX(MIN(packet_ring_bytes(ring), (uint64_t)INBOX_BYTES_MAX),
							  (uint64_t)SOCK_BUFFER_BYTES);
	}
	channel_unlock(&s->ch);
	packet_ring_free(old);
	if (entered)
		kernel_leave();
	return err;
}

/* What the next ring will be like. */
static int set_layout(struct packet_sock *s, int name, int v)
{
	int err = 0;

	if (name == PACKET_VERSION ? packet_ring_header(v) == 0 : v < 0)
		return -EINVAL;
	channel_lock(&s->ch);
	if (s->ring != NULL)
		err = -EBUSY;
	else if (name == PACKET_VERSION)
		s->version = v;
	else
		s->reserve = (uint32_t)v;
	channel_unlock(&s->ch);
	return err;
}

/* Memberships (promiscuous mode) change nothing: the card hands over all it gets. */
int packet_set_option(struct socket *sock, int level, int name, const void *value, unsigned len)
{
	struct packet_sock *s = packet_of(sock);
	int v;

	if (net_filter_is_option(level, name))
		return net_filter_set(&s->ch, &s->filter, name, value, len);
	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
		return len >= sizeof(struct packet_mreq) ? 0 : -EINVAL;
	if (name == PACKET_RX_RING)
		return set_ring(s, value, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	switch (name) {
	case PACKET_VERSION:
	case PACKET_RESERVE:
		return set_layout(s, name, v);
	case PACKET_AUXDATA:
		s->auxdata = v != 0;
		return 0;
	case PACKET_IGNORE_OUTGOING:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->ignore_outgoing = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

/* What has come since this was last asked, and is forgotten now. */
static struct tpacket_stats_v3 take_stats(struct packet_sock *s)
{
	struct tpacket_stats_v3 st = {0};

	channel_lock(&s->ch);
	channel_run(&s->ch);
	st.tp_drops = s->drops + __atomic_exchange_n(&s->ch.drops, 0, __ATOMIC_RELAXED);
	st.tp_packets = s->packets + st.tp_drops;
	s->packets = s->drops = 0;
	if (s->ring != NULL) {
		st.tp_freeze_q_cnt = s->ring->freezes;
		s->ring->freezes = 0;
	}
	channel_unlock(&s->ch);
	return st;
}

int packet_get_option(struct socket *sock, int level, int name, void *value, unsigned *len)
{
	struct packet_sock *s = packet_of(sock);
	struct tpacket_stats_v3 st;
	int v;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_STATISTICS:
		st = take_stats(s);
		*len = MIN(*len, (unsigned)(s->version == TPACKET_V3 ? sizeof(st) : sizeof(struct tpacket_stats)));
		memcpy(value, &st, *len);
		return 0;
	case PACKET_HDRLEN: /* the version is asked with it */
		if (*len < sizeof(v))
			return -EINVAL;
		memcpy(&v, value, sizeof(v));
		v = (int)packet_ring_header(v);
		if (v == 0)
			return -EINVAL;
		break;
	case PACKET_VERSION:
		v = s->version;
		break;
	case PACKET_RESERVE:
		v = (int)s->reserve;
		break;
	case PACKET_AUXDATA:
		v = s->auxdata;
		break;
	case PACKET_IGNORE_OUTGOING:
		v = s->ignore_outgoing;
		break;
	default:
		return -ENOPROTOOPT;
	}
	*len = MIN(*len, (unsigned)sizeof(v));
	memcpy(value, &v, *len);
	return 0;
}

/* ---- the ring in the program's memory ---- */

int packet_check_map(struct socket *sock, uint64_t offset, uint64_t bytes)
{
	struct packet_sock *s = packet_of(sock);
	int err;

	channel_lock(&s->ch);
	err = s->ring == NULL || offset != 0 || bytes != packet_ring_bytes(s->ring) ? -EINVAL : 0;
	channel_unlock(&s->ch);
	return err;
}

int packet_map(struct socket *sock, uint64_t pgoff, size_t nr, struct page_run *run)
{
	struct packet_sock *s = packet_of(sock);
	int err = -EINVAL;

	channel_lock(&s->ch);
	if (s->ring != NULL)
		err = packet_ring_map(s->ring, pgoff, nr, run);
	channel_unlock(&s->ch);
	return err;
}
