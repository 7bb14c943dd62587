/* SPDX-License-Identifier: MIT */
/* Reports of groups: on joining and leaving, to queries of both versions, and that a flood of queries is bounded. */
// SOURCES: @net kernel/net/group_report.c
#include "unit.h"

#include <linux/icmpv6.h>

#include "net_fixture.h"

static const struct ipaddr group6 = {.b = {0xff, 2, [14] = 7, [15] = 1}};
static struct ipaddr group4;

static int start(void **state)
{
	struct ipaddr local = {.b = {0xfe, 0x80, [15] = 1}};

	(void)state;
	net_fixture_start();
	wire.reports_groups = true;
	group4 = ipaddr_v4(htonl(0xefffff01));
	return netif_add_addr(&wire, &local, 64, NETIF_ADDR_READY);
}

static void pass(uint64_t ns)
{
	shim_clock_set(clock_monotonic_ns() + ns);
	ktimer_run_expired();
	(void)net_work_round();
}

static int setup(void **state)
{
	(void)state;
	pass(3 * NSEC_PER_SEC);   /* what is still to be said about the past */
	pass(500 * NSEC_PER_SEC); /* whoever asked before is forgotten */
	nr_sent = 0;
	return 0;
}

/* Is this a report about group4 of this type (IGMP) or record, well formed? */
static bool is_igmp(unsigned i, uint8_t type, uint8_t record, uint32_t dst)
{
	const uint8_t *ip = sent[i].data + 14, *m = ip + 24;
	unsigned bytes = type == 0x22 ? 16 : 8;

	return sent[i].bytes == 14 + 24 + bytes && ip[0] == 0x46 && ip[8] == 1 && ip[9] == IPPROTO_IGMP &&
	       ip[20] == 0x94 && inet_checksum(ip, 24) == 0 && inet_checksum(m, bytes) == 0 &&
	       memcmp(ip + 16, &dst, 4) == 0 && m[0] == type && memcmp(m + bytes - 4, &group4.w[3], 4) == 0 &&
	       (type != 0x22 || (m[7] == 1 && m[8] == record));
}

static bool is_mld(unsigned i, uint8_t type, uint8_t record)
{
	const uint8_t *ip = sent[i].data + 14, *m = ip + 48;
	struct ipaddr src = ipaddr_v6(ip + 8), dst = ipaddr_v6(ip + 24);
	unsigned bytes = type == 143 ? 28 : 24;

	return sent[i].bytes == 14 + 48 + bytes && ip[6] == 0 && ip[7] == 1 && ip[40] == IPPROTO_ICMPV6 &&
	       ip[42] == 5 &&
	       inet_checksum_finish(inet_sum(m, bytes, ip_pseudo_sum(&src, &dst, IPPROTO_ICMPV6, bytes))) == 0 &&
	       ipaddr_is_link_local(&src) && m[0] == type && memcmp(m + bytes - 16, &group6, 16) == 0 &&
	       (type != 143 || (m[7] == 1 && m[8] == record && ip[39] == 0x16));
}

static void igmp_query(const uint8_t *message, uint32_t bytes)
{
	uint8_t f[100], m[20];
	uint16_t sum;

	memcpy(m, message, bytes);
	memset(m + 2, 0, 2);
	sum = inet_checksum(m, bytes);
	memcpy(m + 2, &sum, 2);
	wire_in(f, make_v4(f, IPPROTO_IGMP, PEER_IP, htonl(0xe0000001), m, bytes, 1, 0));
}

static void mld_ask(uint32_t bytes, uint8_t hops)
{
	static const uint8_t src[16] = {0xfe, 0x80, [15] = 9}, all[16] = {0xff, 2, [15] = 1};
	uint8_t f[120] = {[12] = 0x86,           [13] = 0xdd, [14] = 0x60, [19] = (uint8_t)bytes,
			  [20] = IPPROTO_ICMPV6, [21] = hops, [54] = 130,  [58] = 3};
	struct ipaddr from = ipaddr_v6(src), to = ipaddr_v6(all);
	uint16_t sum;

	memcpy(f, our_mac, 6);
	memcpy(f + 22, src, 16);
	memcpy(f + 38, all, 16);
	sum = inet_checksum_finish(inet_sum(f + 54, bytes, ip_pseudo_sum(&from, &to, IPPROTO_ICMPV6, bytes)));
	memcpy(f + 56, &sum, 2);
	wire_in(f, 54 + bytes);
}

static void test_joining_and_leaving(void **state)
{
	(void)state;
	assert_int_equal(netif_join(&wire, &group4), 0);
	assert_int_equal(netif_join(&wire, &group4), 0); /* a second member changes nothing */
	pass(1);
	assert_int_equal(nr_sent, 1);
	assert_true(is_igmp(0, 0x22, 4, htonl(0xe0000016)));
	pass(NSEC_PER_SEC);
	assert_int_equal(nr_sent, 2); /* said twice, no more */
	pass(10 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(netif_leave(&wire, &group4), 0);
	pass(1);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(netif_leave(&wire, &group4), 0);
	pass(1);
	assert_int_equal(nr_sent, 3);
	assert_true(is_igmp(2, 0x22, 3, htonl(0xe0000016)));
}

static void test_joining_and_leaving_with_ipv6(void **state)
{
	(void)state;
	assert_int_equal(netif_join(&wire, &group6), 0);
	pass(1);
	assert_int_equal(nr_sent, 1);
	assert_true(is_mld(0, 143, 4));
	assert_int_equal(netif_leave(&wire, &group6), 0); /* takes the place of what was still to be said */
	pass(2 * NSEC_PER_SEC);
	pass(2 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 3);
	assert_true(is_mld(1, 143, 3) && is_mld(2, 143, 3));
}

static void test_queries(void **state)
{
	static const uint8_t general3[12] = {0x11, 10}, old[8] = {0x11, 10}, other[8] = {0x11, 10, [4] = 0xef, [7] = 9};

	(void)state;
	assert_int_equal(netif_join(&wire, &group4), 0);
	assert_int_equal(netif_join(&wire, &group6), 0);
	pass(3 * NSEC_PER_SEC);
	pass(3 * NSEC_PER_SEC);
	nr_sent = 0;
	igmp_query(general3, sizeof(general3));
	assert_int_equal(nr_sent, 0); /* not at once */
	pass(NSEC_PER_SEC);
	assert_int_equal(nr_sent, 1);
	assert_true(is_igmp(0, 0x22, 2, htonl(0xe0000016)));
	mld_ask(28, 1);
	pass(3 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 2);
	assert_true(is_mld(1, 143, 2));
	mld_ask(28, 64); /* from beyond the link */
	igmp_query(other, sizeof(other));
	pass(3 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 2);
	igmp_query(old, sizeof(old)); /* version 2 from now on */
	mld_ask(24, 1);
	pass(3 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 4);
	assert_true(is_igmp(2, 0x16, 0, group4.w[3]) || is_igmp(3, 0x16, 0, group4.w[3]));
	assert_true(is_mld(2, 131, 0) || is_mld(3, 131, 0));
	assert_int_equal(netif_leave(&wire, &group4), 0);
	assert_int_equal(netif_leave(&wire, &group6), 0);
	pass(1);
	assert_int_equal(nr_sent, 6);
	assert_true(is_igmp(4, 0x17, 0, htonl(0xe0000002)) || is_igmp(5, 0x17, 0, htonl(0xe0000002)));
}

static void test_a_flood_of_queries_is_bounded(void **state)
{
	static const uint8_t general3[12] = {0x11, 0};

	(void)state;
	assert_int_equal(netif_join(&wire, &group4), 0);
	pass(3 * NSEC_PER_SEC);
	pass(3 * NSEC_PER_SEC);
	nr_sent = 0;
	for (unsigned i = 0; i < 10000; i++) {
		igmp_query(general3, sizeof(general3));
		if (i % 10 == 0)
			pass(NSEC_PER_SEC / 1000);
	}
	assert_in_range(nr_sent, 1, 60);
	assert_int_equal(netif_leave(&wire, &group4), 0);
}

static void test_quiet_interfaces_say_nothing(void **state)
{
	struct ipaddr all = ipaddr_v4(htonl(0xe0000001));

	(void)state;
	assert_int_equal(netif_join(&wire, &all), 0);
	wire.reports_groups = false;
	assert_int_equal(netif_join(&wire, &group4), 0);
	pass(3 * NSEC_PER_SEC);
	assert_int_equal(nr_sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_joining_and_leaving, setup),
		cmocka_unit_test_setup(test_joining_and_leaving_with_ipv6, setup),
		cmocka_unit_test_setup(test_queries, setup),
		cmocka_unit_test_setup(test_a_flood_of_queries_is_bounded, setup),
		cmocka_unit_test_setup(test_quiet_interfaces_say_nothing, setup),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
