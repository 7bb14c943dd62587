/* SPDX-License-Identifier: MIT */
/* test_command_flags.c - flags and names in any order, and what is refused in one line. */
// SOURCES: vmm/cli/command_flags.c vmm/cli/say.c
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "vmm/cli/command_flags.h"

static bool all;
static const char *seconds;
static const struct command_flag flags[] = {
	{'a', "all", &all, NULL, NULL, "all of them"},
	{0, "time", NULL, &seconds, "S", "for so long"},
	{0},
};
static const struct command_usage usage = {"try [-a] NAME", "Tries.\n", flags, 1, 2};

/* Words of `line` as argv; the index of the first name, or -1. */
static int parse(const char *line, char *copy, char **argv, int *status)
{
	int argc = 0;

	all = false;
	seconds = NULL;
	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	return command_flags_parse(&usage, argc, argv, status);
}

static void test_accepted(void **state)
{
	char copy[128], *argv[16];
	int status = 0, at;

	(void)state;
	at = parse("try one", copy, argv, &status);
	assert_string_equal(argv[at], "one");
	assert_false(all);
	at = parse("try one -a two --time 5", copy, argv, &status);
	assert_true(all);
	assert_string_equal(seconds, "5");
	assert_string_equal(argv[at], "one");
	assert_string_equal(argv[at + 1], "two");
	at = parse("try -- -a", copy, argv, &status);
	assert_string_equal(argv[at], "-a");
	assert_false(all);
}

static void test_refused(void **state)
{
	static const char *const lines[] = {"try",      "try a b c",    "try --frob a",
					    "try -x a", "try a --time", "try --all=1 a"};
	char copy[128], *argv[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		int status = 0, at;

		capture_begin();
		at = parse(lines[i], copy, argv, &status);
		assert_true(is_one_line(capture_end()));
		assert_int_equal(at, -1);
		assert_int_equal(status, 125);
	}
}

static void test_seconds(void **state)
{
	static const char *const bad[] = {"", "-1", "1s", "x", "nan", "99999999", " 1"};
	long long ns = 0;

	(void)state;
	assert_true(command_flags_seconds("-t", "0.25", &ns));
	assert_int_equal(ns, 250000000);
	assert_true(command_flags_seconds("-t", "0", &ns));
	assert_int_equal(ns, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		capture_begin();
		assert_false(command_flags_seconds("-t", bad[i], &ns));
		assert_true(is_one_line(capture_end()));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_seconds),
	};

	return RUN_TESTS(tests);
}
