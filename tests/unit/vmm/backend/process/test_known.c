/* SPDX-License-Identifier: MIT */
/* test_known.c - what the stub knows of its mappings: exact while there is room, and never wrong without saying so. */
// SOURCES: vmm/backend/process/stub/known.c
#include "unit.h"

#include "abi/layout.h"
#include "vmm/backend/process/stub/known.h"

#define BASE 0x555500000000ull

static void test_pages(void **state)
{
	bool stale;
	struct known_block *b = known_block(BASE, &stale);

	(void)state;
	assert_false(stale);
	known_set(b, 60, 70, true);
	known_set(b, 65, 66, false);
	b = known_block(BASE + CAY_HUGE_BYTES - 1, &stale);
	for (unsigned i = 0; i < KNOWN_BLOCK_PAGES; i++)
		assert_int_equal(known_is_mapped(b, i), i >= 60 && i < 70 && i != 65);
}

static void test_forget(void **state)
{
	bool stale;

	(void)state;
	known_set(known_block(BASE, &stale), 0, KNOWN_BLOCK_PAGES, true);
	known_forget_all();
	assert_false(known_is_mapped(known_block(BASE, &stale), 0));
	assert_false(stale);
}

/* More blocks than there is room for: each is either remembered, or stale when it comes back. */
static void test_more_than_fit(void **state)
{
	const unsigned nr = 3000;
	unsigned nr_stale = 0;

	(void)state;
	known_forget_all();
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < nr; i++) {
			bool stale;
			struct known_block *b = known_block(BASE + i * CAY_HUGE_BYTES, &stale);

			if (round == 1 && !stale)
				assert_true(known_is_mapped(b, i % KNOWN_BLOCK_PAGES));
			if (round == 1 && stale)
				assert_false(known_is_mapped(b, i % KNOWN_BLOCK_PAGES));
			nr_stale += stale;
			known_set(b, i % KNOWN_BLOCK_PAGES, i % KNOWN_BLOCK_PAGES + 1, true);
		}
	}
	assert_true(nr_stale > nr / 2);
	known_forget_all();
	for (unsigned i = 0; i < 100; i++) {
		bool stale;

		assert_false(known_is_mapped(known_block(BASE + i * CAY_HUGE_BYTES, &stale), i));
		assert_false(stale);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
