/* SPDX-License-Identifier: MIT */
/* test_fmt.c - fmt_snprintf against the host's snprintf. */
// SOURCES: lib/fmt.c
#include "unit.h"

#include <limits.h>
#include <stdio.h>

#include "lib/fmt.h"

/* The formats are the test's data, and the host's compiler warns about some combinations that are well defined. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"

#define SAME(...)                                                                                                      \
	do {                                                                                                           \
		char ours[128], theirs[128];                                                                           \
		size_t n = fmt_snprintf(ours, sizeof(ours), __VA_ARGS__);                                              \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                                 \
		assert_string_equal(ours, theirs);                                                                     \
		assert_int_equal(n, m);                                                                                \
	} while (0)

static void test_integers(void **state)
{
	static const char *const flags[] = {"", "0", "-", "-0"};
	static const char *const sizes[] = {"", "1", "7", "25", ".0", ".3", "9.4", "4.9"};
	static const struct {
		const char *text;
		int wide;
	} lengths[] = {{"hh", 0}, {"h", 0}, {"", 0}, {"l", 1}, {"ll", 1}, {"z", 1}, {"j", 1}};
	static const long long values[] = {0,    1,     -1,      7,       42,        255,      256,
					   -129, 65536, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN};

	(void)state;
	for (size_t f = 0; f < 4; f++)
		for (size_t s = 0; s < 8; s++)
			for (size_t l = 0; l < 7; l++)
				for (const char *c = "diuxXo"; *c; c++)
					for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
						char fmt[32];

						snprintf(fmt, sizeof(fmt), "<%%%s%s%s%c>", flags[f], sizes[s],
							 lengths[l].text, *c);
						if (lengths[l].wide)
							SAME(fmt, values[v]);
						else
							SAME(fmt, (int)values[v]);
					}
	SAME("%#x %#X %#o %+d %+d", 255, 255, 8, 5, -5);
	SAME("%*d|%-*d|%.*d", 6, 42, 6, 42, 4, 42);
}

static void test_text(void **state)
{
	const char *none = NULL;

	(void)state;
	SAME("plain");
	SAME("%s %10s %-10s| %.2s %5.1s %.*s", "abc", "abc", "abc", "abc", "abc", 1, "abc");
	SAME("%c%3c%-3c|%%", 'x', 'y', 'z');
	SAME("%p", (void *)0x7f0012345678);
	SAME("%s", none);
}

static void test_truncation(void **state)
{
	char b[4] = "zzz";
	size_t pos = 0;

	(void)state;
	assert_int_equal(fmt_snprintf(b, sizeof(b), "%d", 123456), 6);
	assert_string_equal(b, "123");
	assert_int_equal(fmt_snprintf(NULL, 0, "abc"), 3);
	assert_int_equal(fmt_snprintf(b, 1, "abc"), 3);
	assert_string_equal(b, "");
	fmt_append(b, sizeof(b), &pos, "%s", "ab");
	fmt_append(b, sizeof(b), &pos, "%s", "cdef");
	fmt_append(b, sizeof(b), &pos, "%s", "gh");
	assert_string_equal(b, "abc");
	assert_int_equal(pos, 3);
}

static void test_unknown_is_copied(void **state)
{
	char b[16];

	(void)state;
	fmt_snprintf(b, sizeof(b), "%y|%");
	assert_string_equal(b, "%y|%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_unknown_is_copied),
	};

	return RUN_TESTS(tests);
}
