/* SPDX-License-Identifier: MIT */
/*
 * filter.h - classic BPF programs on sockets (SO_ATTACH_FILTER, socket(7)): which packets a socket gets, and how much
 * of them. A program is checked when it is attached: known instructions, jumps forward and inside, no memory word read
 * before it is written, a return at the end. So it ends after at most as many steps as it has instructions. On packet,
 * raw, UDP, TCP and Unix sockets; the program sees what Linux shows it: the link header, the IP header, theirs, the
 * data.
 */
#ifndef CAY_KERNEL_NET_FILTER_H
#define CAY_KERNEL_NET_FILTER_H

#include <linux/filter.h>

#include "kernel/net/channel.h"

struct net_filter;

/* The filter's options at SOL_SOCKET: SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER. */
bool net_filter_is_option(int level, int name);
/*
 * setsockopt with one of them; value: kernel memory, but the struct sock_fprog in it points to the program's. ch's lock
 * guards *slot; not held. -EINVAL, -EFAULT, -ENOMEM; -ENOENT: nothing to detach; -EPERM: locked.
 */
int net_filter_set(struct channel *ch, struct net_filter **slot, int name, const void *value, unsigned len);
/* The same in two steps, for sockets with locks of another kind. First what may fault: the filter that name asks for,
 * NULL for none. -EINVAL, -EFAULT, -ENOMEM. */
MUST_CHECK int net_filter_make(int name, const void *value, unsigned len, struct net_filter **new);
/* Then, under the lock, the change; *old is the caller's to free whatever comes out. -ENOENT, -EPERM. */
MUST_CHECK int net_filter_swap(struct net_filter **slot, int name, struct net_filter *new, struct net_filter **old);
void net_filter_free(struct net_filter *f);       /* NULL is allowed */
void net_filter_free_later(struct net_filter *f); /* the same, where readers take no lock (rcu.h) */
/* One of its own for a connection that a listener made; out is NULL if f is. False: no memory. */
MUST_CHECK bool net_filter_copy(const struct net_filter *f, struct net_filter **out);

/* Is this a program that may run? nr: 1 to BPF_MAXINSNS. */
bool net_filter_is_valid(const struct sock_filter *insn, unsigned nr);
/* What a frame does not say of itself. */
struct net_filter_frame {
	uint16_t protocol; /* EtherType, network order */
	uint8_t type;      /* PACKET_HOST... */
};
/* Bytes of p, whose data is what the program sees, that the socket shall get; 0: none. f NULL: all. Any context. */
uint32_t net_filter_run(const struct net_filter *f, const struct pbuf *p);
/* The same for a frame at its link header, or behind it. */
uint32_t net_filter_run_frame(const struct net_filter *f, const struct pbuf *p, const struct net_filter_frame *about);
/* For data that is no packet of a network, len > 0. */
uint32_t net_filter_run_flat(const struct net_filter *f, const void *data, uint32_t len);
/* about NULL: not a frame. */
uint32_t net_filter_run_program(const struct sock_filter *insn, const struct pbuf *p,
				const struct net_filter_frame *about);

#endif
