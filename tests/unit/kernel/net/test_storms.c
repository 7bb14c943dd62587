/* SPDX-License-Identifier: MIT */
/*
 * Storms of ARP and neighbour discovery from a hostile link: answers are limited, tables bounded, and who is talked to
 * stays known. Floods of fragments: test_ip.c; of SYNs: test_tcp_listen.c; of segments: tests/net.
 */
// SOURCES: @net
#include "unit.h"

#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/ndp.h"
#include "net_fixture.h"

#define STORM      20000u
#define ANSWERS    1100u /* a second, and a few */
#define MEMORY_MAX (1u << 20)

static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};

static int start(void **state)
{
	(void)state;
	net_fixture_start();
	slaac_start(&wire, false, true);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	nr_sent = 0;
	shim_clock_set(clock_monotonic_ns() + 10 * NSEC_PER_SEC);
	return 0;
}

static unsigned nr_neighbours(void)
{
	struct neigh_info info;
	unsigned n = 0;

	while (neigh_get(n, &info))
		n++;
	return n;
}

/* How many frames were sent since: the list has room for WIRE_MAX, so it is emptied each time. */
static unsigned counted;

static void count_sent(void)
{
	counted += nr_sent;
	nr_sent = 0;
}

static void arp(uint16_t op, uint32_t src, uint32_t dst, unsigned who)
{
	uint8_t f[42] = {[12] = 8, [13] = 6, [15] = 1, [16] = 8, [18] = 6, [19] = 4, [21] = (uint8_t)op};
	const uint8_t mac[6] = {2, 1, (uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who, 7};

	memset(f, 0xff, 6);
	memcpy(f + 6, mac, 6);
	memcpy(f + 22, mac, 6);
	memcpy(f + 28, &src, 4);
	memcpy(f + 38, &dst, 4);
	wire_in(f, sizeof(f));
}

/* Is a datagram to the peer sent at once, to its link address? */
static bool peer_is_known(struct socket *s)
{
	static const uint8_t mac[6] = {2, 1, 0, 0, 0, 7};

	nr_sent = 0;
	assert_int_equal(udp_write(s, PEER_IP, 9, "x", 1), 1);
	return nr_sent == 1 && memcmp(sent[0].data, mac, 6) == 0;
}

static void test_arp_storm(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	size_t before = kmalloc_bytes_used();

	(void)state;
	arp(1, PEER_IP, OUR_IP, 0);
	counted = 0;
	for (unsigned i = 1; i <= STORM; i++) {
		arp(1, htonl(0x0a010000 + i), OUR_IP, i);
		count_sent();
		if (i % 200 == 0) {
			shim_clock_set(clock_monotonic_ns() + 1000);
			assert_true(peer_is_known(s));
			nr_sent = 0;
		}
	}
	assert_in_range(counted, 100, ANSWERS);
	assert_in_range(nr_neighbours(), 1, NEIGH_MAX);
	assert_true(kmalloc_bytes_used() - before < MEMORY_MAX);
	s->ops->release(s);
}

static void test_answers_that_nobody_asked_for_are_not_kept(void **state)
{
	unsigned before = nr_neighbours();

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		arp(2, htonl(0x0a020000 + i), OUR_IP, i);
		arp(2, htonl(0x0a020000 + i), htonl(0x0a020000 + i), i);
	}
	assert_int_equal(nr_neighbours(), before);
	assert_int_equal(nr_sent, 0);
}

/* An ICMPv6 message from `src`, with its headers and checksum. */
static void icmp6(const uint8_t src[16], const uint8_t dst[16], const void *message, uint16_t bytes)
{
	struct ipaddr from = ipaddr_v6(src), to = ipaddr_v6(dst);
	uint8_t f[200] = {
		[12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = (uint8_t)bytes, [20] = IPPROTO_ICMPV6, [21] = 255};
	uint16_t sum;

	memcpy(f, all_nodes, 6);
	memcpy(f + 6, peer_mac, 6);
	memcpy(f + 22, src, 16);
	memcpy(f + 38, dst, 16);
	memcpy(f + 54, message, bytes);
	sum = inet_checksum_finish(inet_sum(f + 54, bytes, ip_pseudo_sum(&from, &to, IPPROTO_ICMPV6, bytes)));
	memcpy(f + 56, &sum, 2);
	wire_in(f, 54u + bytes);
}

static void test_solicitation_storm(void **state)
{
	static const uint8_t ours[16] = {0xfd, [15] = 1}, group[16] = {0xff, 2, [11] = 1, [12] = 0xff, [15] = 1};
	size_t before = kmalloc_bytes_used();

	(void)state;
	counted = 0;
	for (unsigned i = 1; i <= STORM; i++) {
		uint8_t m[32] = {[0] = 135, [24] = 1, [25] = 1, [26] = 2, [30] = (uint8_t)(i >> 8), [31] = (uint8_t)i};
		uint8_t src[16] = {0xfe, 0x80, [13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};

		memcpy(m + 8, ours, 16);
		icmp6(src, group, m, sizeof(m));
		count_sent();
	}
	assert_in_range(counted, 100, ANSWERS);
	assert_in_range(nr_neighbours(), 1, NEIGH_MAX);
	assert_true(kmalloc_bytes_used() - before < MEMORY_MAX);
}

/* A router advertisement with one prefix. */
static void advertise(unsigned router, unsigned prefix, uint16_t lifetime_s)
{
	static const uint8_t all[16] = {0xff, 2, [15] = 1};
	const uint8_t src[16] = {0xfe, 0x80, [13] = 9, [14] = (uint8_t)(router >> 8), [15] = (uint8_t)router};
	uint8_t m[48] = {[0] = 134,
			 [6] = (uint8_t)(lifetime_s >> 8),
			 [7] = (uint8_t)lifetime_s,
			 [16] = 3,
			 [17] = 4,
			 [18] = 64,
			 [19] = 0xc0,
			 [22] = 0x10,
			 [26] = 0x10,
			 [32] = 0x20,
			 [34] = (uint8_t)(prefix >> 8),
			 [35] = (uint8_t)prefix};

	icmp6(src, all, m, sizeof(m));
	while (net_work_round()) /* the network thread takes them */
		;
}

static unsigned nr_routers(void)
{
	struct route_entry e;
	unsigned n = 0;

	for (unsigned i = 0; route_get(i, &e); i++)
		n += e.protocol == RTPROT_RA;
	return n;
}

static void test_false_routers_leave_room(void **state)
{
	struct ipaddr lease = ipaddr_v4(htonl(0x0a000009));
	struct route_entry e = {
		.dst = ipaddr_v4(htonl(0x0a500000)), .prefix = 112, .netif = &wire, .valid_until_ns = UINT64_MAX};

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		advertise(i, i, 1800);
	assert_int_equal(nr_routers(), 8);
	assert_in_range(wire.nr_addrs, 4, 12);
	assert_int_equal(netif_add_addr(&wire, &lease, 24, NETIF_ADDR_READY), 0);
	assert_int_equal(route_add(&e), 0);
	advertise(3, 3, 0); /* one of them says goodbye: there is room for another */
	assert_int_equal(nr_routers(), 7);
	advertise(2000, 3, 1800);
	assert_int_equal(nr_routers(), 8);
	shim_clock_set(clock_monotonic_ns() + 3000 * NSEC_PER_SEC);
	advertise(3000, 3, 1800); /* and when their time is over */
	assert_int_equal(nr_routers(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_arp_storm, setup),
		cmocka_unit_test_setup(test_answers_that_nobody_asked_for_are_not_kept, setup),
		cmocka_unit_test_setup(test_solicitation_storm, setup),
		cmocka_unit_test_setup(test_false_routers_leave_room, setup),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
