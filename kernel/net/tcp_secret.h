/* SPDX-License-Identifier: MIT */
/*
 * tcp_secret.h - numbers that a blind attacker must not guess: initial sequence numbers (RFC 6528), offsets of
 * timestamps (RFC 7323 section 7.1), and SYN cookies (RFC 4987 section 3.6). All are keyed hashes of the four-tuple.
 */
#ifndef CAY_KERNEL_NET_TCP_SECRET_H
#define CAY_KERNEL_NET_TCP_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/ipaddr.h"
#include "kernel/net/tcp_conn.h"
#include "lib/compiler.h"

/* Ports in network order. Sixteen bytes each so that hashing needs no padding. */
struct tcp_tuple {
	struct ipaddr local, remote;
	uint16_t lport, rport;
	uint32_t zero;
};

/* Once, before any other call here; 64 random bytes. */
void tcp_secret_init(const uint8_t seed[64]);

/* Rises by one every 64 ns for a tuple, so that a new incarnation is ahead of the old one. */
uint32_t tcp_secret_isn(const struct tcp_tuple *t, uint64_t now_ns);
uint32_t tcp_secret_ts_offset(const struct tcp_tuple *t);
uint32_t tcp_secret_hash(const struct tcp_tuple *t);

/*
 * A cookie holds what fits: the MSS as one of four values in the sequence number, and with timestamps the window scale
 * and SACK in the low bits of ours, *ts_val.
 */
uint32_t tcp_cookie_make(const struct tcp_tuple *t, const struct tcp_seg *syn, uint64_t now_ns, uint32_t *ts_val);
/* ack: the third segment. Fills in what the cookie says: iss, irs, mss_peer, ts_ok, sack_ok, wscale; the rest of *a
 * stays. False: no cookie of ours, or older than two minutes. */
MUST_CHECK bool tcp_cookie_check(const struct tcp_tuple *t, const struct tcp_seg *ack, uint64_t now_ns,
				 struct tcp_agreed *a);

#endif
