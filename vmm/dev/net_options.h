/* SPDX-License-Identifier: MIT */
/* net_options.h - what --net, -p and --pcap ask for: plain data, checked, before any VM exists. */
#ifndef CAY_VMM_DEV_NET_OPTIONS_H
#define CAY_VMM_DEV_NET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum net_kind { NET_USER, NET_TAP, NET_LINK, NET_NONE };

/* A port of the host that leads to one of the guest. */
struct net_publish {
	bool v6;             /* the address, and by which the guest is reached */
	uint8_t host_ip[16]; /* network order; 4 bytes, with v6 all */
	uint16_t host_port, guest_port;
	bool udp;
};
#define NET_PUBLISH_MAX 64

/* A bad line, made on purpose, in each direction alike. All zero: a good one. */
struct net_impairment {
	uint32_t loss_ppm;    /* of frames */
	uint32_t reorder_ppm; /* of frames, which skip the delay */
	uint64_t delay_ns;
	uint64_t rate_bps; /* bits per second; 0 = as fast as it goes */
	uint64_t seed;     /* the same seed and traffic give the same losses */
};

#define NET_LINK_NAME_MAX 32

struct net_options {
	enum net_kind kind;
	char name[NET_LINK_NAME_MAX + 1]; /* tap: interface, link: name of the link */
	uint16_t mtu;                     /* 0 = the kind's default */
	bool has_mac;
	uint8_t mac[6];
	/* Network order; all zero = not given. prefix: bits. */
	uint8_t ip4[4], gateway4[4], dns4[4];
	uint8_t prefix4;
	uint8_t ip6[16], gateway6[16];
	uint8_t prefix6;
	struct net_impairment impair;
	struct net_publish publish[NET_PUBLISH_MAX];
	unsigned nr_publish;
	const char *pcap; /* file; NULL = none */
	int pcap_fd;      /* opened before the sandbox; -1 = none */
};

static inline bool net_is_impaired(const struct net_impairment *i)
{
	return i->loss_ppm != 0 || i->delay_ns != 0 || i->rate_bps != 0;
}

#endif
