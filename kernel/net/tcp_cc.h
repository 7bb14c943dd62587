/* SPDX-License-Identifier: MIT */
/*
 * tcp_cc.h - congestion control: how the window grows, and what is left of it after a loss.
 * When to reduce is decided elsewhere (tcp_recovery.c). All sizes are bytes. An algorithm's own numbers live in
 * c->cc_state, zeroed by init.
 */
#ifndef CAY_KERNEL_NET_TCP_CC_H
#define CAY_KERNEL_NET_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;

struct tcp_cc {
	const char *name; /* as TCP_CONGESTION says it */
	void (*init)(struct tcp_conn *c);
	/* `acked` bytes were delivered while the window was in use and nothing is lost. */
	void (*grow)(struct tcp_conn *c, uint32_t acked);
	/* A loss (or ECN mark): the new ssthresh. */
	uint32_t (*reduce)(struct tcp_conn *c);
	/* A round-trip sample; may be NULL. */
	void (*rtt)(struct tcp_conn *c, uint64_t rtt_ns);
	/* After a timeout, or the first data after a long silence; may be NULL. */
	void (*restart)(struct tcp_conn *c);
};

extern const struct tcp_cc tcp_cubic, tcp_reno;
/* NULL: not known. len: without a terminating NUL. */
const struct tcp_cc *tcp_cc_find(const char *name, unsigned len);

/* Slow start (RFC 5681 section 3.1): what is left of acked when ssthresh has been reached. */
uint32_t tcp_slow_start(struct tcp_conn *c, uint32_t acked);
#define TCP_SSTHRESH_INFINITE 0x7fffffffu
#define TCP_CWND_MAX          (1u << 30)

#endif
