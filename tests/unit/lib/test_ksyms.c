/* SPDX-License-Identifier: MIT */
/* test_ksyms.c - looking functions up in the kernel's symbol table, and damaged tables. */
// SOURCES: lib/ksyms.c
#include "unit.h"

#include <stdlib.h>

#include "lib/ksyms.h"

/* main at 16, panic at 16 + 200 (two ULEB bytes), last at 16 + 200 + 1 */
static const uint8_t table[] = "\x10main\0\xc8\x01panic\0\x01last";

static void test_finds_the_function_that_holds_the_address(void **state)
{
	uint64_t d = 0;

	(void)state;
	assert_null(ksyms_find(table, sizeof(table), 15, &d));
	assert_string_equal(ksyms_find(table, sizeof(table), 16, &d), "main");
	assert_int_equal(d, 0);
	assert_string_equal(ksyms_find(table, sizeof(table), 215, &d), "main");
	assert_int_equal(d, 199);
	assert_string_equal(ksyms_find(table, sizeof(table), 216, &d), "panic");
	assert_string_equal(ksyms_find(table, sizeof(table), 100000, &d), "last");
}

static void test_damaged_tables_end_the_search(void **state)
{
	uint64_t d = 0;

	(void)state;
	assert_null(ksyms_find(table, 0, 16, &d));
	for (size_t n = 0; n < sizeof(table); n++) {
		uint8_t *cut = malloc(n ? n : 1); /* exact size, so that the sanitizer sees a read beyond */
		const char *name;

		memcpy(cut, table, n);
		name = ksyms_find(cut, n, 100000, &d);
		if (name)
			assert_in_range(strlen(name), 4, 5);
		memset(cut, 0xff, n);
		assert_null(ksyms_find(cut, n, 100000, &d));
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_function_that_holds_the_address),
		cmocka_unit_test(test_damaged_tables_end_the_search),
	};

	return RUN_TESTS(tests);
}
