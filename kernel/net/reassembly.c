/* SPDX-License-Identifier: MIT */
/*
 * reassembly.c - fragments of IPv4 (RFC 791, RFC 815's problem) and IPv6 (RFC 8200 section 4.5).
 *
 * Bounded against floods: FLOWS_MAX packets are being put together, each of at most PIECES_MAX fragments, all within
 * BYTES_MAX of memory; the oldest gives way. Overlapping fragments condemn their packet (RFC 5722, for IPv4 as well);
 * exact duplicates are ignored. A packet that is not whole after TIMEOUT_NS is dropped when the next fragment comes.
 */
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"
#include "lib/list.h"

#define FLOWS_MAX  64u
#define PIECES_MAX 64u
#define BYTES_MAX  (4u << 20)
#define TIMEOUT_NS (30 * NSEC_PER_SEC)

/* A packet that is being put together. Its pieces are in order of offset, linked by next; cb[0] is a piece's offset. */
struct flow {
	struct list link; /* oldest first */
	struct ipaddr src, dst;
	uint32_t ident;
	uint8_t proto;
	bool condemned; /* pieces overlapped: the rest is dropped as it comes */
	unsigned nr_pieces;
	uint32_t have, total; /* bytes; total 0: the end has not been seen */
	size_t memory;
	uint64_t until_ns;
	struct pbuf *pieces;
};

static struct list flows = LIST_INIT(flows);
static unsigned nr_flows;
static size_t memory;
static struct spinlock lock = SPINLOCK_INIT("reassembly");

static void drop_pieces(struct flow *f)
{
	pbuf_put_chain(f->pieces);
	f->pieces = NULL;
	memory -= f->memory;
	f->memory = 0;
}

static void forget(struct flow *f)
{
	drop_pieces(f);
	list_remove(&f->link);
	nr_flows--;
	kfree(f);
}

static void make_room(struct netif *nif, uint64_t now_ns)
{
	while (!list_empty(&flows)) {
		struct flow *f = list_first(&flows, struct flow, link);
		bool late = f->until_ns < now_ns;
		if (!late && nr_flows < FLOWS_MAX && memory < BYTES_MAX)
			return;
		nif->stats.drop[late ? NET_DROP_FRAG_TIMEOUT : NET_DROP_FRAG_LIMIT]++;
		forget(f);
	}
}

static struct flow *find_flow(const struct pbuf *p, uint32_t ident)
{
	list_for_each (f, &flows, link, struct flow)
		if (f->ident == ident && f->proto == p->proto && ipaddr_eq(&f->src, &p->src) &&
		    ipaddr_eq(&f->dst, &p->dst))
			return f;
	return NULL;
}

static struct flow *new_flow(const struct pbuf *p, uint32_t ident, uint64_t now_ns)
{
	struct flow *f = kzalloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->src = p->src;
	f->dst = p->dst;
	f->proto = p->proto;
	f->ident = ident;
	f->until_ns = now_ns + TIMEOUT_NS;
	list_push_back(&flows, &f->link);
	nr_flows++;
	return f;
}

/* False: it does not fit with what is there. *dup: it is there already. */
static bool insert(struct flow *f, struct pbuf *p, uint32_t off, bool *dup)
{
	struct pbuf **at = &f->pieces;

	*dup = false;
	while (*at != NULL && (*at)->cb[0] < off) {
		if ((*at)->cb[0] + (*at)->len > off)
			return false;
		at = &(*at)->next;
	}
	if (*at != NULL && (*at)->cb[0] == off && (*at)->len == p->len) {
		*dup = true;
		return true;
	}
	if ((*at != NULL && (*at)->cb[0] < off + p->len) || f->nr_pieces == PIECES_MAX)
		return false;
	p->cb[0] = off;
	p->next = *at;
	*at = p;
	f->nr_pieces++;
	f->have += p->len;
	f->memory += pbuf_truesize(p);
	memory += pbuf_truesize(p);
	return true;
}

/* Congestion experienced (RFC 3168 section 5.3): one piece is enough. */
static bool is_ce(const struct pbuf *p)
{
	return (p->tos & 3) == 3;
}

/* All pieces, put together behind the first one's headers. Lock not held; consumes the pieces. */
static struct pbuf *join(struct pbuf *pieces)
{
	struct pbuf *whole = pieces, *p = pieces->next;
	bool ok = true;

	whole->next = NULL;
	while (p != NULL) {
		struct pbuf *next = p->next;
		ok = ok && pbuf_add_range(whole, p, 0, p->len);
		whole->ecn_ce |= is_ce(p);
		pbuf_put(p);
		p = next;
	}
	whole->csum = PBUF_CSUM_NONE; /* a device has seen pieces only */
	if (ok)
		return whole;
	pbuf_put(whole); /* no memory */
	return NULL;
}

/* Do the pieces fit into one packet's slots? */
static bool fits_slots(const struct pbuf *pieces)
{
	unsigned slots = 0;

	for (const struct pbuf *p = pieces; p != NULL; p = p->next)
		slots += p->nr_frags + (p->head_len > 0 ? 1u : 0u);
	return slots <= PBUF_FRAGS_MAX;
}

/* Joins by copying: for packets in many pieces. */
static struct pbuf *join_by_copy(struct pbuf *pieces, uint32_t total)
{
	struct pbuf_block *b = pbuf_block_alloc(total);
	struct pbuf *whole = pieces;
	uint32_t off = 0;
	bool ok;

	if (b == NULL) {
		pbuf_put_chain(pieces);
		return NULL;
	}
	for (struct pbuf *p = pieces; p != NULL; p = p->next) {
		pbuf_copy_out(p, 0, b->mem + off, p->len);
		off += p->len;
		whole->ecn_ce |= is_ce(p);
	}
	pbuf_put_chain(pieces->next);
	whole->next = NULL;
	pbuf_trim(whole, 0);
	ok = pbuf_add_frag(whole, b, 0, total);
	pbuf_block_put(b);
	whole->csum = PBUF_CSUM_NONE;
	if (!ok) {
		pbuf_put(whole);
		return NULL;
	}
	return whole;
}

static struct pbuf *add(struct pbuf *p, uint32_t ident, uint32_t off, bool more)
{
	struct netif *nif = p->netif;
	uint64_t now_ns = clock_monotonic_ns();
	enum net_drop why = NET_DROP_FRAG_BAD;
	struct pbuf *pieces = NULL;
	bool dup = false, fits;
	uint32_t total = 0;

	if (p->len == 0 || (more && p->len % 8 != 0) || off + p->len > 65535 - (p->l4 - (uint32_t)p->l3)) {
		net_drop(nif, why, p);
		return NULL;
	}
	spin_lock(&lock);
	make_room(nif, now_ns);
	struct flow *f = find_flow(p, ident);
	if (f == NULL)
		f = new_flow(p, ident, now_ns);
	if (f == NULL) {
		why = NET_DROP_NO_MEMORY;
		goto drop;
	}
	uint32_t end = off + p->len;
	fits = !f->condemned && (f->total == 0 || (more ? end < f->total : end == f->total)) &&
	       (more || f->have + p->len <= end || f->total != 0);
	if (fits)
		fits = insert(f, p, off, &dup);
	if (!fits) {
		f->condemned = true;
		drop_pieces(f);
		goto drop;
	}
	if (dup)
		goto drop;
	if (!more)
		f->total = end;
	if (f->total != 0 && f->have > f->total) { /* a piece beyond the end */
		p = NULL;
		f->condemned = true;
		drop_pieces(f);
	}
	if (f->total != 0 && f->have == f->total && !f->condemned) {
		pieces = f->pieces;
		total = f->total;
		memory -= f->memory;
		f->pieces = NULL;
		f->memory = 0;
		forget(f);
	}
	spin_unlock(&lock);
	if (pieces == NULL)
		return NULL;
	return fits_slots(pieces) ? join(pieces) : join_by_copy(pieces, total);
drop:
	spin_unlock(&lock);
	net_drop(nif, why, p);
	return NULL;
}

struct pbuf *ip_reassemble4(struct pbuf *p, const struct iphdr *h)
{
	uint16_t frag = ntohs(h->frag_off);

	return add(p, h->id, (frag & IP_OFFMASK) * 8u, frag & IP_MF);
}

struct pbuf *ip_reassemble6(struct pbuf *p)
{
	struct ip6_frag f;

	if (!pbuf_need(p, sizeof(f))) {
		net_drop(p->netif, NET_DROP_FRAG_BAD, p);
		return NULL;
	}
	memcpy(&f, p->data, sizeof(f));
	pbuf_pull(p, sizeof(f));
	p->proto = f.ip6f_nxt;
	p->l4 = pbuf_mark(p, p->data);
	uint32_t off = ntohs(f.ip6f_offlg & IP6F_OFF_MASK);
	bool more = f.ip6f_offlg & IP6F_MORE_FRAG;
	if (off == 0 && !more)
		return p; /* an atomic fragment stands for itself (RFC 6946) */
	return add(p, f.ip6f_ident, off, more);
}
