/* SPDX-License-Identifier: MIT */
/*
 * neigh.h - link addresses of neighbours, for ARP (RFC 826) and neighbour discovery (RFC 4861), whose states it has.
 * Bounded: at most NEIGH_MAX entries and NEIGH_QUEUE_MAX packets waiting for each. Only what we asked for, or who asked
 * for us, makes an entry. Locks: one for the table, held for a few instructions; most packets are sent without it, by
 * what their route remembers.
 */
#ifndef CAY_KERNEL_NET_NEIGH_H
#define CAY_KERNEL_NET_NEIGH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/ip.h"

#define NEIGH_MAX       512u
#define NEIGH_QUEUE_MAX 32u

enum neigh_state { NEIGH_INCOMPLETE, NEIGH_REACHABLE, NEIGH_STALE, NEIGH_DELAY, NEIGH_PROBE };

void neigh_init(void); /* before there are packets */

/* Sends p, with its IP header, to r->next_hop on r->netif, or keeps it until the link address is known. Consumes p.
 * 0, -ENOBUFS, -EHOSTUNREACH. */
int neigh_output(struct route *r, struct pbuf *p);

/* Somebody said that addr is at mac. create: make an entry if there is none (they asked for us). confirmed: an answer
 * to our question, so it is reachable; else stale. override: replaces another link address. */
void neigh_learn(struct netif *nif, const struct ipaddr *addr, const uint8_t mac[6], bool create, bool confirmed,
		 bool override);

/* For ip-neighbour lists: the nth entry; false at the end. */
struct neigh_info {
	struct ipaddr addr;
	uint8_t mac[6];
	enum neigh_state state;
	int ifindex;
};
bool neigh_get(unsigned n, struct neigh_info *out);

/* arp.c */
struct pbuf;
void arp_input(struct pbuf *p);
/* dst: the last known link address, or NULL for all. */
void arp_solicit(struct netif *nif, const struct ipaddr *addr, const uint8_t *dst);
/* Says that addr is ours. */
void arp_announce(struct netif *nif, const struct ipaddr *addr);

/* ndp.c */
void ndp_input(struct pbuf *p, uint8_t type);
void ndp_solicit(struct netif *nif, const struct ipaddr *addr, const uint8_t *dst);

#endif
