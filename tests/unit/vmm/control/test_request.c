/* SPDX-License-Identifier: MIT */
/* test_request.c - words are found whole, at any division of the bytes. */
#include "unit.h"

#include <stdio.h>

#include "vmm/control/request.h"

static void test_words(void **state)
{
	(void)state;
	for (int r = CONTROL_INFO; r < CONTROL_NR; r++) {
		char line[CONTROL_REQUEST_MAX];
		int n = snprintf(line, sizeof(line), "%s\n", control_request_word((enum control_request)r));

		assert_int_equal(control_request_parse(line, (size_t)n), r);
		for (int i = 0; i < n; i++)
			assert_int_equal(control_request_parse(line, (size_t)i), -1);
	}
}

static void test_nonsense(void **state)
{
	char line[CONTROL_REQUEST_MAX];

	(void)state;
	assert_int_equal(control_request_parse("info \n", 6), CONTROL_UNKNOWN);
	assert_int_equal(control_request_parse("inf\n", 4), CONTROL_UNKNOWN);
	assert_int_equal(control_request_parse("info\0\n", 6), CONTROL_UNKNOWN);
	assert_int_equal(control_request_parse("\n", 1), CONTROL_UNKNOWN);
	assert_int_equal(control_request_parse("info\nstats\n", 11), CONTROL_INFO);
	memset(line, 'x', sizeof(line));
	assert_int_equal(control_request_parse(line, sizeof(line) - 1), -1);
	assert_int_equal(control_request_parse(line, sizeof(line)), CONTROL_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_nonsense)};

	return RUN_TESTS(tests);
}
