/* SPDX-License-Identifier: MIT */
/*
 * ipaddr.h - one type for addresses of IPv4 and IPv6. IPv4 is kept as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so
 * that tables and sockets treat both alike. Bytes are in network order. No operating system in here.
 */
#ifndef CAY_KERNEL_NET_IPADDR_H
#define CAY_KERNEL_NET_IPADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct ipaddr {
	union {
		uint8_t b[16];
		uint32_t w[4];
		uint64_t q[2];
	};
};

#define IPADDR_ANY ((struct ipaddr){.q = {0, 0}}) /* "::": also "any IPv4" for a socket of both */

/* v4: in network order. */
static inline struct ipaddr ipaddr_v4(uint32_t v4)
{
	return (struct ipaddr){.w = {0, 0, htonl(0xffff), v4}};
}

static inline struct ipaddr ipaddr_v6(const void *sixteen)
{
	struct ipaddr a;

	memcpy(&a, sixteen, 16);
	return a;
}

static inline bool ipaddr_is_v4(const struct ipaddr *a)
{
	return a->q[0] == 0 && a->w[2] == htonl(0xffff);
}

static inline bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

/* "::" or 0.0.0.0 */
static inline bool ipaddr_is_any(const struct ipaddr *a)
{
	return a->q[0] == 0 && a->w[3] == 0 && (a->w[2] == 0 || a->w[2] == htonl(0xffff));
}

static inline bool ipaddr_is_multicast(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

/* 127/8, ::1 */
static inline bool ipaddr_is_loopback(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? a->b[12] == 127 : a->q[0] == 0 && a->w[2] == 0 && a->w[3] == htonl(1);
}

/* 169.254/16, fe80::/10 */
static inline bool ipaddr_is_link_local(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? a->b[12] == 169 && a->b[13] == 254 : a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* 255.255.255.255; a subnet's own broadcast address only its interface knows */
static inline bool ipaddr_is_broadcast(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) && a->w[3] == 0xffffffff;
}

/* prefix: bits of the 128-bit form, so 96 more than an IPv4 prefix length. */
static inline bool ipaddr_same_prefix(const struct ipaddr *a, const struct ipaddr *b, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;

	if (memcmp(a->b, b->b, bytes) != 0)
		return false;
	return bits == 0 || ((a->b[bytes] ^ b->b[bytes]) & (0xff00 >> bits) & 0xff) == 0;
}

#endif
