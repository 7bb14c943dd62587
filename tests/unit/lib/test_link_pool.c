/* SPDX-License-Identifier: MIT */
/* test_link_pool.c - lending blocks: who has which, across VMs that come and go, and hostile counters. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/link_pool.h"

static struct cay_link_segment *segment_new(void)
{
	return calloc(1, sizeof(struct cay_link_segment));
}

static unsigned take_all(struct link_pool *pool, bool *seen)
{
	unsigned n = 0;
	int block;

	while ((block = link_pool_take(pool)) >= 0) {
		assert_true(block < (int)CAY_LINK_BLOCKS && !seen[block]);
		seen[block] = true;
		n++;
	}
	return n;
}

static void test_a_lent_block_is_nobodys_when_it_is_returned(void **state)
{
	struct cay_link_segment *s = segment_new();
	bool seen[CAY_LINK_BLOCKS] = {false};
	struct link_pool pool;

	(void)state;
	link_pool_init(&pool, s, 2);
	assert_int_equal(take_all(&pool, seen), CAY_LINK_BLOCKS);
	link_pool_lend(&pool, 5, 7);
	link_pool_lend(&pool, 5, 7);
	link_pool_lend(&pool, 6, 7);
	link_pool_show(&pool, 5);
	link_pool_show(&pool, 6);
	link_pool_put(&pool, 7);
	assert_int_equal(link_pool_take(&pool), -1);
	link_borrow_end(s, 2, 5, 7);
	link_borrow_end(s, 2, 6, 7);
	assert_int_equal(link_pool_take(&pool), -1);
	link_borrow_end(s, 2, 5, 7);
	assert_int_equal(link_pool_take(&pool), 7);
	link_pool_put(&pool, 7);
	assert_int_equal(link_pool_take(&pool), 7);
	free(s);
}

static void test_a_new_lender_keeps_off_what_is_lent(void **state)
{
	struct cay_link_segment *s = segment_new();
	bool seen[CAY_LINK_BLOCKS] = {false};
	struct link_pool old, new;

	(void)state;
	link_pool_init(&old, s, 0);
	assert_true(link_pool_take(&old) >= 0);
	link_pool_lend(&old, 1, 9);
	link_pool_show(&old, 1);
	link_pool_init(&new, s, 0);
	assert_int_equal(take_all(&new, seen), CAY_LINK_BLOCKS - 1);
	assert_false(seen[9]);
	link_borrow_end(s, 0, 1, 9);
	assert_int_equal(link_pool_take(&new), 9);
	free(s);
}

static void test_a_new_borrower_has_nothing(void **state)
{
	struct cay_link_segment *s = segment_new();
	bool seen[CAY_LINK_BLOCKS] = {false};
	struct link_pool pool;

	(void)state;
	link_pool_init(&pool, s, 3);
	take_all(&pool, seen);
	for (unsigned i = 0; i < LINK_LENT_MAX; i++) {
		assert_true(link_pool_may_lend(&pool, 1, 1));
		link_pool_lend(&pool, 1, i);
		link_pool_put(&pool, i);
	}
	link_pool_show(&pool, 1);
	assert_false(link_pool_may_lend(&pool, 1, 1));
	assert_true(link_pool_may_lend(&pool, 2, 17));
	assert_int_equal(link_pool_take(&pool), -1);
	link_borrow_init(s, 1);
	assert_true(link_pool_may_lend(&pool, 1, LINK_LENT_MAX));
	assert_false(link_pool_may_lend(&pool, 1, LINK_LENT_MAX + 1));
	memset(seen, 0, sizeof(seen));
	assert_int_equal(take_all(&pool, seen), LINK_LENT_MAX);
	free(s);
}

static void test_references(void **state)
{
	static const struct cay_link_ref good[] = {{0, 1}, {0, CAY_LINK_BLOCK_BYTES}, {CAY_LINK_POOL_BYTES - 1, 1}};
	static const struct cay_link_ref bad[] = {{0, 0},
						  {0, CAY_LINK_BLOCK_BYTES + 1},
						  {1, CAY_LINK_BLOCK_BYTES},
						  {CAY_LINK_POOL_BYTES, 1},
						  {CAY_LINK_POOL_BYTES - 1, 2},
						  {1, UINT32_MAX},
						  {UINT32_MAX, 1}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(link_ref_is_good(&good[i]));
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(link_ref_is_good(&bad[i]));
}

/* Whatever peers write into the counters, we stay within our tables and never own a block twice. */
static void test_hostile(void **state)
{
	struct cay_link_segment *s = segment_new();
	bool ours[CAY_LINK_BLOCKS] = {false};
	uint64_t seed = 1;
	struct link_pool pool;

	(void)state;
	link_pool_init(&pool, s, 1);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t r = (uint32_t)((seed = seed * 6364136223846793005ull + 1442695040888963407ull) >> 32);
		unsigned block = r % CAY_LINK_BLOCKS, peer = r >> 8 & 7;
		int got;

		switch (r >> 16 & 7) {
		case 0:
			s->returned[1][peer][block] = r;
			break;
		case 1:
			s->ring[1][peer].returned = r;
			break;
		case 2:
		case 3:
			got = link_pool_take(&pool);
			if (got >= 0) {
				assert_false(ours[got]);
				ours[got] = true;
			}
			break;
		case 4:
			if (ours[block])
				link_pool_put(&pool, block);
			ours[block] = false;
			break;
		case 5:
			if (ours[block] && link_pool_may_lend(&pool, peer, 1))
				link_pool_lend(&pool, peer, block);
			break;
		case 6:
			link_pool_show(&pool, peer);
			break;
		default:
			link_borrow_end(s, 1, peer, block);
		}
		assert_true(pool.nr_idle + pool.nr_away <= CAY_LINK_BLOCKS);
	}
	free(s);
}

/* Two threads: what is lent is not written before it is returned. */
#define USES 200000u

struct pair {
	struct cay_link_segment *s;
	uint32_t data[CAY_LINK_BLOCKS]; /* one word for each block */
	uint16_t queue[256];
	uint32_t sent, received; /* positions in queue */
};

static void *borrower(void *arg)
{
	struct pair *p = arg;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < USES; i++) {
		while (__atomic_load_n(&p->sent, __ATOMIC_ACQUIRE) == i)
			;
		unsigned block = p->queue[i % 256];
		wrong += p->data[block] != i;
		link_borrow_end(p->s, 0, 1, block);
		__atomic_store_n(&p->received, i + 1, __ATOMIC_RELEASE);
	}
	return (void *)(uintptr_t)wrong;
}

static void test_two_threads(void **state)
{
	struct pair p = {.s = segment_new()};
	struct link_pool pool;
	pthread_t t;
	void *wrong;

	(void)state;
	link_pool_init(&pool, p.s, 0);
	assert_int_equal(pthread_create(&t, NULL, borrower, &p), 0);
	for (uint32_t i = 0; i < USES; i++) {
		int block;

		while (i - __atomic_load_n(&p.received, __ATOMIC_ACQUIRE) >= 256)
			;
		while ((block = link_pool_take(&pool)) < 0)
			;
		p.data[block] = i;
		link_pool_lend(&pool, 1, (unsigned)block);
		p.queue[i % 256] = (uint16_t)block;
		__atomic_store_n(&p.sent, i + 1, __ATOMIC_RELEASE);
		link_pool_show(&pool, 1);
		link_pool_put(&pool, (unsigned)block);
	}
	pthread_join(t, &wrong);
	assert_null(wrong);
	free(p.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lent_block_is_nobodys_when_it_is_returned),
		cmocka_unit_test(test_a_new_lender_keeps_off_what_is_lent),
		cmocka_unit_test(test_a_new_borrower_has_nothing),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_two_threads),
	};

	return RUN_TESTS(tests);
}
