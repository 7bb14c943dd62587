/* SPDX-License-Identifier: MIT */
/* test_string.c - the kernel's string functions, compiled here under other names, against libc's. */
#include "unit.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define CAY_KERNEL 1
#define memcpy     k_memcpy
#define memmove    k_memmove
#define memset     k_memset
#define memcmp     k_memcmp
#define memchr     k_memchr
#define strlen     k_strlen
#define strnlen    k_strnlen
#define strcmp     k_strcmp
#define strncmp    k_strncmp
#define strchr     k_strchr
#define strrchr    k_strrchr
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + 7);
}

static void test_copies(void **state)
{
	uint8_t a[700], b[700], c[700];

	(void)state;
	for (size_t n = 0; n < 300; n++) {
		for (size_t off = 0; off < 9; off += 4) {
			fill(a, sizeof(a));
			memset(b, 0xee, sizeof(b));
			memset(c, 0xee, sizeof(c));
			assert_ptr_equal(k_memcpy(b + off, a + 3, n), b + off);
			memcpy(c + off, a + 3, n);
			assert_memory_equal(b, c, sizeof(b));
			k_memset(b + off, (int)n, n);
			memset(c + off, (int)n, n);
			assert_memory_equal(b, c, sizeof(b));
		}
	}
}

static void test_overlap(void **state)
{
	uint8_t a[700], b[700];

	(void)state;
	for (size_t n = 0; n < 260; n++) {
		for (int shift = -20; shift <= 20; shift++) {
			fill(a, sizeof(a));
			fill(b, sizeof(b));
			k_memmove(a + 100 + shift, a + 100, n);
			memmove(b + 100 + shift, b + 100, n);
			assert_memory_equal(a, b, sizeof(a));
		}
	}
}

static void test_compare_and_search(void **state)
{
	static const char *const words[] = {"",         "a",        "ab",          "abc",  "abd",
					    "abcdefgh", "abcdefgi", "abcdefghijk", "\xff", "a\x80"};
	const size_t nr = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(k_strlen(words[i]), strlen(words[i]));
		assert_int_equal(k_strnlen(words[i], 3), strnlen(words[i], 3));
		for (int c = 0; c < 256; c++) {
			assert_ptr_equal(k_strchr(words[i], c), strchr(words[i], c));
			assert_ptr_equal(k_strrchr(words[i], c), strrchr(words[i], c));
			assert_ptr_equal(k_memchr(words[i], c, strlen(words[i])),
					 memchr(words[i], c, strlen(words[i])));
		}
		for (size_t j = 0; j < nr; j++) {
			size_t n = strlen(words[i]) < strlen(words[j]) ? strlen(words[i]) : strlen(words[j]);

			assert_int_equal(sign(k_strcmp(words[i], words[j])), sign(strcmp(words[i], words[j])));
			assert_int_equal(sign(k_memcmp(words[i], words[j], n)), sign(memcmp(words[i], words[j], n)));
			assert_int_equal(sign(k_strncmp(words[i], words[j], 3)), sign(strncmp(words[i], words[j], 3)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_compare_and_search),
	};

	return RUN_TESTS(tests);
}
