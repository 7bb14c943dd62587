/* SPDX-License-Identifier: MIT */
/*
 * group_report.h - tells routers and switches on a link which groups we listen to: IGMPv3 (RFC 3376) and MLDv2 (RFC
 * 3810) for any source, and version 2 or MLDv1 while a querier of that kind is heard (RFC 2236, 2710). Interfaces that
 * do not say reports_groups stay silent. Queries are anybody's: what they make us send is bounded and spread over time.
 */
#ifndef CAY_KERNEL_NET_GROUP_REPORT_H
#define CAY_KERNEL_NET_GROUP_REPORT_H

#include "kernel/net/netif.h"

/* The first member has joined; the last one has left. Any thread; a channel's lock may be held. */
void group_joined(struct netif *nif, const struct ipaddr *group);
void group_left(struct netif *nif, const struct ipaddr *group);

/* A message of IGMP. Consumes p, at its transport header. */
void igmp_input(struct pbuf *p);
/* A multicast listener query, checksum verified, its header contiguous. p stays the caller's. */
void mld_query(struct pbuf *p);

#endif
