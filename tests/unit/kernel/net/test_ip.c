/* SPDX-License-Identifier: MIT */
/* The stack below TCP, from frame to socket and back: UDP, errors, neighbours, fragments, what is dropped and why. */
// SOURCES: @net
#include "unit.h"

#include <poll.h>

#include "net_fixture.h"

static uint8_t frame[70000], packet[70000], got[70000];

static int setup(void **state)
{
	(void)state;
	nr_sent = 0;
	memset(wire.stats.drop, 0, sizeof(wire.stats.drop));
	return 0;
}

static int start(void **state)
{
	(void)state;
	net_fixture_start();
	return 0;
}

/* Ethernet address of the peer, as if it had asked for ours. */
static void introduce_peer(void)
{
	struct ipaddr peer = ipaddr_v4(PEER_IP);

	neigh_learn(&wire, &peer, peer_mac, true, true, true);
}

static void udp_in(uint16_t dport, const char *text)
{
	uint32_t n = make_udp(packet, 1000, dport, text, (uint32_t)strlen(text));

	wire_in(frame, make_v4(frame, IPPROTO_UDP, PEER_IP, OUR_IP, packet, n, 1, 0));
}

static void test_datagram_reaches_its_socket(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);

	(void)state;
	udp_in(7, "hello");
	assert_int_equal(s->ops->poll(s, NULL, NULL) & POLLIN, POLLIN);
	assert_int_equal(udp_read(s, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(udp_read(s, got, sizeof(got)), -EAGAIN);
	s->ops->release(s);
}

static void test_unknown_port_is_answered_with_icmp(void **state)
{
	(void)state;
	introduce_peer();
	udp_in(9, "x");
	assert_int_equal(wire.stats.drop[NET_DROP_NO_SOCKET], 1);
	assert_int_equal(nr_sent, 1);
	assert_int_equal(sent[0].data[14 + 9], IPPROTO_ICMP);
	assert_int_equal(sent[0].data[34], 3);
	assert_int_equal(sent[0].data[35], 3);
	/* the quoted header is the one that came */
	assert_memory_equal(sent[0].data + 34 + 8, frame + 14, 28);
	assert_int_equal(inet_checksum(sent[0].data + 34, sent[0].bytes - 34), 0);
}

static void test_neighbour_is_asked_for_and_packets_wait(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	const uint32_t other = htonl(0x0a000009);
	uint8_t reply[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9};

	(void)state;
	assert_int_equal(udp_write(s, other, 5, "abc", 3), 3);
	assert_int_equal(udp_write(s, other, 5, "def", 3), 3);
	assert_int_equal(nr_sent, 1); /* one question, two packets waiting */
	assert_int_equal(sent[0].data[13], 6);
	memcpy(reply + 28, &other, 4);
	memcpy(reply + 32, our_mac, 6);
	memcpy(reply + 38, &(uint32_t){OUR_IP}, 4);
	wire_in(reply, sizeof(reply));
	assert_int_equal(nr_sent, 3);
	assert_memory_equal(sent[1].data + 42, "abc", 3);
	assert_memory_equal(sent[2].data + 42, "def", 3);
	s->ops->release(s);
}

static void test_silent_neighbour_is_an_error_of_the_socket(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(5), .sin_addr.s_addr = htonl(0x0a00000a)};
	struct sock_addr a = {.len = sizeof(sin)};
	uint64_t now = clock_monotonic_ns();

	(void)state;
	memcpy(a.bytes, &sin, sizeof(sin));
	assert_int_equal(s->ops->connect(s, &a, false), 0);
	assert_int_equal(udp_write(s, sin.sin_addr.s_addr, 5, "abc", 3), 3);
	for (int i = 0; i < 6; i++) {
		shim_clock_set(now += NSEC_PER_SEC + 1);
		ktimer_run_expired();
		(void)net_work_round();
	}
	assert_int_equal(nr_sent, 3);
	assert_int_equal(s->ops->take_error(s), EHOSTUNREACH);
	s->ops->release(s);
}

static void test_large_datagram_is_cut_and_put_together(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	static uint8_t data[20000], again[20000];

	(void)state;
	introduce_peer();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	assert_int_equal(udp_write(s, PEER_IP, 7, data, sizeof(data)), sizeof(data));
	assert_int_equal(nr_sent, 14);
	/* Sent back to us in reverse order, with the addresses exchanged. */
	for (unsigned i = nr_sent; i-- > 0;) {
		const uint8_t *ip = sent[i].data + 14;
		wire_in(frame, make_v4(frame, IPPROTO_UDP, PEER_IP, OUR_IP, ip + 20, sent[i].bytes - 34, 77,
				       (uint16_t)(ip[6] << 8 | ip[7])));
	}
	/* The checksum is over the addresses too, and stays right when they are exchanged. */
	assert_int_equal(udp_read(s, again, sizeof(again)), sizeof(data));
	assert_memory_equal(again, data, sizeof(data));
	s->ops->release(s);
}

static void fragment(uint16_t ident, uint16_t off, bool more, uint32_t bytes)
{
	memset(packet, 'f', bytes);
	if (off == 0)
		make_udp(packet, 1000, 7, packet + 8, bytes);
	wire_in(frame, make_v4(frame, IPPROTO_UDP, PEER_IP, OUR_IP, packet, bytes, ident,
			       (uint16_t)((more ? 0x2000 : 0) | off / 8)));
}

static void test_bad_fragments(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);

	(void)state;
	fragment(1, 0, true, 24);
	fragment(1, 16, false, 24); /* overlaps */
	assert_int_equal(wire.stats.drop[NET_DROP_FRAG_BAD], 1);
	fragment(1, 24, false, 8); /* too late: condemned */
	assert_int_equal(wire.stats.drop[NET_DROP_FRAG_BAD], 2);
	fragment(2, 0, true, 21);     /* not a multiple of 8 */
	fragment(3, 65528, true, 64); /* beyond 64 KiB */
	assert_int_equal(wire.stats.drop[NET_DROP_FRAG_BAD], 4);
	fragment(4, 8, false, 8);
	fragment(4, 8, false, 8);  /* a duplicate harms nothing */
	fragment(4, 8, false, 16); /* another end does */
	assert_int_equal(udp_read(s, got, sizeof(got)), -EAGAIN);
	s->ops->release(s);
}

static void test_fragment_flood_is_bounded(void **state)
{
	long pages = shim_pages_in_use();

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		fragment((uint16_t)(100 + i), 0, true, 1400);
	assert_true(wire.stats.drop[NET_DROP_FRAG_LIMIT] > 4900);
	shim_clock_set(clock_monotonic_ns() + 60 * NSEC_PER_SEC);
	fragment(6000, 0, true, 8);
	assert_true(wire.stats.drop[NET_DROP_FRAG_TIMEOUT] > 60);
	assert_true(shim_pages_in_use() <= pages + 8);
}

static void drops(enum net_drop why, const void *f, uint32_t bytes)
{
	uint64_t before = wire.stats.drop[why];

	wire_in(f, bytes);
	assert_int_equal(wire.stats.drop[why], before + 1);
}

/* The allocator fails at every step of putting a packet together: nothing may be left behind. */
static void test_reassembly_without_memory(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	long pages = shim_pages_in_use();

	(void)state;
	for (long n = 0; n < 12; n++) {
		fragment((uint16_t)(200 + n), 0, true, 1400);
		shim_kmalloc_fail_after(n);
		fragment((uint16_t)(200 + n), 1400, false, 1400);
		shim_kmalloc_fail_after(-1);
	}
	while (udp_read(s, got, sizeof(got)) >= 0)
		;
	s->ops->release(s);
	shim_clock_set(clock_monotonic_ns() + 60 * NSEC_PER_SEC);
	fragment(300, 0, true, 8);
	assert_true(shim_pages_in_use() <= pages);
}

static void test_malformed_headers_are_counted(void **state)
{
	uint32_t n = make_v4(frame, IPPROTO_UDP, PEER_IP, OUR_IP, "12345678", 8, 1, 0);

	(void)state;
	drops(NET_DROP_LINK_SHORT, frame, 13);
	drops(NET_DROP_IP_SHORT, frame, 14 + 19);
	drops(NET_DROP_IP_SHORT, frame, n - 1);
	frame[14 + 10] ^= 1;
	drops(NET_DROP_IP_CSUM, frame, n);
	frame[14] = 0x44;
	drops(NET_DROP_IP_HEADER, frame, n);
	make_v4(frame, IPPROTO_UDP, PEER_IP, htonl(0x0a0000f0), "12345678", 8, 1, 0);
	drops(NET_DROP_IP_NOT_OURS, frame, n);
	make_v4(frame, IPPROTO_UDP, htonl(0x7f000001), OUR_IP, "12345678", 8, 1, 0);
	drops(NET_DROP_IP_ADDR, frame, n);
	make_v4(frame, IPPROTO_UDP, htonl(0x0a0000ff), OUR_IP, "12345678", 8, 1, 0);
	drops(NET_DROP_IP_ADDR, frame, n);
	make_v4(frame, IPPROTO_UDP, PEER_IP, htonl(0x7f000001), "12345678", 8, 1, 0);
	drops(NET_DROP_IP_ADDR, frame, n);
	make_v4(frame, IPPROTO_UDP, PEER_IP, OUR_IP, "1234567", 7, 1, 0);
	drops(NET_DROP_L4_SHORT, frame, n - 1);
	frame[0] = 4;
	drops(NET_DROP_LINK_OTHER, frame, n);
	frame[0] = 2;
	frame[12] = 0x77;
	drops(NET_DROP_LINK_PROTO, frame, n);
}

static void test_echo(void **state)
{
	uint8_t echo[16] = {8, 0, 0, 0, 1, 2, 3, 4, 'p', 'i', 'n', 'g'};
	uint16_t sum = inet_checksum(echo, sizeof(echo));

	(void)state;
	introduce_peer();
	memcpy(echo + 2, &sum, 2);
	wire_in(frame, make_v4(frame, IPPROTO_ICMP, PEER_IP, OUR_IP, echo, sizeof(echo), 1, 0));
	assert_int_equal(nr_sent, 1);
	assert_int_equal(sent[0].data[34], 0);
	assert_memory_equal(sent[0].data + 38, echo + 4, 12);
	assert_int_equal(inet_checksum(sent[0].data + 34, 16), 0);
	/* to all: no answer */
	wire_in(frame, make_v4(frame, IPPROTO_ICMP, PEER_IP, htonl(0x0a0000ff), echo, sizeof(echo), 1, 0));
	assert_int_equal(nr_sent, 1);
}

static void test_port_rules(void **state)
{
	struct socket *a = udp_bound(AF_INET, 7), *b;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct sock_addr addr = {.len = sizeof(sin)};

	(void)state;
	memcpy(addr.bytes, &sin, sizeof(sin));
	assert_int_equal(inet_create(AF_INET, SOCK_DGRAM, 0, &b), 0);
	assert_int_equal(b->ops->bind(b, &addr), -EADDRINUSE);
	sin.sin_addr.s_addr = htonl(0x01020304);
	sin.sin_port = htons(8);
	memcpy(addr.bytes, &sin, sizeof(sin));
	assert_int_equal(b->ops->bind(b, &addr), -EADDRNOTAVAIL);
	sin.sin_addr.s_addr = 0;
	memcpy(addr.bytes, &sin, sizeof(sin));
	assert_int_equal(b->ops->bind(b, &addr), 0);
	assert_int_equal(b->ops->bind(b, &addr), -EINVAL);
	b->ops->release(b);
	a->ops->release(a);
	/* the port is free again */
	a = udp_bound(AF_INET, 7);
	a->ops->release(a);
}

static void test_loopback_datagram(void **state)
{
	struct socket *a = udp_bound(AF_INET, 7), *b = udp_bound(AF_INET6, 8);

	(void)state;
	assert_int_equal(udp_write(a, htonl(INADDR_LOOPBACK), 8, "local", 5), 5);
	assert_int_equal(udp_read(b, got, sizeof(got)), 5); /* a socket of both families */
	assert_int_equal(udp_write(a, htonl(INADDR_LOOPBACK), 9, "x", 1), 1);
	assert_int_equal(nr_sent, 0);
	a->ops->release(a);
	b->ops->release(b);
}

static void test_receive_buffer_is_a_limit(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		udp_in(7, "data");
	assert_true(wire.stats.drop[NET_DROP_SOCKET_FULL] > 4000);
	while (udp_read(s, got, sizeof(got)) == 4)
		n++;
	assert_true(n > 50 && n < 1000);
	s->ops->release(s);
}

/* An ICMP message that says a packet of ours from port `sport` to the peer's port 9 was too big. */
static void too_big_in(uint8_t proto, uint16_t sport, uint16_t mtu)
{
	uint8_t icmp[8 + 28] = {3, 4, [6] = (uint8_t)(mtu >> 8), [7] = (uint8_t)mtu};
	uint16_t ports[2] = {htons(sport), htons(9)}, sum;

	make_v4(packet, proto, OUR_IP, PEER_IP, NULL, 0, 1, 0);
	packet[14 + 2] = 1500 >> 8;
	packet[14 + 3] = 1500 & 255;
	memcpy(icmp + 8, packet + 14, 20);
	memcpy(icmp + 28, ports, sizeof(ports));
	sum = inet_checksum(icmp, sizeof(icmp));
	memcpy(icmp + 2, &sum, sizeof(sum));
	wire_in(frame, make_v4(frame, IPPROTO_ICMP, PEER_IP, OUR_IP, icmp, sizeof(icmp), 1, 0));
}

static struct pbuf *taken;

static void take_batch(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	(void)ch;
	(void)bits;
	pbuf_put_chain(taken);
	taken = batch;
}

static void not_freed(struct channel *ch)
{
	(void)ch;
}

static const struct channel_ops channel_ops = {.run = take_batch, .free = not_freed};

/* A forged message changes a path only if it quotes a packet that the protocol knows of. */
static void test_path_mtu_is_believed_by_the_protocol(void **state)
{
	struct channel_key key = {.local = ipaddr_v4(OUR_IP),
				  .remote = ipaddr_v4(PEER_IP),
				  .lport = htons(7),
				  .rport = htons(9),
				  .proto = IPPROTO_TCP};
	struct socket *s = udp_bound(AF_INET, 7);
	struct ipaddr peer = ipaddr_v4(PEER_IP);
	struct channel ch;

	(void)state;
	channel_init(&ch, &channel_ops, 1000);
	assert_int_equal(channel_insert(&ch, &key), 0);
	too_big_in(IPPROTO_TCP, 7, 1000);
	assert_non_null(taken); /* TCP has heard of it, and decides */
	assert_int_equal(taken->error.info, 1000);
	assert_true(taken->error.shrinks_path);
	too_big_in(IPPROTO_TCP, 8, 1000);
	too_big_in(IPPROTO_UDP, 8, 1000);
	too_big_in(IPPROTO_ICMP, 8, 1000);
	assert_int_equal(pmtu_lookup(&peer, 1500), 1500);
	too_big_in(IPPROTO_UDP, 7, 1000);
	assert_int_equal(pmtu_lookup(&peer, 1500), 1000);
	channel_remove(&ch);
	pbuf_put_chain(taken);
	taken = NULL;
	s->ops->release(s);
}

static void test_errors_are_limited_too(void **state)
{
	struct channel_key key = {.local = ipaddr_v4(OUR_IP),
				  .remote = ipaddr_v4(PEER_IP),
				  .lport = htons(7),
				  .rport = htons(9),
				  .proto = IPPROTO_TCP};
	struct channel ch;

	(void)state;
	channel_init(&ch, &channel_ops, 1000);
	assert_int_equal(channel_insert(&ch, &key), 0);
	channel_lock(&ch); /* nothing is taken from the inbox */
	for (unsigned i = 0; i < 5000; i++)
		too_big_in(IPPROTO_TCP, 7, 1000);
	assert_true(ch.inbox_bytes > 1000 && ch.inbox_bytes < 32768);
	assert_true(ch.drops > 4000);
	channel_unlock(&ch);
	channel_remove(&ch);
	pbuf_put_chain(taken);
	taken = NULL;
}

static bool wire_is_full;

static bool wire_has_room(struct netif *nif)
{
	(void)nif;
	return !wire_is_full;
}

static uint32_t polled(struct socket *s)
{
	struct poll_table pt = {0};

	return s->ops->poll(s, NULL, &pt);
}

/* A card without room: who cannot wait is told so, and POLLOUT comes back with the room. */
static void test_full_card_holds_senders(void **state)
{
	struct netif_ops with_room = wire_ops;
	struct socket *s = udp_bound(AF_INET, 7);

	(void)state;
	with_room.has_room = wire_has_room;
	wire.ops = &with_room;
	introduce_peer();
	nr_sent = 0;
	assert_int_equal(udp_write(s, PEER_IP, 7, "abc", 3), 3);
	assert_int_equal(nr_sent, 1);
	wire_is_full = true;
	assert_true(polled(s) & POLLOUT); /* it has not been seen yet */
	assert_int_equal(udp_write(s, PEER_IP, 7, "abc", 3), -EAGAIN);
	assert_int_equal(nr_sent, 1);
	assert_false(polled(s) & POLLOUT);
	assert_int_equal(udp_write(s, htonl(INADDR_LOOPBACK), 7, "abc", 3), 3); /* another way is free */
	assert_true(polled(s) & POLLOUT);
	assert_int_equal(udp_write(s, PEER_IP, 7, "abc", 3), -EAGAIN);
	assert_int_equal(ktimer_next_deadline() <= clock_monotonic_ns() + 1000000, true); /* it will be looked at */
	wire_is_full = false;
	assert_true(polled(s) & POLLOUT);
	assert_int_equal(udp_write(s, PEER_IP, 7, "abc", 3), 3);
	assert_int_equal(nr_sent, 2);
	s->ops->release(s);
	wire.ops = &wire_ops;
}

static void test_no_memory_loses_packets_only(void **state)
{
	struct socket *s = udp_bound(AF_INET, 7);

	(void)state;
	introduce_peer();
	for (long i = 0; i < 8; i++) {
		shim_kmalloc_fail_after(i);
		udp_in(7, "data");
		udp_in(10, "nobody");
		(void)udp_write(s, PEER_IP, 7, "abc", 3);
		shim_kmalloc_fail_after(-1);
	}
	while (udp_read(s, got, sizeof(got)) >= 0)
		;
	s->ops->release(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_datagram_reaches_its_socket, setup),
		cmocka_unit_test_setup(test_unknown_port_is_answered_with_icmp, setup),
		cmocka_unit_test_setup(test_neighbour_is_asked_for_and_packets_wait, setup),
		cmocka_unit_test_setup(test_silent_neighbour_is_an_error_of_the_socket, setup),
		cmocka_unit_test_setup(test_large_datagram_is_cut_and_put_together, setup),
		cmocka_unit_test_setup(test_bad_fragments, setup),
		cmocka_unit_test_setup(test_fragment_flood_is_bounded, setup),
		cmocka_unit_test_setup(test_reassembly_without_memory, setup),
		cmocka_unit_test_setup(test_malformed_headers_are_counted, setup),
		cmocka_unit_test_setup(test_echo, setup),
		cmocka_unit_test_setup(test_port_rules, setup),
		cmocka_unit_test_setup(test_loopback_datagram, setup),
		cmocka_unit_test_setup(test_receive_buffer_is_a_limit, setup),
		cmocka_unit_test_setup(test_path_mtu_is_believed_by_the_protocol, setup),
		cmocka_unit_test_setup(test_errors_are_limited_too, setup),
		cmocka_unit_test_setup(test_full_card_holds_senders, setup),
		cmocka_unit_test_setup(test_no_memory_loses_packets_only, setup),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
