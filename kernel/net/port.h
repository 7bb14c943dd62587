/* SPDX-License-Identifier: MIT */
/*
 * port.h - which local ports are taken, for UDP and TCP: bind(2)'s rules, SO_REUSEADDR, SO_REUSEPORT, ephemeral ports
 * in random order (RFC 6056) from net.ipv4.ip_local_port_range.
 */
#ifndef CAY_KERNEL_NET_PORT_H
#define CAY_KERNEL_NET_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/channel.h"
#include "kernel/net/ipaddr.h"
#include "lib/compiler.h"

/* One socket's hold on a port. Embedded in the socket; zeroed before use. Several may share a port as the rules allow.
 */
struct port_claim {
	struct port_claim *next;
	struct ipaddr addr; /* any: all of ours */
	uint16_t port;      /* network order; 0: holds nothing */
	uint8_t proto;
	bool v6only, v4only; /* addr any: of one family only */
	bool reuse_addr, reuse_port;
	bool listening; /* TCP: SO_REUSEADDR does not share with a listener */
	bool shared;    /* the one in a struct port_share */
	bool connected; /* by connect's choice of a port: shares with others whose remote ends differ */
	int bound_if;
	uint32_t uid; /* SO_REUSEPORT shares among sockets of one user */
};

/*
 * Takes c->port, or a free ephemeral one when it is 0, under the conditions in c; c must hold nothing.
 * 0, -EADDRINUSE. Privileged ports are the caller's check (CAP_NET_BIND_SERVICE).
 */
MUST_CHECK int port_claim(struct port_claim *c);
/* The conditions of a held claim change (listen): -EADDRINUSE if others forbid it. */
MUST_CHECK int port_claim_listen(struct port_claim *c);
void port_release(struct port_claim *c); /* harmless when it holds nothing */

/*
 * What the connections hold that a listener made: one claim for all of the same address and conditions, counted. It
 * stays when the listener goes, so that its port cannot be had by others who do not both allow it, as on Linux.
 */
struct port_share;
/* For a new connection; like: a claim of this address and conditions, which is only read. NULL: no memory. */
MUST_CHECK struct port_share *port_share_get(const struct port_claim *like);
void port_share_put(struct port_share *s); /* NULL is allowed */

/*
 * For connect without a bound port: claims an ephemeral port and inserts ch under key (lport is filled in), so that the
 * four-tuple is unique. Several connections to different peers may share a port.
 * 0, -EADDRNOTAVAIL: all taken; -ENOMEM.
 */
MUST_CHECK int port_connect(struct port_claim *c, struct channel *ch, struct channel_key *key);

/* Host order, inclusive. Settable through /proc/sys/net/ipv4/ip_local_port_range. */
extern uint16_t port_range_first, port_range_last;
/* Ports below need CAP_NET_BIND_SERVICE: net.ipv4.ip_unprivileged_port_start. */
extern uint16_t port_unprivileged_start;

#endif
