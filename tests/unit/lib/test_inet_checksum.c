/* SPDX-License-Identifier: MIT */
/* The Internet checksum against the definition, at every length, and the example of RFC 1071 section 3. */
#include "unit.h"

#include "lib/inet_checksum.h"

static uint16_t by_definition(const uint8_t *m, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(m[i] << 8 | (i + 1 < n ? m[i + 1] : 0));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void test_example(void **state)
{
	const uint8_t m[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t c = inet_checksum(m, sizeof(m));

	(void)state;
	assert_memory_equal(&c, "\x22\x0d", 2); /* the sum is ddf2 */
}

static void test_all_lengths(void **state)
{
	uint8_t m[200];

	(void)state;
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)(i * 37 + 255 * (i % 3));
	for (size_t n = 0; n <= sizeof(m); n++) {
		uint16_t c = inet_checksum(m, n), want = by_definition(m, n);
		assert_int_equal(c, (uint16_t)(want << 8 | want >> 8));
	}
}

static void test_all_ones_do_not_overflow(void **state)
{
	static uint8_t m[70000];

	(void)state;
	memset(m, 0xff, sizeof(m));
	assert_int_equal(inet_checksum(m, sizeof(m)), 0);
	assert_int_equal(inet_sum_fold(~0ull >> 1), inet_sum_fold(inet_sum_fold(~0ull >> 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_all_lengths),
		cmocka_unit_test(test_all_ones_do_not_overflow),
	};
	return RUN_TESTS(tests);
}
