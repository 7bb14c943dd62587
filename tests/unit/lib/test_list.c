/* SPDX-License-Identifier: MIT */
/* The intrusive list: order, removal while walking, harmless removal of what is not queued. */
// SOURCES:
#include "unit.h"

#include "lib/list.h"

struct item {
	int n;
	struct list link;
};

static void fill(struct list *l, struct item *items, int nr)
{
	list_init(l);
	for (int i = 0; i < nr; i++) {
		items[i].n = i;
		list_push_back(l, &items[i].link);
	}
}

static void test_order(void **state)
{
	struct item items[4];
	struct item front = {.n = -1};
	struct list l;
	int expect = -1;

	(void)state;
	fill(&l, items, 4);
	list_push_front(&l, &front.link);
	list_for_each (it, &l, link, struct item)
		assert_int_equal(it->n, expect++);
	assert_int_equal(expect, 4);
	assert_ptr_equal(list_first(&l, struct item, link), &front);
}

static void test_remove_twice_is_harmless(void **state)
{
	struct item items[3];
	struct list l;

	(void)state;
	fill(&l, items, 3);
	list_remove(&items[1].link);
	assert_true(list_empty(&items[1].link));
	list_remove(&items[1].link);
	assert_ptr_equal(items[0].link.next, &items[2].link);
	assert_ptr_equal(items[2].link.prev, &items[0].link);
}

static void test_remove_while_walking(void **state)
{
	struct item items[5];
	struct list l;
	int seen = 0;

	(void)state;
	fill(&l, items, 5);
	list_for_each_safe (it, &l, link, struct item) {
		list_remove(&it->link);
		seen++;
	}
	assert_int_equal(seen, 5);
	assert_true(list_empty(&l));
}

static void test_take_all(void **state)
{
	struct item items[3];
	struct list l, taken;
	int expect = 0;

	(void)state;
	fill(&l, items, 3);
	list_take_all(&taken, &l);
	assert_true(list_empty(&l));
	list_for_each (it, &taken, link, struct item)
		assert_ptr_equal(it, &items[expect++]);
	assert_int_equal(expect, 3);
	assert_ptr_equal(taken.prev, &items[2].link);
	list_take_all(&taken, &l);
	assert_true(list_empty(&taken));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_remove_twice_is_harmless),
		cmocka_unit_test(test_remove_while_walking),
		cmocka_unit_test(test_take_all),
	};

	return RUN_TESTS(tests);
}
