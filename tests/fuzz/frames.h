/* SPDX-License-Identifier: MIT */
/* frames.h - for fuzz targets whose input is frames: what a hostile sender gets right, so that it comes further in. */
#ifndef CAY_TESTS_FUZZ_FRAMES_H
#define CAY_TESTS_FUZZ_FRAMES_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "kernel/net/ip.h"
#include "kernel/net/ipaddr.h"
#include "lib/inet_checksum.h"

#define FRAME_MLD_QUERY 130

static inline void frame_put_sum(uint8_t *at, uint16_t sum)
{
	memcpy(at, &sum, 2);
}

/* Makes destination, lengths and checksums of a frame right, as far as it has room for them. ip: network order. */
static inline void frame_repair(uint8_t *f, uint32_t len, const uint8_t mac[6], uint32_t ip)
{
	if (len < 34)
		return;
	memcpy(f, mac, 6);
	if (f[12] == 8 && f[13] == 0) {
		unsigned header = (f[14] & 15) * 4u;
		memcpy(f + 30, &ip, 4);
		if (header < 20 || 14 + header > len)
			return;
		frame_put_sum(f + 24, 0);
		frame_put_sum(f + 24, inet_checksum(f + 14, header));
		if ((f[23] == IPPROTO_ICMP || f[23] == IPPROTO_IGMP) && len >= 14 + header + 8) {
			frame_put_sum(f + 14 + header + 2, 0);
			frame_put_sum(f + 14 + header + 2, inet_checksum(f + 14 + header, len - 14 - header));
		}
	} else if (f[12] == 0x86 && f[13] == 0xdd && len >= 14 + 40 + 8 && f[14 + 6] == IPPROTO_ICMPV6) {
		struct ipaddr src = ipaddr_v6(f + 22), dst = ipaddr_v6(f + 38);
		uint32_t bytes = len - 54;
		f[18] = (uint8_t)(bytes >> 8);
		f[19] = (uint8_t)bytes;
		if (f[54] == FRAME_MLD_QUERY) { /* hop limit 1, from a link-local address */
			f[21] = 1;
			f[22] = 0xfe;
			f[23] = 0x80;
			src = ipaddr_v6(f + 22);
		}
		frame_put_sum(f + 56, 0);
		frame_put_sum(f + 56, inet_checksum_finish(inet_sum(f + 54, bytes,
								    ip_pseudo_sum(&src, &dst, IPPROTO_ICMPV6, bytes))));
	}
}

#endif
