/* SPDX-License-Identifier: MIT */
/*
 * tcp_wire.h - the TCP header and its options as bytes (RFC 9293 section 3.1; options: 7323, 2018, 7413).
 * The peer is hostile: every length is checked here, and nothing behind this file looks at raw options again.
 */
#ifndef CAY_KERNEL_NET_TCP_WIRE_H
#define CAY_KERNEL_NET_TCP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define TCP_HEADER_BYTES  20
#define TCP_OPTIONS_BYTES 40
#define TCP_SACK_MAX      4 /* blocks that fit into the options */
#define TCP_COOKIE_MIN    4 /* of TCP Fast Open: RFC 7413 section 2 */
#define TCP_COOKIE_MAX    16

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u
#define TCP_ECE 0x40u
#define TCP_CWR 0x80u

struct tcp_sack_block {
	uint32_t start, end; /* [start, end) */
};

/* A segment as the protocol sees it, in host byte order. */
struct tcp_seg {
	uint32_t seq, ack;
	uint32_t len; /* bytes of data, without SYN and FIN */
	uint16_t src_port, dst_port;
	uint16_t wnd, urg;
	uint8_t flags; /* TCP_FIN... */
	uint8_t header_bytes;

	bool has_ts, sack_ok, has_wscale;
	bool ce;         /* congestion experienced, from the IP header: the caller's to set */
	uint8_t wscale;  /* with has_wscale; at most 14 */
	uint8_t nr_sack; /* blocks in sack[]; each start < end */
	uint16_t mss;    /* 0: not given */
	uint32_t ts_val, ts_ecr;
	struct tcp_sack_block sack[TCP_SACK_MAX];
	uint8_t cookie_bytes; /* of TCP Fast Open, in a SYN; 0: none */
	uint8_t cookie[TCP_COOKIE_MAX];
};

/*
 * Parses header and options from the first `bytes` bytes of a segment whose total length is total_bytes (header and
 * data); the whole header must be among them. False when it is malformed: too short, or a data offset that does not
 * fit. Options that are malformed end the list of options; the segment stands (RFC 9293 section 3.1 leaves that open).
 * Sets everything but ce. Guest-triggerable: yes, and by the peer.
 */
MUST_CHECK bool tcp_wire_parse(struct tcp_seg *seg, const void *header, size_t bytes, size_t total_bytes);

/* Writes a header of TCP_HEADER_BYTES + opt_bytes (a multiple of 4) to out; the checksum is left 0. Returns its length.
 */
size_t tcp_wire_build(const struct tcp_seg *seg, const uint8_t *opt, size_t opt_bytes, uint8_t *out);

/* Option writers: put an option at p, padded with no-operations to a multiple of 4, and return the end. */
uint8_t *tcp_opt_mss(uint8_t *p, uint16_t mss);
uint8_t *tcp_opt_wscale(uint8_t *p, uint8_t shift);
uint8_t *tcp_opt_sack_permitted(uint8_t *p);
uint8_t *tcp_opt_timestamps(uint8_t *p, uint32_t val, uint32_t ecr);
uint8_t *tcp_opt_sack(uint8_t *p, const struct tcp_sack_block *blocks, unsigned nr);
uint8_t *tcp_opt_fast_open(uint8_t *p, const uint8_t *cookie, unsigned bytes); /* bytes 0: asks for one */
#define TCP_OPT_TS_BYTES 12

#endif
