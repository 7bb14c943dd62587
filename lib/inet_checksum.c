/* SPDX-License-Identifier: MIT */
/* inet_checksum.c - see inet_checksum.h. 32-bit words in a 64-bit sum need no carries in the loop. */
#include "lib/inet_checksum.h"

#include "lib/string.h"

uint64_t inet_sum(const void *data, size_t bytes, uint64_t sum)
{
	const uint8_t *at = data;
	uint64_t a = 0, b = 0;

	for (; bytes >= 16; bytes -= 16, at += 16) {
		uint64_t w[2];
		memcpy(w, at, 16);
		a += (w[0] & 0xffffffff) + (w[0] >> 32);
		b += (w[1] & 0xffffffff) + (w[1] >> 32);
	}
	for (; bytes >= 4; bytes -= 4, at += 4) {
		uint32_t w;
		memcpy(&w, at, 4);
		a += w;
	}
	if (bytes >= 2) {
		uint16_t w;
		memcpy(&w, at, 2);
		b += w;
		at += 2;
		bytes -= 2;
	}
	if (bytes > 0)
		b += *at; /* little endian: the odd byte is the low one of its word */
	sum += a;
	return sum + b;
}
