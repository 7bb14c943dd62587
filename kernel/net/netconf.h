/* SPDX-License-Identifier: MIT */
/*
 * netconf.h - the configuration of the VM's network: a card's addresses from the VMM (abi/net.h) or from DHCP, and the
 * name servers, which the program finds in /etc/resolv.conf.
 */
#ifndef CAY_KERNEL_NET_NETCONF_H
#define CAY_KERNEL_NET_NETCONF_H

#include "kernel/net/netif.h"

struct cay_net_config;
struct text;

/* Called once by a driver after netif_register: brings the interface up as its configuration says. cfg: a checked copy
 * in the kernel's own memory; not kept. */
void netconf_start(struct netif *nif, const struct cay_net_config *cfg);

#define NETCONF_DNS_MAX 3 /* what resolv.conf may name */
void netconf_add_dns(const struct ipaddr *server);
/* The nth, or NULL. */
const struct ipaddr *netconf_dns(unsigned n);

/* After fs_init, when a card was started: the files. */
void netconf_mount_files(void);
/* Gives DHCP a little time before the program starts: most programs do not try again. */
void netconf_wait(void);
/* A default route that came by `protocol` (RTPROT_*). */
void netconf_default_route(struct netif *nif, const struct ipaddr *gateway, uint8_t protocol);

#endif
