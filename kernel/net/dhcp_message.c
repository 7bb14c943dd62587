/* SPDX-License-Identifier: MIT */
/* dhcp_message.c - see dhcp_message.h. */
#include "kernel/net/dhcp_message.h"

#include <arpa/inet.h>

#include "lib/string.h"

struct header {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64], file[128];
	uint8_t cookie[4];
};
_Static_assert(sizeof(struct header) == 240, "RFC 2131 section 2");

static const uint8_t cookie[4] = {99, 130, 83, 99};

enum {
	OP_REQUEST = 1,
	OP_REPLY = 2,
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_END = 255
};

static uint8_t *put(uint8_t *at, uint8_t option, const void *data, size_t bytes)
{
	at[0] = option;
	at[1] = (uint8_t)bytes;
	memcpy(at + 2, data, bytes);
	return at + 2 + bytes;
}

#define HOSTNAME_MAX 24u

void dhcp_write(const struct dhcp_request *r, uint8_t *buf)
{
	static const uint8_t wanted[] = {OPT_MASK, OPT_ROUTER, OPT_DNS, OPT_MTU, OPT_LEASE, OPT_T1, OPT_T2};
	struct header h = {
		.op = OP_REQUEST, .htype = 1, .hlen = 6, .xid = r->xid, .secs = htons(r->secs), .ciaddr = r->ciaddr};
	uint8_t *at = buf + sizeof(h), type = (uint8_t)r->type, id[7] = {1};

	memset(buf, 0, DHCP_MESSAGE_BYTES);
	memcpy(h.chaddr, r->mac, 6);
	memcpy(h.cookie, cookie, 4);
	memcpy(buf, &h, sizeof(h));
	memcpy(id + 1, r->mac, 6);
	at = put(at, OPT_TYPE, &type, 1);
	at = put(at, OPT_CLIENT_ID, id, sizeof(id));
	if (r->requested != 0)
		at = put(at, OPT_REQUESTED, &r->requested, 4);
	if (r->server != 0)
		at = put(at, OPT_SERVER, &r->server, 4);
	at = put(at, OPT_PARAMETERS, wanted, sizeof(wanted));
	if (r->hostname != NULL && r->hostname[0] != '\0' && strlen(r->hostname) <= HOSTNAME_MAX - 6)
		at = put(at, OPT_HOSTNAME, r->hostname, strlen(r->hostname));
	*at = OPT_END; /* 240 + 3 + 9 + 6 + 6 + 9 + 20 + 1 < 300 */
}

static uint32_t u32_at(const uint8_t *data, size_t bytes)
{
	uint32_t v = 0;

	if (bytes >= 4)
		memcpy(&v, data, 4);
	return v;
}

static uint8_t prefix_of(uint32_t mask)
{
	return (uint8_t)__builtin_popcount(mask);
}

static uint8_t class_prefix(uint32_t addr)
{
	uint8_t first = (uint8_t)addr;

	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static void take_option(struct dhcp_answer *a, uint8_t option, const uint8_t *data, size_t bytes)
{
	switch (option) {
	case OPT_TYPE:
		a->type = bytes == 1 ? (enum dhcp_type)data[0] : a->type;
		break;
	case OPT_MASK:
		a->prefix = prefix_of(u32_at(data, bytes));
		break;
	case OPT_ROUTER:
		a->router = u32_at(data, bytes);
		break;
	case OPT_SERVER:
		a->server = u32_at(data, bytes);
		break;
	case OPT_DNS:
		for (; bytes >= 4 && a->nr_dns < DHCP_DNS_MAX; bytes -= 4, data += 4)
			a->dns[a->nr_dns++] = u32_at(data, bytes);
		break;
	case OPT_MTU:
		a->mtu = bytes == 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
		break;
	case OPT_LEASE:
		a->lease_s = ntohl(u32_at(data, bytes));
		break;
	case OPT_T1:
		a->t1_s = ntohl(u32_at(data, bytes));
		break;
	case OPT_T2:
		a->t2_s = ntohl(u32_at(data, bytes));
		break;
	}
}

bool dhcp_read(const uint8_t *msg, size_t bytes, uint32_t xid, const uint8_t mac[6], struct dhcp_answer *out)
{
	struct header h;
	size_t at = sizeof(h);

	if (bytes < sizeof(h))
		return false;
	memcpy(&h, msg, sizeof(h));
	if (h.op != OP_REPLY || h.hlen != 6 || h.xid != xid || memcmp(h.chaddr, mac, 6) != 0 ||
	    memcmp(h.cookie, cookie, 4) != 0)
		return false;
	*out = (struct dhcp_answer){.addr = h.yiaddr};
	while (at < bytes && msg[at] != OPT_END) {
		if (msg[at] == OPT_PAD) {
			at++;
			continue;
		}
		if (bytes - at < 2 || msg[at + 1] > bytes - at - 2)
			return false;
		take_option(out, msg[at], msg + at + 2, msg[at + 1]);
		at += 2u + msg[at + 1];
	}
	if (out->prefix == 0)
		out->prefix = class_prefix(out->addr);
	return out->type == DHCP_OFFER || out->type == DHCP_ACK || out->type == DHCP_NAK;
}
