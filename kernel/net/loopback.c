/* SPDX-License-Identifier: MIT */
/*
 * loopback.c - packets to ourselves. A packet is classified as it is sent: it is in the receiver's inbox before the
 * sender's call goes on, and the receiver runs, or is woken, when the sender unlocks. No queue and no lock in between,
 * no checksum, no segmentation; the fragments are the sender's own.
 */
#include <errno.h>

#include "kernel/log.h"
#include "kernel/net/net_priv.h"

static void transmit(struct netif *nif, struct pbuf *p)
{
	if (p->refs > 1) { /* the sender keeps it: headers will be taken off a copy */
		struct pbuf *copy = pbuf_clone(p, 0);
		pbuf_put(p);
		p = copy;
	}
	if (p != NULL)
		netif_receive(nif, p);
	else
		nif->stats.tx_dropped++;
}

static const struct netif_ops ops = {
	.transmit = transmit,
};

struct netif loopback = {
	.name = "lo",
	.mtu = 65536,
	.features = NETIF_TX_CSUM | NETIF_TSO4 | NETIF_TSO6 | NETIF_USO | NETIF_LOOPBACK,
	.ops = &ops,
};

void loopback_init(void)
{
	struct ipaddr v4 = ipaddr_v4(htonl(INADDR_LOOPBACK)), v6 = {.b = {[15] = 1}};

	if (netif_register(&loopback) != 0 || netif_add_addr(&loopback, &v4, 8, NETIF_ADDR_READY) != 0 ||
	    netif_add_addr(&loopback, &v6, 128, NETIF_ADDR_READY) != 0)
		panic("no loopback interface");
	netif_set_up(&loopback, true);
	netif_set_carrier(&loopback, true);
}
