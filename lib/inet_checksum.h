/* SPDX-License-Identifier: MIT */
/*
 * inet_checksum.h - the checksum of IP, ICMP, UDP and TCP (RFC 1071): the one's complement of the one's complement sum
 * of 16-bit words. Sums are kept unfolded and in the byte order of the memory, so a folded sum is stored as it is.
 */
#ifndef CAY_LIB_INET_CHECKSUM_H
#define CAY_LIB_INET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds `bytes` at data, which must begin at an even offset of the summed text. Never overflows for less than 2^48
 * bytes. */
uint64_t inet_sum(const void *data, size_t bytes, uint64_t sum);

/* A sum of text that begins at an odd offset counts with its bytes exchanged. */
static inline uint16_t inet_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What goes into the header's field; over a text with a right checksum in it, 0. */
static inline uint16_t inet_checksum_finish(uint64_t sum)
{
	return (uint16_t)~inet_sum_fold(sum);
}

static inline uint16_t inet_checksum(const void *data, size_t bytes)
{
	return inet_checksum_finish(inet_sum(data, bytes, 0));
}

#endif
