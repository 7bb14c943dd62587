/* SPDX-License-Identifier: MIT */
/* packet_priv.h - a packet socket: between packet.c, packet_options.c, packet_diag.c and /proc/net/packet. */
#ifndef CAY_KERNEL_NET_PACKET_PRIV_H
#define CAY_KERNEL_NET_PACKET_PRIV_H

#include "kernel/net/channel.h"
#include "kernel/net/filter.h"
#include "kernel/net/packet_ring.h"
#include "kernel/net/socket.h"
#include "kernel/time/clock.h"

struct packet_sock {
	struct socket sock; /* first */
	struct channel ch;
	struct list link;  /* all */
	uint16_t protocol; /* EtherType, network order; ETH_P_ALL; 0: nothing */
	int ifindex;       /* 0: all interfaces */
	bool auxdata, ignore_outgoing;
	struct pbuf_queue rx;
	struct net_filter *filter; /* NULL: none. Owned */
	struct packet_ring *ring;  /* NULL: none, frames go to rx. Owned */
	struct ktimer timer;       /* gives over a block of the ring that is not full */
	int version;               /* of the next ring */
	uint32_t reserve;
	uint32_t packets, drops; /* PACKET_STATISTICS: since it was last asked; drops are not among the packets */
};

#define PACKET_POST_TIMER 1u

static inline struct packet_sock *packet_of(struct socket *s)
{
	return s->priv;
}

/* For lists: fn is called under a spin lock, without the socket's; so it does not look at what ring points to. */
void packet_for_each(void (*fn)(const struct packet_sock *s, void *arg), void *arg);

/* packet_options.c */
int packet_set_option(struct socket *sock, int level, int name, const void *value, unsigned len);
int packet_get_option(struct socket *sock, int level, int name, void *value, unsigned *len);
int packet_map(struct socket *sock, uint64_t pgoff, size_t nr, struct page_run *run);
int packet_check_map(struct socket *sock, uint64_t offset, uint64_t bytes);

#endif
