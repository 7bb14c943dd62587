/* SPDX-License-Identifier: MIT */
/*
 * siphash.h - a keyed hash for tables that peers could otherwise fill with colliding keys.
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; 1 compression and 3 finalisation rounds, as
 * hash tables use it). Not for authentication.
 */
#ifndef CAY_LIB_SIPHASH_H
#define CAY_LIB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2];
};

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t bytes);
/* The same hash over nr 64-bit words in memory order (little endian), without the handling of odd lengths. */
uint64_t siphash13_words(const struct siphash_key *key, const uint64_t *words, size_t nr);

#endif
