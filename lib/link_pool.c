/* SPDX-License-Identifier: MIT */
/*
 * link_pool.c - see link_pool.h. Memory order: the borrower's reads, then `returned` (release) | `returned` (acquire),
 * then the lender writes the block again. The lender enters `lent` after the record is visible: a new VM in the
 * borrower's place that takes over the count then sees the record too, and skips it; one that misses the count skips
 * the record all the same, and the block is out of use until that place changes hands again.
 */
#include "lib/link_pool.h"

#include "lib/string.h"

#define WORD_BITS 64u

static bool is_away(const struct link_pool *pool, unsigned block)
{
	for (unsigned to = 0; to < CAY_LINK_PEERS_MAX; to++)
		if (pool->lent[to][block] !=
		    __atomic_load_n(&pool->segment->returned[pool->place][to][block], __ATOMIC_ACQUIRE))
			return true;
	return false;
}

void link_pool_init(struct link_pool *pool, struct cay_link_segment *segment, unsigned place)
{
	memset(pool, 0, sizeof(*pool));
	pool->segment = segment;
	pool->place = place;
}

static void take_over(struct link_pool *pool)
{
	const struct cay_link_segment *segment = pool->segment;

	for (unsigned to = 0; to < CAY_LINK_PEERS_MAX; to++) {
		pool->lent_in_all[to] = READ_ONCE(segment->ring[pool->place][to].lent);
		for (unsigned i = 0; i < CAY_LINK_BLOCKS; i++)
			pool->lent[to][i] = READ_ONCE(segment->lent[pool->place][to][i]);
	}
	for (unsigned i = 0; i < CAY_LINK_BLOCKS; i++)
		pool->away[pool->nr_away++] = (uint8_t)i;
	pool->ready = true;
}

static void look_for_returned(struct link_pool *pool)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < pool->nr_away; i++) {
		if (is_away(pool, pool->away[i]))
			pool->away[kept++] = pool->away[i];
		else
			pool->idle[pool->nr_idle++] = pool->away[i];
	}
	pool->nr_away = kept;
}

int link_pool_take(struct link_pool *pool)
{
	if (!pool->ready)
		take_over(pool);
	if (pool->nr_idle == 0)
		look_for_returned(pool);
	return pool->nr_idle > 0 ? pool->idle[--pool->nr_idle] : -1;
}

void link_pool_put(struct link_pool *pool, unsigned block)
{
	if (is_away(pool, block))
		pool->away[pool->nr_away++] = (uint8_t)block;
	else
		pool->idle[pool->nr_idle++] = (uint8_t)block;
}

bool link_pool_may_lend(const struct link_pool *pool, unsigned peer, unsigned uses)
{
	uint32_t out = pool->lent_in_all[peer] - READ_ONCE(pool->segment->ring[pool->place][peer].returned);

	return uses <= LINK_LENT_MAX && (int32_t)out <= (int32_t)(LINK_LENT_MAX - uses);
}

void link_pool_lend(struct link_pool *pool, unsigned peer, unsigned block)
{
	pool->lent_in_all[peer]++;
	pool->lent[peer][block]++;
	pool->unshown[peer][block / WORD_BITS] |= 1ull << block % WORD_BITS;
}

void link_pool_show(struct link_pool *pool, unsigned peer)
{
	struct cay_link_segment *segment = pool->segment;

	for (unsigned word = 0; word < CAY_LINK_BLOCKS / WORD_BITS; word++) {
		uint64_t bits = pool->unshown[peer][word];

		pool->unshown[peer][word] = 0;
		for (; bits != 0; bits &= bits - 1) {
			unsigned block = word * WORD_BITS + (unsigned)__builtin_ctzll(bits);

			__atomic_store_n(&segment->lent[pool->place][peer][block], pool->lent[peer][block],
					 __ATOMIC_RELEASE);
		}
	}
	__atomic_store_n(&segment->ring[pool->place][peer].lent, pool->lent_in_all[peer], __ATOMIC_RELEASE);
}

void link_borrow_init(struct cay_link_segment *segment, unsigned to)
{
	for (unsigned from = 0; from < CAY_LINK_PEERS_MAX; from++) {
		struct cay_link_ring *ring = &segment->ring[from][to];
		uint32_t in_all = 0;

		if (READ_ONCE(ring->lent) == READ_ONCE(ring->returned))
			continue;
		for (unsigned i = 0; i < CAY_LINK_BLOCKS; i++) {
			uint32_t lent = __atomic_load_n(&segment->lent[from][to][i], __ATOMIC_ACQUIRE);
			uint32_t returned =
				__atomic_exchange_n(&segment->returned[from][to][i], lent, __ATOMIC_RELEASE);

			in_all += lent - returned;
		}
		__atomic_add_fetch(&ring->returned, in_all, __ATOMIC_RELEASE);
	}
}

void link_borrow_end(struct cay_link_segment *segment, unsigned from, unsigned to, unsigned block)
{
	__atomic_add_fetch(&segment->ring[from][to].returned, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&segment->returned[from][to][block], 1, __ATOMIC_RELEASE);
}
