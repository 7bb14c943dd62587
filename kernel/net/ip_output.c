/* SPDX-License-Identifier: MIT */
/* ip_output.c - sending: the IP header, fragments when they must be, and the way to the link. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "abi/layout.h"
#include "kernel/dev/random.h"
#include "kernel/mm/percpu.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "lib/inet_checksum.h"

#define DEFAULT_TTL 64
#define IP_LEN_MAX  65535u
#define FRAG_UNIT   8u /* offsets of fragments count in these */

/* Identification of packets that may be cut: unpredictable, different for each destination (RFC 7739). Each CPU counts
 * for itself, in steps that keep them apart. */
static uint32_t next_ident(const struct ipaddr *dst)
{
	static struct {
		uint32_t next[64];
	} ALIGNED(64) counters[CAY_VCPU_MAX];
	uint32_t hash = (uint32_t)siphash13_words(net_secret(), dst->q, 2), cpu = percpu_id();

	return hash + cpu + percpu_nr() * counters[cpu].next[hash % 64]++;
}

/* offset: in bytes; more: not the last piece. */
static void push_header4(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, const struct ip_send *how,
			 uint16_t ident, unsigned frag_off)
{
	unsigned header = sizeof(struct iphdr) + how->options_bytes;
	struct iphdr h = {
		.version = 4,
		.ihl = (header / 4) & 0xf,
		.tos = how->tos,
		.tot_len = htons((uint16_t)(p->len + header)),
		.id = ident,
		.frag_off = htons((uint16_t)frag_off),
		.ttl = how->ttl != 0 ? how->ttl : DEFAULT_TTL,
		.protocol = how->proto,
		.saddr = src->w[3],
		.daddr = dst->w[3],
	};
	uint8_t *at = pbuf_push(p, header);

	memcpy(at, &h, sizeof(h));
	if (how->options_bytes > 0)
		memcpy(at + sizeof(h), how->options, how->options_bytes);
	h.check = inet_checksum(at, header);
	memcpy(at + offsetof(struct iphdr, check), &h.check, sizeof(h.check));
	p->l3 = pbuf_mark(p, at);
}

static void push_header6(struct pbuf *p, const struct ipaddr *src, const struct ipaddr *dst, const struct ip_send *how,
			 uint8_t next)
{
	struct ip6_hdr h = {
		.ip6_flow = htonl(6u << 28 | (uint32_t)how->tos << 20 | (how->flow_label & 0xfffff)),
		.ip6_plen = htons((uint16_t)p->len),
		.ip6_nxt = next,
		.ip6_hlim = how->ttl != 0 ? how->ttl : DEFAULT_TTL,
	};

	memcpy(&h.ip6_src, src, 16);
	memcpy(&h.ip6_dst, dst, 16);
	memcpy(pbuf_push(p, sizeof(h)), &h, sizeof(h));
	p->l3 = pbuf_mark(p, p->data);
}

/* To the link, with its IP header on. */
static int to_link(struct route *r, struct pbuf *p)
{
	if (!(r->netif->flags & IFF_UP)) {
		pbuf_put(p);
		return -ENETDOWN;
	}
	if (!(r->netif->features & NETIF_ETHERNET)) {
		netif_transmit(r->netif, p);
		return 0;
	}
	return neigh_output(r, p);
}

/* A piece of p, bytes [off, off + len), with room for headers. */
static struct pbuf *piece_of(const struct pbuf *p, uint32_t off, uint32_t len)
{
	struct pbuf *piece = pbuf_alloc(PBUF_HEADROOM, 0);

	if (piece != NULL && !pbuf_add_range(piece, p, off, len)) {
		pbuf_put(piece);
		piece = NULL;
	}
	return piece;
}

static int send_pieces(struct route *r, struct pbuf *p, const struct ipaddr *src, const struct ip_send *how, bool v4)
{
	uint32_t header =
		v4 ? sizeof(struct iphdr) + how->options_bytes : sizeof(struct ip6_hdr) + sizeof(struct ip6_frag);
	uint32_t room = ALIGN_DOWN(r->mtu - header, FRAG_UNIT), ident = next_ident(&r->dst);
	int err = 0;

	if (!pbuf_complete_csum(p)) {
		pbuf_put(p);
		return -EINVAL;
	}
	for (uint32_t off = 0; off < p->len && err == 0; off += room) {
		uint32_t len = MIN(room, p->len - off);
		bool more = off + len < p->len;
		struct pbuf *piece = piece_of(p, off, len);
		if (piece == NULL) {
			err = -ENOBUFS;
			break;
		}
		if (v4) {
			push_header4(piece, src, &r->dst, how, (uint16_t)ident, off / FRAG_UNIT | (more ? IP_MF : 0));
		} else {
			struct ip6_frag f = {
				.ip6f_nxt = how->proto,
				.ip6f_offlg = htons((uint16_t)(off | (more ? 1 : 0))),
				.ip6f_ident = htonl(ident),
			};
			memcpy(pbuf_push(piece, sizeof(f)), &f, sizeof(f));
			push_header6(piece, src, &r->dst, how, IPPROTO_FRAGMENT);
		}
		err = to_link(r, piece);
	}
	pbuf_put(p);
	return err;
}

static int send_copy_to_ourselves(struct pbuf *p)
{
	struct pbuf *copy = pbuf_clone(p, 0);

	if (copy == NULL)
		return -ENOBUFS;
	netif_transmit(&loopback, copy);
	return 0;
}

int ip_output(struct route *r, struct pbuf *p, const struct ipaddr *src, const struct ip_send *how)
{
	bool v4 = ipaddr_is_v4(&r->dst);
	uint32_t header = v4 ? sizeof(struct iphdr) + how->options_bytes : sizeof(struct ip6_hdr);

	p->l4 = pbuf_mark(p, p->data);
	if (p->len + header > IP_LEN_MAX + (v4 ? 0 : sizeof(struct ip6_hdr)) ||
	    (p->gso == PBUF_GSO_NONE && p->len + header > r->mtu && how->df)) {
		r->netif->stats.drop[NET_DROP_TOO_BIG]++;
		pbuf_put(p);
		return -EMSGSIZE;
	}
	if (p->gso == PBUF_GSO_NONE && p->len + header > r->mtu)
		return send_pieces(r, p, src, how, v4);
	if (v4) {
		bool atomic = how->df || p->gso != PBUF_GSO_NONE;
		/* One that nobody may cut needs no identification (RFC 6864). */
		push_header4(p, src, &r->dst, how, atomic ? 0 : (uint16_t)next_ident(&r->dst), atomic ? IP_DF : 0);
	} else {
		push_header6(p, src, &r->dst, how, how->proto);
	}
	if (r->type == RTN_BROADCAST && !(r->netif->flags & IFF_LOOPBACK))
		(void)send_copy_to_ourselves(p);
	return to_link(r, p);
}
