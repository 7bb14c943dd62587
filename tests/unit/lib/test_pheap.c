/* SPDX-License-Identifier: MIT */
/* The pairing heap against a sorted reference: order, removal from anywhere, long chains without deep recursion. */
#include "unit.h"

#include <stdlib.h>

#include "lib/list.h"
#include "lib/pheap.h"

#define NR 2000

static uint32_t seed = 12345;

static uint32_t rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void test_comes_out_sorted(void **state)
{
	static struct pheap_node n[NR];
	struct pheap h;
	uint64_t last = 0;

	(void)state;
	pheap_init(&h);
	for (int i = 0; i < NR; i++)
		pheap_insert(&h, &n[i], rnd() % 500);
	for (int i = 0; i < NR; i++) {
		struct pheap_node *m = pheap_min(&h);

		assert_non_null(m);
		assert_true(m->key >= last);
		last = m->key;
		pheap_remove(&h, m);
		assert_false(pheap_queued(m));
	}
	assert_null(pheap_min(&h));
}

static void test_random_removal_keeps_the_minimum_right(void **state)
{
	static struct pheap_node n[64];
	struct pheap h;

	(void)state;
	pheap_init(&h);
	for (int i = 0; i < 64; i++)
		pheap_node_init(&n[i]);
	for (int round = 0; round < 20000; round++) {
		struct pheap_node *x = &n[rnd() % 64];
		uint64_t min = UINT64_MAX;

		if (pheap_queued(x))
			pheap_remove(&h, x);
		else
			pheap_insert(&h, x, rnd());
		for (int i = 0; i < 64; i++) {
			if (pheap_queued(&n[i]) && n[i].key < min)
				min = n[i].key;
		}
		if (min == UINT64_MAX)
			assert_null(pheap_min(&h));
		else
			assert_int_equal(pheap_min(&h)->key, min);
	}
}

static void test_descending_inserts_make_a_chain(void **state)
{
	enum { LONG = 100000 };
	struct pheap_node *n = calloc(LONG, sizeof(*n));
	struct pheap h;

	(void)state;
	assert_non_null(n);
	pheap_init(&h);
	for (int i = 0; i < LONG; i++)
		pheap_insert(&h, &n[i], (uint64_t)(LONG - i));
	for (int i = LONG - 1; i >= 0; i--) {
		assert_ptr_equal(pheap_min(&h), &n[i]);
		pheap_remove(&h, &n[i]);
	}
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_out_sorted),
		cmocka_unit_test(test_random_removal_keeps_the_minimum_right),
		cmocka_unit_test(test_descending_inserts_make_a_chain),
	};
	return RUN_TESTS(tests);
}
