/* SPDX-License-Identifier: MIT */
/* Load averages rise and fall as fast as they should, and get to the load and back to nothing. */
// SOURCES: kernel/sched/loadavg.c
#include "unit.h"

#include "kernel/sched/loadavg.h"

#define ONE (1u << LOADAVG_SHIFT)

static unsigned hundredths(uint32_t avg)
{
	return (avg * 100 + ONE / 2) / ONE;
}

static void test_after_a_minute_of_two_threads(void **state)
{
	struct loadavg l = {0};

	(void)state;
	loadavg_step(&l, 2, 12);
	assert_in_range(hundredths(l.avg[0]), 125, 128); /* 2 * (1 - 1/e) */
	assert_in_range(hundredths(l.avg[1]), 35, 38);   /* 2 * (1 - e^(-1/5)) */
	assert_in_range(hundredths(l.avg[2]), 12, 15);   /* 2 * (1 - e^(-1/15)) */
}

static void test_gets_there_and_back(void **state)
{
	struct loadavg l = {0};

	(void)state;
	loadavg_step(&l, 3, UINT64_MAX);
	for (int i = 0; i < 3; i++)
		assert_int_equal(l.avg[i], 3 * ONE);
	loadavg_step(&l, 0, UINT64_MAX);
	for (int i = 0; i < 3; i++)
		assert_int_equal(l.avg[i], 0);
}

static void test_many_threads(void **state)
{
	struct loadavg l = {0};

	(void)state;
	loadavg_step(&l, 30000, UINT64_MAX);
	assert_int_equal(l.avg[0], 30000 * ONE);
	loadavg_step(&l, 1, 0);
	assert_int_equal(l.avg[0], 30000 * ONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_a_minute_of_two_threads),
		cmocka_unit_test(test_gets_there_and_back),
		cmocka_unit_test(test_many_threads),
	};
	return RUN_TESTS(tests);
}
