/* SPDX-License-Identifier: MIT */
/* test_strace_format.c - arguments as text, from good and from wild pointers. */
// SOURCES: kernel/linux/strace_format.c kernel/linux/strace_flags.c lib/fmt.c shim/uaccess.c shim/log.c
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kernel/linux/strace_format.h"
#include "shim.h"

static const char *shown(char letter, long v, long next, long result)
{
	static struct strace_line l;
	long args[6] = {v, next};

	l.len = 0;
	l.text[0] = '\0';
	strace_arg(&l, letter, args, 0, result);
	return l.text;
}

static void test_scalars(void **state)
{
	(void)state;
	assert_string_equal(shown('d', -5, 0, 0), "-5");
	assert_string_equal(shown('u', 70000, 0, 0), "70000");
	assert_string_equal(shown('F', -100, 0, 0), "AT_FDCWD");
	assert_string_equal(shown('F', 3, 0, 0), "3");
	assert_string_equal(shown('p', 0, 0, 0), "NULL");
	assert_string_equal(shown('p', 0x1000, 0, 0), "0x1000");
	assert_string_equal(shown('m', 0644, 0, 0), "0644");
	assert_string_equal(shown('g', SIGTERM, 0, 0), "SIGTERM");
	assert_string_equal(shown('g', 77, 0, 0), "0x4d");
}

static void test_flags(void **state)
{
	(void)state;
	assert_string_equal(shown('o', O_RDWR | O_CREAT | O_CLOEXEC, 0, 0), "O_RDWR|O_CREAT|O_CLOEXEC");
	assert_string_equal(shown('o', 0, 0, 0), "O_RDONLY");
	assert_string_equal(shown('P', 0, 0, 0), "PROT_NONE");
	assert_string_equal(shown('P', PROT_READ | PROT_EXEC, 0, 0), "PROT_READ|PROT_EXEC");
	assert_string_equal(shown('M', MAP_PRIVATE | MAP_ANONYMOUS | 1l << 40, 0, 0),
			    "MAP_PRIVATE|MAP_ANONYMOUS|0x10000000000");
	assert_string_equal(shown('U', 0, 0, 0), "0");
}

static void test_strings(void **state)
{
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	assert_string_equal(shown('s', (long)"a \"b\"\n\x01", 0, 0), "\"a \\\"b\\\"\\n\\x01\"");
	assert_string_equal(shown('b', (long)"abc", 2, 0), "\"ab\"");
	assert_int_equal(strlen(shown('b', (long)longer, 200, 0)), 64 + 5);
	assert_string_equal(shown('r', (long)"abcdef", 6, 3), "\"abc\"");
	assert_string_equal(shown('r', 0x10000, 6, -14), "0x10000"); /* nothing was read */
}

static void test_structures(void **state)
{
	uint64_t set = 1ull << (SIGINT - 1) | 1ull << (SIGUSR1 - 1), lim[2] = {1024, UINT64_MAX};
	struct iovec iov[2] = {{"ab", 2}, {"cde", 3}};
	struct stat st = {.st_mode = S_IFREG | 0644, .st_size = 77};
	int pair[2] = {3, 4};

	(void)state;
	assert_string_equal(shown('k', (long)&set, 0, 0), "[INT USR1]");
	assert_string_equal(shown('Q', (long)lim, 0, 0), "{rlim_cur=1024, rlim_max=RLIM64_INFINITY}");
	assert_string_equal(shown('v', (long)iov, 2, 0),
			    "[{iov_base=\"ab\", iov_len=2}, {iov_base=\"cde\", iov_len=3}]");
	assert_string_equal(shown('S', (long)&st, 0, 0), "{st_mode=S_IFREG|0644, st_size=77, ...}");
	assert_string_equal(shown('D', (long)pair, 0, 0), "[3, 4]");
}

/* Every letter with every kind of bad pointer: text comes out, nothing is touched. */
static void test_wild_pointers(void **state)
{
	static const long wild[] = {0, 1, -1, 0x10000, (long)0x8000000000000000ul, 0x7fffffffffffl};

	(void)state;
	shim_uaccess_fault_range(0, UINT64_MAX);
	for (const char *c = "duxpmfFsbvNkTAQoPMVwlUncegh CLirqStaKRD"; *c != '\0'; c++)
		for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++)
			assert_true(strlen(shown(*c, wild[i], 1000000, 0)) < 1024);
	shim_uaccess_fault_range(0, 0);
}

static void test_result(void **state)
{
	struct strace_line l = {.len = 0};

	(void)state;
	strace_result(&l, "read", -2);
	assert_string_equal(l.text, " = -1 ENOENT");
	l.len = 0;
	strace_result(&l, "mmap", 0x7f0000000000);
	assert_string_equal(l.text, " = 0x7f0000000000");
	l.len = 0;
	strace_result(&l, "read", -512);
	assert_true(strstr(l.text, "ERESTARTSYS") != NULL);
	for (int i = 0; i < 500; i++)
		strace_put(&l, "%s", "0123456789"); /* a line has an end */
	assert_int_equal(l.len, sizeof(l.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),    cmocka_unit_test(test_flags),         cmocka_unit_test(test_strings),
		cmocka_unit_test(test_structures), cmocka_unit_test(test_wild_pointers), cmocka_unit_test(test_result),
	};

	return RUN_TESTS(tests);
}
