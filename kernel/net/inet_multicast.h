/* SPDX-License-Identifier: MIT */
/* inet_multicast.h - groups that a socket has joined (RFC 3493 section 5.2), and whose data it wants (RFC 3678). */
#ifndef CAY_KERNEL_NET_INET_MULTICAST_H
#define CAY_KERNEL_NET_INET_MULTICAST_H

#include "kernel/net/inet.h"

#define INET_SOURCES_MAX 10 /* of one membership: net.ipv4.igmp_max_msf */

/* Options that are about groups. -ENOPROTOOPT: not one of them. Lock held, for all functions here. */
int inet_multicast_set(struct inet_sock *in, int level, int name, const void *value, unsigned len);

/* Whose data of a group, joined on the interface ifindex, the socket wants. */
struct inet_sources {
	bool include; /* theirs alone; else everybody's but theirs */
	unsigned nr;
	struct ipaddr addr[INET_SOURCES_MAX];
};
/* Replaces the list; nobody at all is to leave the group. -EINVAL: not joined, or no group. */
MUST_CHECK int inet_sources_set(struct inet_sock *in, const struct ipaddr *group, int ifindex,
				const struct inet_sources *s);
/* -EADDRNOTAVAIL: not joined. */
MUST_CHECK int inet_sources_get(struct inet_sock *in, const struct ipaddr *group, int ifindex, struct inet_sources *s);
/* The interface for a group: by index, by one of its addresses, or the one that multicast leaves by. NULL: none. */
struct netif *inet_group_interface(const struct ipaddr *group, int ifindex, const struct ipaddr *addr);
/* An address of the program. False: of another family. */
MUST_CHECK bool inet_group_addr(const struct sockaddr_storage *a, struct ipaddr *out);

/* inet_msfilter.c: the options IP_MSFILTER and MCAST_MSFILTER. -ENOPROTOOPT: another one. */
int inet_msfilter_set(struct inet_sock *in, int level, int name, const void *value, unsigned len);
/* value: what the program has there, of *len bytes; *len: the answer's. */
int inet_msfilter_get(struct inet_sock *in, int level, int name, void *value, unsigned *len);

#endif
