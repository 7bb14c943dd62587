/* SPDX-License-Identifier: MIT */
/* netif.c - the list of interfaces, and packets from and to drivers. Addresses: netif_addr.c. */
#include "kernel/net/netif.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/mm/percpu.h"
#include "kernel/net/ether.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/packet.h"
#include "lib/fmt.h"

static struct netif *first, **last = &first;
static int last_index;

struct netif *netif_first(void)
{
	return __atomic_load_n(&first, __ATOMIC_ACQUIRE); /* pairs with netif_register */
}

struct netif *netif_by_index(int index)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (nif->index == index)
			return nif;
	return NULL;
}

struct netif *netif_by_name(const char *name)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (strncmp(nif->name, name, sizeof(nif->name)) == 0)
			return nif;
	return NULL;
}

static void number_name(struct netif *nif)
{
	char pattern[IFNAMSIZ];
	char *percent;

	memcpy(pattern, nif->name, sizeof(pattern));
	percent = strchr(pattern, '%');
	if (percent == NULL)
		return;
	*percent = '\0';
	for (unsigned n = 0; n < 1000; n++) {
		fmt_snprintf(nif->name, sizeof(nif->name), "%s%u", pattern, n);
		if (netif_by_name(nif->name) == NULL)
			return;
	}
}

int netif_register(struct netif *nif)
{
	number_name(nif);
	if (netif_by_name(nif->name) != NULL)
		return -EEXIST;
	nif->index = ++last_index;
	spin_init(&nif->lock, "netif");
	if (nif->gso_max == 0)
		nif->gso_max = 65535;
	nif->flags |= nif->features & NETIF_LOOPBACK ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST;
	nif->next = NULL;
	__atomic_store_n(last, nif, __ATOMIC_RELEASE);
	last = &nif->next;
	return 0;
}

void netif_set_up(struct netif *nif, bool up)
{
	unsigned before = nif->flags;

	nif->flags = up ? nif->flags | IFF_UP : nif->flags & ~(unsigned)IFF_UP;
	route_invalidate_all();
	if (nif->flags != before)
		rtnetlink_tell_link(nif, IFF_UP);
}

void netif_set_carrier(struct netif *nif, bool on)
{
	unsigned before = nif->flags;

	nif->flags = on ? nif->flags | IFF_RUNNING : nif->flags & ~(unsigned)IFF_RUNNING;
	route_invalidate_all();
	if (nif->flags != before)
		rtnetlink_tell_link(nif, IFF_RUNNING);
}

struct netif_traffic netif_traffic(const struct netif *nif)
{
	struct netif_traffic sum = {0};

	for (unsigned i = 0; i < CAY_VCPU_MAX; i++) {
		sum.rx_packets += READ_ONCE(nif->traffic[i].rx_packets);
		sum.rx_bytes += READ_ONCE(nif->traffic[i].rx_bytes);
		sum.tx_packets += READ_ONCE(nif->traffic[i].tx_packets);
		sum.tx_bytes += READ_ONCE(nif->traffic[i].tx_bytes);
	}
	return sum;
}

static void receive_one(struct netif *nif, struct pbuf *p)
{
	p->netif = nif;
	packet_tap(nif, p, false);
	struct netif_traffic *t = &nif->traffic[percpu_id()];
	t->rx_packets++;
	t->rx_bytes += p->len;
	if (nif->features & NETIF_ETHERNET) {
		ether_input(p);
		return;
	}
	if (!pbuf_need(p, 1))
		net_drop(nif, NET_DROP_LINK_SHORT, p);
	else if (p->data[0] >> 4 == 4)
		ipv4_input(p);
	else if (p->data[0] >> 4 == 6)
		ipv6_input(p);
	else
		net_drop(nif, NET_DROP_LINK_PROTO, p);
}

void netif_classify(struct netif *nif, struct pbuf *batch)
{
	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		receive_one(nif, p);
	}
}

void netif_receive(struct netif *nif, struct pbuf *batch)
{
	netif_classify(nif, batch);
	if (!(nif->features & NETIF_LOOPBACK))
		channel_flush(); /* a packet to ourselves comes under its sender's lock: that flushes when it is free */
}

void netif_transmit(struct netif *nif, struct pbuf *p)
{
	if (!(nif->flags & IFF_UP) || (!(nif->features & NETIF_TX_CSUM) && !pbuf_complete_csum(p))) {
		nif->stats.tx_dropped++;
		pbuf_put(p);
		return;
	}
	struct netif_traffic *t = &nif->traffic[percpu_id()];
	t->tx_packets++;
	t->tx_bytes += p->len;
	p->next = NULL;
	packet_tap(nif, p, true);
	nif->ops->transmit(nif, p);
}
