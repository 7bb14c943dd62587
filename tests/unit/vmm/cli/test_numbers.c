/* SPDX-License-Identifier: MIT */
/* test_numbers.c - numbers and sizes, whole or refused. */
#include "vmm/cli/numbers.h"
#include "unit.h"

static void test_numbers(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(parse_number("0", 10, &v) && v == 0);
	assert_true(parse_number("10", 10, &v) && v == 10);
	assert_true(parse_number("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	assert_false(parse_number("11", 10, &v));
	assert_false(parse_number("", 10, &v));
	assert_false(parse_number("-1", 10, &v));
	assert_false(parse_number("+1", 10, &v));
	assert_false(parse_number(" 1", 10, &v));
	assert_false(parse_number("1 ", 10, &v));
	assert_false(parse_number("0x1", 10, &v));
	assert_false(parse_number("18446744073709551616", UINT64_MAX, &v));
}

static void test_sizes(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(parse_size("4096", &v) && v == 4096);
	assert_true(parse_size("4k", &v) && v == 4096);
	assert_true(parse_size("3M", &v) && v == 3u << 20);
	assert_true(parse_size("2g", &v) && v == 2ull << 30);
	assert_true(parse_size("1T", &v) && v == 1ull << 40);
	assert_false(parse_size("", &v));
	assert_false(parse_size("M", &v));
	assert_false(parse_size("1MB", &v));
	assert_false(parse_size("1.5G", &v));
	assert_false(parse_size("1@", &v));
	assert_false(parse_size("18014398509481984K", &v)); /* 2^64 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_sizes)};

	return RUN_TESTS(tests);
}
