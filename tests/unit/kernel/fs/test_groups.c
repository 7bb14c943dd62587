/* SPDX-License-Identifier: MIT */
/* Sorting and finding supplementary groups; sharing. */
// SOURCES: kernel/fs/groups.c shim/kmalloc.c shim/log.c
#include "unit.h"

#include <stdlib.h>

#include "kernel/fs/groups.h"
#include "shim.h"

static void check_sorted(struct group_list *g)
{
	groups_sort(g);
	for (uint32_t i = 1; i < g->nr; i++)
		assert_true(g->id[i - 1] <= g->id[i]);
	for (uint32_t i = 0; i < g->nr; i++)
		assert_true(groups_have(g, g->id[i]));
}

static void test_sorts_what_comes(void **state)
{
	(void)state;
	srand(1);
	for (uint32_t nr = 1; nr < 40; nr++) {
		struct group_list *g = groups_create(nr);

		for (uint32_t i = 0; i < nr; i++)
			g->id[i] = (uint32_t)rand() % 30 * 2;
		check_sorted(g);
		assert_false(groups_have(g, 7));
		assert_false(groups_have(g, UINT32_MAX));
		groups_put(g);
	}
}

static void test_as_many_as_there_may_be(void **state)
{
	struct group_list *g = groups_create(GROUPS_MAX);

	(void)state;
	for (uint32_t i = 0; i < GROUPS_MAX; i++)
		g->id[i] = UINT32_MAX - i;
	check_sorted(g);
	groups_put(g);
}

static void test_none(void **state)
{
	(void)state;
	assert_false(groups_have(NULL, 0));
	assert_null(groups_get(NULL));
	groups_put(NULL);
}

static void test_goes_with_its_last_user(void **state)
{
	struct group_list *g = groups_create(1);

	(void)state;
	g->id[0] = 5;
	assert_ptr_equal(groups_get(g), g);
	groups_put(g);
	assert_true(groups_have(g, 5));
	groups_put(g);
	shim_kmalloc_fail_after(0);
	assert_null(groups_create(1));
	shim_kmalloc_fail_after(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorts_what_comes),
		cmocka_unit_test(test_as_many_as_there_may_be),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_goes_with_its_last_user),
	};
	return RUN_TESTS(tests);
}
