/* SPDX-License-Identifier: MIT */
/* The DHCP client: its messages, malformed answers, and a lease from the first question to its end. */
// SOURCES: @net kernel/net/dhcp.c kernel/net/dhcp_message.c
#include "unit.h"

#include "kernel/linux/uts.h"
#include "kernel/net/dhcp.h"
#include "kernel/net/dhcp_message.h"
#include "kernel/net/netconf.h"
#include "net_fixture.h"

#define LEASED htonl(0x0a0000c8)
#define SERVER htonl(0x0a000002)

static struct ipaddr gateway;

const struct uts_names *uts_current(void)
{
	static const struct uts_names u = {.nodename = "vm"};

	return &u;
}

void netconf_default_route(struct netif *nif, const struct ipaddr *gw, uint8_t protocol)
{
	(void)nif;
	(void)protocol;
	gateway = *gw;
}

/* An answer to the last message that was sent, in a frame. */
static void answer(uint8_t type, uint32_t lease_s)
{
	static uint8_t msg[300], udp[400], frame[500];
	const uint8_t *asked = sent[nr_sent - 1].data + 14 + 20 + 8;
	uint32_t addr = LEASED, server = SERVER, lease = htonl(lease_s), n;
	uint8_t *at = msg + 240;

	memset(msg, 0, sizeof(msg));
	memcpy(msg, asked, 240);
	msg[0] = 2;
	memcpy(msg + 16, &addr, 4);
	const uint8_t head[] = {53, 1, type, 1, 4, 255, 255, 255, 0, 0, 54, 4};
	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	memcpy(at, &server, 4);
	at[4] = 51;
	at[5] = 4;
	memcpy(at + 6, &lease, 4);
	at[10] = 3;
	at[11] = 4;
	memcpy(at + 12, &server, 4);
	at[16] = 6;
	at[17] = 4;
	memcpy(at + 18, &server, 4);
	at[22] = 255;
	n = make_udp(udp, 67, 68, msg, sizeof(msg));
	wire_in(frame, make_v4(frame, IPPROTO_UDP, SERVER, htonl(0xffffffff), udp, n, 1, 0));
}

static uint8_t sent_type(void)
{
	/* the type is the first option we write */
	return sent[nr_sent - 1].data[14 + 20 + 8 + 240 + 2];
}

static void pass(uint64_t ns)
{
	shim_clock_set(clock_monotonic_ns() + ns);
	ktimer_run_expired();
	(void)net_work_round();
}

static void test_lease_from_question_to_end(void **state)
{
	struct ipaddr leased = ipaddr_v4(LEASED), server = ipaddr_v4(SERVER);

	(void)state;
	dhcp_start(&wire);
	assert_int_equal(nr_sent, 1);
	assert_int_equal(sent_type(), DHCP_DISCOVER);
	pass(NSEC_PER_SEC + 1); /* nobody answers: again */
	assert_int_equal(nr_sent, 2);
	answer(DHCP_ACK, 3600); /* nobody asked for that yet */
	assert_null(netif_find_addr(&wire, &leased));
	answer(DHCP_OFFER, 3600);
	assert_int_equal(sent_type(), DHCP_REQUEST);
	assert_false(dhcp_wait(clock_monotonic_ns()));
	answer(DHCP_ACK, 3600);
	assert_non_null(netif_find_addr(&wire, &leased));
	assert_true(dhcp_wait(clock_monotonic_ns()));
	assert_true(ipaddr_eq(&gateway, &server));
	assert_int_equal(shim_nr_dns(), 1);
	/* half of the lease later it is renewed, by the server we have */
	neigh_learn(&wire, &server, peer_mac, true, true, true);
	nr_sent = 0;
	pass(1801 * NSEC_PER_SEC);
	assert_true(nr_sent >= 1);
	assert_int_equal(sent_type(), DHCP_REQUEST);
	answer(DHCP_ACK, 600);
	/* nobody renews: the address goes with the lease, and the client asks anew */
	for (int i = 0; i < 20; i++)
		pass(61 * NSEC_PER_SEC);
	assert_null(netif_find_addr(&wire, &leased));
	assert_int_equal(sent_type(), DHCP_DISCOVER);
}

static void test_answers_are_checked(void **state)
{
	uint8_t msg[DHCP_MESSAGE_BYTES], mac[6] = {1, 2, 3, 4, 5, 6};
	struct dhcp_request r = {.type = DHCP_DISCOVER, .xid = 42};
	struct dhcp_answer a;

	(void)state;
	memcpy(r.mac, mac, 6);
	dhcp_write(&r, msg);
	assert_false(dhcp_read(msg, sizeof(msg), 42, mac, &a)); /* a request */
	msg[0] = 2;
	assert_false(dhcp_read(msg, sizeof(msg), 42, mac, &a)); /* the wrong type of message */
	msg[242] = DHCP_OFFER;
	assert_true(dhcp_read(msg, sizeof(msg), 42, mac, &a));
	assert_false(dhcp_read(msg, sizeof(msg), 43, mac, &a));
	assert_false(dhcp_read(msg, 239, 42, mac, &a));
	msg[28] ^= 1;
	assert_false(dhcp_read(msg, sizeof(msg), 42, mac, &a));
	msg[28] ^= 1;
	/* every cut and every length of an option */
	for (size_t n = 243; n < sizeof(msg); n++)
		assert_true(dhcp_read(msg, n, 42, mac, &a) || n < sizeof(msg));
	for (unsigned len = 0; len < 256; len++) {
		msg[241] = (uint8_t)len;
		assert_true(!dhcp_read(msg, sizeof(msg), 42, mac, &a) || a.type == DHCP_OFFER || len != 1);
	}
}

static int start(void **state)
{
	(void)state;
	net_fixture_start();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_checked),
		cmocka_unit_test(test_lease_from_question_to_end),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
