/* SPDX-License-Identifier: MIT */
/* dhcp_message.h - messages of DHCP (RFC 2131 section 2, options RFC 2132): writing requests, reading answers. No
 * state, no network. */
#ifndef CAY_KERNEL_NET_DHCP_MESSAGE_H
#define CAY_KERNEL_NET_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_DECLINE = 4,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7
};

/* Addresses in network order. */
struct dhcp_request {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	uint8_t mac[6];
	uint32_t ciaddr;    /* ours while renewing, else 0 */
	uint32_t requested; /* option 50, or 0 */
	uint32_t server;    /* option 54, or 0 */
	const char *hostname;
};

#define DHCP_DNS_MAX 3
struct dhcp_answer {
	enum dhcp_type type;
	uint32_t addr;    /* ours */
	uint32_t server;  /* option 54; 0: none */
	uint32_t router;  /* 0: none */
	uint8_t prefix;   /* bits; of the class when the server names no mask */
	uint16_t mtu;     /* 0: not said */
	uint32_t lease_s; /* UINT32_MAX: for ever; 0: not said */
	uint32_t t1_s, t2_s;
	unsigned nr_dns;
	uint32_t dns[DHCP_DNS_MAX];
};

#define DHCP_MESSAGE_BYTES 300u /* of what we send: the least that all servers take */

/* Fills buf, DHCP_MESSAGE_BYTES long. */
void dhcp_write(const struct dhcp_request *r, uint8_t *buf);
/* False: malformed, or not an answer to the one with this xid and mac. */
MUST_CHECK bool dhcp_read(const uint8_t *msg, size_t bytes, uint32_t xid, const uint8_t mac[6],
			  struct dhcp_answer *out);

#endif
