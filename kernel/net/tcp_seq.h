/* SPDX-License-Identifier: MIT */
/* tcp_seq.h - sequence numbers: arithmetic modulo 2^32 (RFC 9293 section 3.4). Valid for numbers less than 2^31 apart.
 */
#ifndef CAY_KERNEL_NET_TCP_SEQ_H
#define CAY_KERNEL_NET_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* a <= b */
static inline bool seq_upto(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* low <= s <= high */
static inline bool seq_within(uint32_t s, uint32_t low, uint32_t high)
{
	return high - low >= s - low;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_after(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? a : b;
}

#endif
