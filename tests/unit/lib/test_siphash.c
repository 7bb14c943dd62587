/* SPDX-License-Identifier: MIT */
/* SipHash-1-3: the properties a table relies on, and a value computed independently. */
#include "unit.h"

#include "lib/siphash.h"

static const struct siphash_key key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};

/* The same function written as the paper's text has it, bit by bit of its own. */
static uint64_t plain(const struct siphash_key *k, const uint8_t *m, size_t n)
{
	uint64_t v[4] = {k->k[0] ^ 0x736f6d6570736575ull, k->k[1] ^ 0x646f72616e646f6dull,
			 k->k[0] ^ 0x6c7967656e657261ull, k->k[1] ^ 0x7465646279746573ull};
	size_t words = n / 8 + 1;

	for (size_t i = 0; i < words + 3; i++) {
		uint64_t w = 0;
		for (size_t j = 0; i < words && j < 8; j++)
			w |= (uint64_t)(8 * i + j < n ? m[8 * i + j] : j == 7 ? n & 0xff : 0) << (8 * j);
		if (i == words)
			v[2] ^= 0xff;
		v[3] ^= i < words ? w : 0;
		v[0] += v[1], v[1] = v[1] << 13 | v[1] >> 51, v[1] ^= v[0], v[0] = v[0] << 32 | v[0] >> 32;
		v[2] += v[3], v[3] = v[3] << 16 | v[3] >> 48, v[3] ^= v[2];
		v[0] += v[3], v[3] = v[3] << 21 | v[3] >> 43, v[3] ^= v[0];
		v[2] += v[1], v[1] = v[1] << 17 | v[1] >> 47, v[1] ^= v[2], v[2] = v[2] << 32 | v[2] >> 32;
		v[0] ^= i < words ? w : 0;
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void test_all_lengths(void **state)
{
	uint8_t m[64];

	(void)state;
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)i;
	for (size_t n = 0; n <= sizeof(m); n++)
		assert_true(siphash13(&key, m, n) == plain(&key, m, n));
}

static void test_words_are_bytes(void **state)
{
	uint64_t w[5] = {1, 2, 0x0123456789abcdefull, ~0ull, 42};

	(void)state;
	for (size_t n = 0; n <= 5; n++)
		assert_true(siphash13_words(&key, w, n) == siphash13(&key, w, n * 8));
}

static void test_the_key_matters(void **state)
{
	struct siphash_key other = key;
	uint64_t w = 7;

	(void)state;
	other.k[1] ^= 1;
	assert_true(siphash13(&key, &w, 8) != siphash13(&other, &w, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_lengths),
		cmocka_unit_test(test_words_are_bytes),
		cmocka_unit_test(test_the_key_matters),
	};
	return RUN_TESTS(tests);
}
