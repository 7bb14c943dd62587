/* SPDX-License-Identifier: MIT */
/* ndp.h - neighbour discovery, inside: between ndp.c (neighbours) and slaac.c (addresses and routers). */
#ifndef CAY_KERNEL_NET_NDP_H
#define CAY_KERNEL_NET_NDP_H

#include "kernel/net/netif.h"

/* A solicitation from nobody, which whoever has addr answers. */
void ndp_probe(struct netif *nif, const struct ipaddr *addr);
void ndp_solicit_routers(struct netif *nif);
/* The link address in the option `type` of a message whose options begin at off; NULL: none. *fine: well formed. */
const uint8_t *ndp_link_option(struct pbuf *p, uint32_t off, uint8_t type, bool *fine);

/* slaac.c */
/* Somebody else has addr, which is ours or was to be. */
void ndp_duplicate(struct netif *nif, const struct ipaddr *addr);
/* A router advertisement, contiguous; not consumed. */
void slaac_router_advert(struct pbuf *p);
/* Gives nif a link-local address and, if `routers`, asks for routers. probe: look for duplicates first. */
void slaac_start(struct netif *nif, bool probe, bool routers);

#endif
