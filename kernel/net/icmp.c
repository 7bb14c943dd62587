/* SPDX-License-Identifier: MIT */
/* icmp.c - see icmp.h. */
#include "kernel/net/icmp.h"

#include <errno.h>
#include <time.h> /* before errqueue.h, which does not include it */

#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "kernel/net/net_priv.h"
#include "kernel/net/rate.h"

static struct net_rate answers = NET_RATE(1000);

bool icmp_may_answer(const struct pbuf *p)
{
	if (p->link_multicast || ipaddr_is_multicast(&p->dst) || ipaddr_is_any(&p->src) ||
	    ipaddr_is_multicast(&p->src) || netif_is_broadcast(p->netif, &p->dst))
		return false;
	return (p->netif->flags & IFF_LOOPBACK) || net_rate_allows(&answers);
}

void icmp_report(struct pbuf *p)
{
	uint16_t ports[2];
	struct channel *ch;

	if (!pbuf_need(p, sizeof(ports))) {
		net_drop(p->netif, NET_DROP_ICMP_BAD, p);
		return;
	}
	memcpy(ports, p->data, sizeof(ports));
	/* The lookup sees the quoted packet as if it had come from its destination. */
	struct ipaddr ours = p->src, theirs = p->dst;
	p->src = theirs;
	p->dst = ours;
	p->sport = ports[1];
	p->dport = ports[0];
	ch = channel_lookup(p);
	if (ch == NULL) {
		net_drop(p->netif, NET_DROP_NO_SOCKET, p);
		return;
	}
	p->src = ours;
	p->dst = theirs;
	p->sport = ports[0];
	p->dport = ports[1];
	p->is_error = true;
	/* TCP believes it for the sequence number that is quoted (tcp_sock.c), others for the ports. */
	if (p->error.shrinks_path && p->proto != IPPROTO_TCP)
		pmtu_update(&theirs, p->error.info);
	if (p->proto == IPPROTO_UDP && p->len >= 8)
		pbuf_pull(p, 8); /* what the user sent */
	channel_queue(ch, p);
	channel_put(ch);
}

/* An IP packet of ours, as it was to be sent, could not be: p stays the caller's. */
void ip_report_unreachable(struct pbuf *p, int err)
{
	struct pbuf *copy = pbuf_clone(p, 0);
	bool v4 = p->len > 0 && p->data[0] >> 4 == 4;
	unsigned header;

	if (copy == NULL)
		return;
	if (v4) {
		struct iphdr h;
		memcpy(&h, copy->data, sizeof(h));
		copy->src = ipaddr_v4(h.saddr);
		copy->dst = ipaddr_v4(h.daddr);
		copy->proto = h.protocol;
		header = h.ihl * 4u;
	} else {
		struct ip6_hdr h;
		memcpy(&h, copy->data, sizeof(h));
		copy->src = ipaddr_v6(&h.ip6_src);
		copy->dst = ipaddr_v6(&h.ip6_dst);
		copy->proto = h.ip6_nxt;
		header = sizeof(h);
	}
	pbuf_pull(copy, header);
	copy->error = (struct net_error){.err = err, .origin = SO_EE_ORIGIN_LOCAL, .hard = true, .offender = copy->src};
	icmp_report(copy);
}
