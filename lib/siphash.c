/* SPDX-License-Identifier: MIT */
/* siphash.c - see siphash.h. */
#include "lib/siphash.h"

#include "lib/string.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 = rotl(s->v2, 32);
}

static inline void start(struct state *s, const struct siphash_key *key)
{
	s->v0 = key->k[0] ^ 0x736f6d6570736575ull; /* "somepseudorandomlygeneratedbytes" */
	s->v1 = key->k[1] ^ 0x646f72616e646f6dull;
	s->v2 = key->k[0] ^ 0x6c7967656e657261ull;
	s->v3 = key->k[1] ^ 0x7465646279746573ull;
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

/* tail: the last bytes that fill no word; the top byte is the length. */
static inline uint64_t finish(struct state *s, uint64_t tail, size_t bytes)
{
	absorb(s, tail | (uint64_t)bytes << 56);
	s->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash13_words(const struct siphash_key *key, const uint64_t *words, size_t nr)
{
	struct state s;

	start(&s, key);
	for (size_t i = 0; i < nr; i++)
		absorb(&s, words[i]);
	return finish(&s, 0, nr * 8);
}

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t bytes)
{
	const uint8_t *at = data;
	size_t left = bytes;
	uint64_t word = 0;
	struct state s;

	start(&s, key);
	for (; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		absorb(&s, word);
	}
	word = 0;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return finish(&s, word, bytes);
}
