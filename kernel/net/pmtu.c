/* SPDX-License-Identifier: MIT */
/*
 * pmtu.c - path MTUs learned from ICMP (RFC 1191, RFC 8201). A small cache with eviction of the oldest: what is lost is
 * learned again by the next packet that is too big. An entry holds for ten minutes, then larger packets are tried.
 */
#include "kernel/net/net_priv.h"
#include "kernel/time/clock.h"

#define ENTRIES     64u
#define LIFETIME_NS (600 * NSEC_PER_SEC)
#define MTU4_MIN    552u /* Linux's min_pmtu: what a forged message can do to a connection is bounded */
#define MTU6_MIN    1280u

static struct {
	struct ipaddr dst;
	uint32_t mtu; /* 0: free */
	uint64_t until_ns;
} cache[ENTRIES];
static struct spinlock lock = SPINLOCK_INIT("pmtu"); /* writers */
static struct seqcount seq;

void pmtu_update(const struct ipaddr *dst, uint32_t mtu)
{
	uint64_t now_ns = clock_monotonic_ns();
	unsigned use = 0;

	mtu = MAX(mtu, ipaddr_is_v4(dst) ? MTU4_MIN : MTU6_MIN);
	spin_lock(&lock);
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (cache[i].mtu != 0 && ipaddr_eq(&cache[i].dst, dst)) {
			use = i;
			break;
		}
		if (cache[i].until_ns < cache[use].until_ns)
			use = i;
	}
	bool known = cache[use].mtu != 0 && ipaddr_eq(&cache[use].dst, dst) && cache[use].until_ns > now_ns;
	if (!known || mtu < cache[use].mtu) {
		seq_write_begin(&seq);
		cache[use].dst = *dst;
		cache[use].mtu = mtu;
		cache[use].until_ns = now_ns + LIFETIME_NS;
		seq_write_end(&seq);
	}
	spin_unlock(&lock);
	route_invalidate_all();
}

uint32_t pmtu_lookup(const struct ipaddr *dst, uint32_t mtu_of_link)
{
	uint32_t mtu, begun;

	do {
		begun = seq_read_begin(&seq);
		mtu = mtu_of_link;
		for (unsigned i = 0; i < ENTRIES; i++)
			if (cache[i].mtu != 0 && ipaddr_eq(&cache[i].dst, dst) &&
			    cache[i].until_ns > clock_monotonic_ns())
				mtu = MIN(mtu, cache[i].mtu);
	} while (seq_read_retry(&seq, begun));
	return mtu;
}
