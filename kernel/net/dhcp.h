/* SPDX-License-Identifier: MIT */
/*
 * dhcp.h - a DHCP client (RFC 2131) for one interface: address, router, name servers, MTU. It is a user of the stack
 * like any other, with a channel on port 68; all of it runs under that channel's lock.
 */
#ifndef CAY_KERNEL_NET_DHCP_H
#define CAY_KERNEL_NET_DHCP_H

#include <stdbool.h>
#include <stdint.h>

struct netif;

/* Starts asking. Once: a second interface is refused with a line in the log. */
void dhcp_start(struct netif *nif);
/* Waits until there is an address, at most until deadline_ns. False: still none. True at once if nobody asked. */
bool dhcp_wait(uint64_t deadline_ns);

#endif
