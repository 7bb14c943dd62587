/* SPDX-License-Identifier: MIT */
/* test_stint.c - what the stub remembers of each address space: bounded, of the last ones, and learnt anew now and
 * then. */
// SOURCES: vmm/backend/process/stub/stint.c
#include "unit.h"

#include "abi/layout.h"
#include "vmm/backend/process/stub/stint.h"

#define ROOT(i) ((uint64_t)(i)*CAY_PAGE_BYTES)

static void test_is_bounded(void **state)
{
	struct stint *s = stint_begin(ROOT(100));

	(void)state;
	assert_int_equal(s->nr, 0);
	for (uint64_t i = 0; i < 2 * STINT_PAGES; i++)
		stint_note(s, i * CAY_PAGE_BYTES);
	assert_int_equal(s->nr, STINT_PAGES);
	assert_int_equal(s->va[STINT_PAGES - 1], (STINT_PAGES - 1) * CAY_PAGE_BYTES);
}

static void test_the_oldest_goes(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= STINT_SPACES; i++)
		stint_note(stint_begin(ROOT(i)), i);
	assert_int_equal(stint_begin(ROOT(1))->nr, 1);
	assert_int_equal(stint_begin(ROOT(1000))->nr, 0); /* in the place of 2 */
	assert_int_equal(stint_begin(ROOT(2))->nr, 0);    /* of 3 */
	assert_int_equal(stint_begin(ROOT(1))->nr, 1);
	assert_int_equal(stint_begin(ROOT(4))->va[0], 4);
}

static void test_learns_anew(void **state)
{
	struct stint *s = stint_begin(ROOT(50));

	(void)state;
	stint_note(s, 1);
	for (unsigned i = 1; i < STINT_TURNS; i++)
		assert_int_equal(stint_begin(ROOT(50))->nr, 1);
	assert_int_equal(stint_begin(ROOT(50))->nr, 0);
	stint_note(s, 2);
	assert_int_equal(stint_begin(ROOT(50))->va[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_is_bounded), cmocka_unit_test(test_the_oldest_goes),
					   cmocka_unit_test(test_learns_anew)};

	return RUN_TESTS(tests);
}
