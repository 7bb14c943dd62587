/* SPDX-License-Identifier: MIT */
/* netconf.c - see netconf.h. */
#include "kernel/net/netconf.h"

#include <linux/rtnetlink.h>

#include "abi/net.h"
#include "kernel/log.h"
#include "kernel/net/dhcp.h"
#include "kernel/net/ndp.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"

static struct ipaddr dns[NETCONF_DNS_MAX];
static unsigned nr_dns; /* only grows */
static struct spinlock dns_lock = SPINLOCK_INIT("dns");

void netconf_add_dns(const struct ipaddr *server)
{
	bool known = ipaddr_is_any(server);

	spin_lock(&dns_lock);
	for (unsigned i = 0; i < nr_dns; i++)
		known |= ipaddr_eq(&dns[i], server);
	if (nr_dns < NETCONF_DNS_MAX && !known) {
		dns[nr_dns] = *server;
		__atomic_store_n(&nr_dns, nr_dns + 1, __ATOMIC_RELEASE); /* pairs with netconf_dns */
	}
	spin_unlock(&dns_lock);
}

const struct ipaddr *netconf_dns(unsigned n)
{
	return n < __atomic_load_n(&nr_dns, __ATOMIC_ACQUIRE) ? &dns[n] : NULL;
}

static struct ipaddr v4_of(const uint8_t b[4])
{
	uint32_t v;

	memcpy(&v, b, 4);
	return ipaddr_v4(v);
}

void netconf_default_route(struct netif *nif, const struct ipaddr *gateway, uint8_t protocol)
{
	bool v4 = ipaddr_is_v4(gateway);
	struct route_entry e = {
		.dst = v4 ? ipaddr_v4(0) : IPADDR_ANY,
		.prefix = v4 ? 96 : 0,
		.type = RTN_UNICAST,
		.protocol = protocol,
		.gateway = *gateway,
		.netif = nif,
		.metric = v4 ? 0 : 1024,
		.valid_until_ns = UINT64_MAX,
	};

	if (!ipaddr_is_any(gateway))
		(void)route_add(&e);
}

static void set_static(struct netif *nif, const struct ipaddr *addr, uint8_t prefix, const struct ipaddr *gateway)
{
	if (ipaddr_is_any(addr))
		return;
	if (netif_add_addr(nif, addr, prefix, NETIF_ADDR_READY) != 0)
		klog("network: %s has no room for its address", nif->name);
	netconf_default_route(nif, gateway, RTPROT_STATIC);
}

void netconf_start(struct netif *nif, const struct cay_net_config *cfg)
{
	struct ipaddr addr4 = v4_of(cfg->ip4), gateway4 = v4_of(cfg->gateway4);
	struct ipaddr addr6 = ipaddr_v6(cfg->ip6), gateway6 = ipaddr_v6(cfg->gateway6), dns6 = ipaddr_v6(cfg->dns6);
	bool quiet = cfg->flags & CAY_NET_QUIET;

	nif->reports_groups = !quiet;
	netif_set_up(nif, true);
	netif_set_carrier(nif, true);
	slaac_start(nif, !quiet, cfg->flags & CAY_NET_SLAAC);
	set_static(nif, &addr4, cfg->prefix4, &gateway4);
	set_static(nif, &addr6, cfg->prefix6, &gateway6);
	for (unsigned i = 0; i < 2; i++) {
		struct ipaddr server = v4_of(cfg->dns4[i]);
		netconf_add_dns(&server);
	}
	netconf_add_dns(&dns6);
	netconf_mount_files();
	if (!quiet && !ipaddr_is_any(&addr4))
		arp_announce(nif, &addr4);
	if (cfg->flags & CAY_NET_DHCP)
		dhcp_start(nif);
}

#define DHCP_PATIENCE_NS (3 * NSEC_PER_SEC)

void netconf_wait(void)
{
	if (!dhcp_wait(clock_monotonic_ns() + DHCP_PATIENCE_NS))
		klog("network: no DHCP server answers yet; the program starts without an address");
}
