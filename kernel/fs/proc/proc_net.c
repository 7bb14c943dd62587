/* SPDX-License-Identifier: MIT */
/* proc_net.c - /proc/net: interfaces, addresses, routes, neighbours. Sockets: proc_net_sockets.c. Layouts: proc(5). */
#include <sys/socket.h>

#include <linux/route.h>
#include <linux/rtnetlink.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "lib/fmt.h"

static int show_dev(uint64_t id, struct text *t)
{
	(void)id;
	text_puts(t, "Inter-|   Receive                                                |  Transmit\n"
		     " face |bytes    packets errs drop fifo frame compressed multicast|"
		     "bytes    packets errs drop fifo colls carrier compressed\n");
	for (const struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		const struct netif_traffic traffic = netif_traffic(nif);
		const struct netif_stats *s = &nif->stats;
		uint64_t dropped = s->rx_dropped;
		for (unsigned i = 0; i < NET_DROP_NR; i++)
			dropped += s->drop[i];
		text_printf(
			t,
			"%6s: %7llu %7llu %4llu %4llu    0     0          0 %9llu %8llu %7llu %4llu %4llu    0     0 "
			"      0          0\n",
			nif->name, (unsigned long long)traffic.rx_bytes, (unsigned long long)traffic.rx_packets,
			(unsigned long long)s->rx_errors, (unsigned long long)dropped,
			(unsigned long long)s->rx_multicast, (unsigned long long)traffic.tx_bytes,
			(unsigned long long)traffic.tx_packets, (unsigned long long)s->tx_errors,
			(unsigned long long)s->tx_dropped);
	}
	return 0;
}

/* Why packets were dropped, one reason a line: ours alone. */
static int show_drops(uint64_t id, struct text *t)
{
	static const char *const reason[NET_DROP_NR] = {
		[NET_DROP_LINK_SHORT] = "link-short",     [NET_DROP_LINK_OTHER] = "link-other",
		[NET_DROP_LINK_PROTO] = "link-protocol",  [NET_DROP_ARP_BAD] = "arp-bad",
		[NET_DROP_IP_SHORT] = "ip-short",         [NET_DROP_IP_HEADER] = "ip-header",
		[NET_DROP_IP_CSUM] = "ip-checksum",       [NET_DROP_IP_ADDR] = "ip-address",
		[NET_DROP_IP_NOT_OURS] = "ip-not-ours",   [NET_DROP_IP_PROTO] = "ip-protocol",
		[NET_DROP_IP_EXT] = "ip-extension",       [NET_DROP_FRAG_BAD] = "fragment-bad",
		[NET_DROP_FRAG_LIMIT] = "fragment-limit", [NET_DROP_FRAG_TIMEOUT] = "fragment-timeout",
		[NET_DROP_ICMP_BAD] = "icmp-bad",         [NET_DROP_NDP_BAD] = "ndp-bad",
		[NET_DROP_L4_SHORT] = "transport-short",  [NET_DROP_L4_CSUM] = "transport-checksum",
		[NET_DROP_NO_SOCKET] = "no-socket",       [NET_DROP_SOCKET_FULL] = "socket-full",
		[NET_DROP_NO_MEMORY] = "no-memory",       [NET_DROP_NO_NEIGHBOUR] = "no-neighbour",
		[NET_DROP_TOO_BIG] = "too-big",
	};

	(void)id;
	for (const struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		for (unsigned i = 0; i < NET_DROP_NR; i++)
			if (nif->stats.drop[i] != 0)
				text_printf(t, "%s %s %llu\n", nif->name, reason[i] != NULL ? reason[i] : "?",
					    (unsigned long long)nif->stats.drop[i]);
	return 0;
}

static void put_hex(struct text *t, const struct ipaddr *a)
{
	for (unsigned i = 0; i < 16; i++)
		text_printf(t, "%02x", a->b[i]);
}

static int show_if_inet6(uint64_t id, struct text *t)
{
	(void)id;
	for (const struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		for (unsigned i = 0; i < nif->nr_addrs; i++) {
			const struct netif_addr *a = &nif->addr[i];
			unsigned scope = ipaddr_is_loopback(&a->addr)     ? 0x10
					 : ipaddr_is_link_local(&a->addr) ? 0x20
									  : 0;
			if (ipaddr_is_v4(&a->addr))
				continue;
			put_hex(t, &a->addr);
			text_printf(t, " %02x %02x %02x %02x %8s\n", (unsigned)nif->index, a->prefix, scope,
				    a->state == NETIF_ADDR_READY ? 0x80u : 0x40u, nif->name);
		}
	}
	return 0;
}

/* fn for each route that programs are shown: the table's, then those of the interfaces' prefixes. */
static void each_route(struct text *t, void (*fn)(struct text *t, const struct route_entry *e))
{
	struct route_entry e;

	for (unsigned i = 0; route_get(i, &e); i++)
		fn(t, &e);
	for (unsigned i = 0; route_get_link(i, &e); i++)
		fn(t, &e);
}

static void put_route4(struct text *t, const struct route_entry *e)
{
	unsigned bits = e->prefix - 96u, flags = RTF_UP;
	uint32_t mask = bits == 0 ? 0 : htonl(0xffffffffu << (32 - bits));

	if (!ipaddr_is_v4(&e->dst) || e->netif == NULL)
		return;
	if (e->gateway.w[3] != 0)
		flags |= RTF_GATEWAY;
	if (bits == 32)
		flags |= RTF_HOST;
	text_printf(t, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t0\t0\t0\n", e->netif->name, e->dst.w[3], e->gateway.w[3],
		    flags, e->metric, mask);
}

static int show_route(uint64_t id, struct text *t)
{
	(void)id;
	text_puts(t, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
	each_route(t, put_route4);
	return 0;
}

static void put_route6(struct text *t, const struct route_entry *e)
{
	unsigned flags = RTF_UP | (ipaddr_is_any(&e->gateway) ? 0u : RTF_GATEWAY);

	if (ipaddr_is_v4(&e->dst) || e->netif == NULL)
		return;
	put_hex(t, &e->dst);
	text_printf(t, " %02x ", e->prefix);
	put_hex(t, &IPADDR_ANY);
	text_puts(t, " 00 ");
	put_hex(t, &e->gateway);
	text_printf(t, " %08x %08x %08x %08x %8s\n", e->metric, 1u, 0u, flags, e->netif->name);
}

static int show_ipv6_route(uint64_t id, struct text *t)
{
	(void)id;
	each_route(t, put_route6);
	return 0;
}

static int show_arp(uint64_t id, struct text *t)
{
	struct neigh_info n;

	(void)id;
	text_puts(t, "IP address       HW type     Flags       HW address            Mask     Device\n");
	for (unsigned i = 0; neigh_get(i, &n); i++) {
		struct netif *nif = netif_by_index(n.ifindex);
		char ip[16];
		if (!ipaddr_is_v4(&n.addr) || nif == NULL)
			continue;
		fmt_snprintf(ip, sizeof(ip), "%u.%u.%u.%u", n.addr.b[12], n.addr.b[13], n.addr.b[14], n.addr.b[15]);
		text_printf(t, "%-16s 0x1         0x%x         %02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", ip,
			    n.state == NEIGH_INCOMPLETE ? 0u : 2u, n.mac[0], n.mac[1], n.mac[2], n.mac[3], n.mac[4],
			    n.mac[5], nif->name);
	}
	return 0;
}

const struct pseudo_node proc_net_nodes[] = {
	PSEUDO_FILE("dev", show_dev),
	PSEUDO_FILE("if_inet6", show_if_inet6),
	PSEUDO_FILE("route", show_route),
	PSEUDO_FILE("ipv6_route", show_ipv6_route),
	PSEUDO_FILE("arp", show_arp),
	PSEUDO_FILE("cay_drops", show_drops),
	PSEUDO_FILE("tcp", proc_show_tcp),
	PSEUDO_FILE("tcp6", proc_show_tcp6),
	PSEUDO_FILE("udp", proc_show_udp),
	PSEUDO_FILE("udp6", proc_show_udp6),
	PSEUDO_FILE("udplite", proc_show_udplite),
	PSEUDO_FILE("udplite6", proc_show_udplite6),
	PSEUDO_FILE("raw", proc_show_raw),
	PSEUDO_FILE("raw6", proc_show_raw6),
	PSEUDO_FILE("packet", proc_show_packet),
	PSEUDO_FILE("sockstat", proc_show_sockstat),
	PSEUDO_FILE("unix", proc_show_unix),
	PSEUDO_END,
};
