/* SPDX-License-Identifier: MIT */
/* test_area.c - areas against a naive model: an array with one owner per page. */
// SOURCES: kernel/mm/area.c lib/avl.c shim/kmalloc.c shim/log.c shim/file.c
#include "unit.h"

#include <stdlib.h>

#include "abi/layout.h"
#include "kernel/mm/area.h"
#include "kernel/mm/kmalloc.h"
#include "shim.h"

#define PAGES 400
#define BASE  CAY_USER_MIN
static unsigned char model[PAGES]; /* 0 free, else prot + 1 */

static uint64_t va(unsigned page)
{
	return BASE + page * CAY_PAGE_BYTES;
}

static void check(struct area_set *s)
{
	struct area *a = area_first(s);
	unsigned nr = 0;
	uint64_t prev_end = BASE;

	for (struct area *i = a; i != NULL; i = area_next(i)) {
		struct area *n = area_next(i);

		assert_int_equal(i->gap_before, i->start - prev_end);
		assert_true(n == NULL || n->start > i->end || n->prot != i->prot);
		for (uint64_t p = i->start; p < i->end; p += CAY_PAGE_BYTES)
			assert_int_equal(model[(p - BASE) / CAY_PAGE_BYTES], i->prot + 1);
		prev_end = i->end;
		nr++;
	}
	assert_int_equal(s->nr, nr);
	for (unsigned p = 0; p < PAGES; p++) {
		a = area_find(s, va(p) + 5);
		assert_int_equal(model[p], a ? a->prot + 1 : 0);
	}
}

/* What vmspace does for munmap, less the pages. */
static void cut(struct area_set *s, uint64_t start, uint64_t end)
{
	struct area *a = area_find_from(s, start);

	while (a != NULL && a->start < end) {
		struct area *next;

		if (a->start < start)
			a = area_split(s, a, start);
		if (a->end > end)
			assert_non_null(area_split(s, a, end));
		next = area_next(a);
		area_remove(s, a);
		area_free(a);
		a = next;
	}
}

static void check_gap(struct area_set *s)
{
	unsigned n = (unsigned)rand() % 20 + 1, low = (unsigned)rand() % PAGES, high = (unsigned)rand() % (PAGES + 1);
	unsigned align = 1u << rand() % 4;
	uint64_t best_high = 0, best_low = 0;

	for (unsigned p = low; p + n <= high; p++) {
		if (va(p) % (align * CAY_PAGE_BYTES) != 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			if (model[p + i])
				goto no;
		best_high = va(p);
		if (best_low == 0)
			best_low = va(p);
	no:;
	}
	assert_int_equal(area_find_gap(s, n * CAY_PAGE_BYTES, va(low), va(high), align * CAY_PAGE_BYTES), best_high);
	assert_int_equal(area_find_gap_up(s, n * CAY_PAGE_BYTES, va(low), va(high), align * CAY_PAGE_BYTES), best_low);
}

static void test_random(void **state)
{
	struct area_set s;

	(void)state;
	srand(11);
	area_set_init(&s);
	for (int step = 0; step < 6000; step++) {
		unsigned from = (unsigned)rand() % PAGES, n = (unsigned)rand() % 12 + 1;
		unsigned to = from + n > PAGES ? PAGES : from + n;

		cut(&s, va(from), va(to));
		memset(&model[from], 0, to - from);
		assert_true(area_range_free(&s, va(from), va(to)));
		if (rand() % 100 < 60) {
			struct area *a = area_alloc();

			a->start = va(from);
			a->end = va(to);
			a->prot = rand() % 3;
			memset(&model[from], a->prot + 1, to - from);
			area_insert(&s, a);
			area_merge(&s, a);
		}
		check(&s);
		check_gap(&s);
	}
	cut(&s, 0, va(PAGES));
	assert_int_equal(s.nr, 0);
	assert_int_equal(kmalloc_bytes_used(), 0);
}

static void test_guard_gap(void **state)
{
	struct area_set s;
	struct area *stack = area_alloc();

	(void)state;
	area_set_init(&s);
	stack->start = 0x10000000;
	stack->end = 0x10100000;
	stack->flags = AREA_GROWSDOWN;
	area_insert(&s, stack);
	assert_int_equal(area_find_gap(&s, 0x1000, 0, 0x10100000, 0x1000), 0x10000000 - STACK_GUARD_BYTES - 0x1000);
	assert_int_equal(area_find_gap_up(&s, 0x1000, 0xff80000, 0x20000000, 0x1000), 0x10100000);
	assert_int_equal(area_find_gap(&s, 1ull << 46, 0, 1ull << 45, 0x1000), 0);
	assert_int_equal(area_find_gap(&s, UINT64_MAX - 0xfff, 0, CAY_USER_END, 0x1000), 0);
	cut(&s, 0, CAY_USER_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_guard_gap)};

	return RUN_TESTS(tests);
}
