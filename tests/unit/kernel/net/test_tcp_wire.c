/* SPDX-License-Identifier: MIT */
/* TCP headers as bytes: what is written is read again; what is malformed is refused or ends the options. */
#include "unit.h"

#include "kernel/net/tcp_wire.h"

static void test_there_and_back(void **state)
{
	struct tcp_sack_block blocks[] = {{0xfffffff0u, 16}, {100, 200}};
	struct tcp_seg seg = {.src_port = 80,
			      .dst_port = 40000,
			      .seq = 0x01020304,
			      .ack = 0xf0f1f2f3,
			      .flags = TCP_ACK | TCP_PSH | TCP_ECE,
			      .wnd = 0x1234,
			      .urg = 7},
		       got;
	uint8_t opt[TCP_OPTIONS_BYTES], wire[60], *p = opt;

	(void)state;
	p = tcp_opt_timestamps(p, 111, 222);
	p = tcp_opt_sack(p, blocks, 2);
	size_t bytes = tcp_wire_build(&seg, opt, (size_t)(p - opt), wire);
	assert_int_equal(bytes, 20 + 12 + 20);
	assert_true(tcp_wire_parse(&got, wire, bytes, bytes + 99));
	assert_int_equal(got.src_port, 80);
	assert_int_equal(got.dst_port, 40000);
	assert_int_equal(got.seq, seg.seq);
	assert_int_equal(got.ack, seg.ack);
	assert_int_equal(got.flags, seg.flags);
	assert_int_equal(got.wnd, seg.wnd);
	assert_int_equal(got.urg, 7);
	assert_int_equal(got.len, 99);
	assert_true(got.has_ts && got.ts_val == 111 && got.ts_ecr == 222);
	assert_int_equal(got.nr_sack, 2);
	assert_int_equal(got.sack[0].start, 0xfffffff0u);
	assert_int_equal(got.sack[1].end, 200);
}

static void test_syn_options(void **state)
{
	struct tcp_seg seg = {.flags = TCP_SYN}, got;
	uint8_t opt[TCP_OPTIONS_BYTES], wire[60], *p = opt;

	(void)state;
	p = tcp_opt_wscale(tcp_opt_sack_permitted(tcp_opt_mss(p, 1460)), 200);
	size_t bytes = tcp_wire_build(&seg, opt, (size_t)(p - opt), wire);
	assert_true(tcp_wire_parse(&got, wire, bytes, bytes));
	assert_true(got.sack_ok && got.has_wscale && got.mss == 1460);
	assert_int_equal(got.wscale, 14); /* RFC 7323 2.3: more counts as 14 */
	wire[13] = TCP_ACK;               /* outside a SYN they mean nothing */
	assert_true(tcp_wire_parse(&got, wire, bytes, bytes));
	assert_false(got.sack_ok || got.has_wscale || got.mss != 0);
}

/* RFC 7413 section 4.1.1: 4 to 16 bytes, an even number, in a SYN. */
static void test_cookies(void **state)
{
	static const uint8_t cookie[18] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
	struct tcp_seg seg = {.flags = TCP_SYN}, got;
	uint8_t opt[TCP_OPTIONS_BYTES], wire[60];

	(void)state;
	for (unsigned bytes = 0; bytes <= sizeof(cookie); bytes++) {
		bool valid = bytes >= 4 && bytes <= 16 && bytes % 2 == 0;
		size_t opt_bytes = (size_t)(tcp_opt_fast_open(opt, cookie, bytes) - opt);
		assert_true(opt_bytes % 4 == 0 && opt_bytes >= bytes + 2 && opt_bytes < bytes + 6);
		size_t n = tcp_wire_build(&seg, opt, opt_bytes, wire);
		assert_true(tcp_wire_parse(&got, wire, n, n));
		assert_int_equal(got.cookie_bytes, valid ? bytes : 0);
		assert_memory_equal(got.cookie, cookie, got.cookie_bytes);
		wire[13] = TCP_ACK;
		assert_true(tcp_wire_parse(&got, wire, n, n));
		assert_int_equal(got.cookie_bytes, 0);
	}
}

static void test_malformed(void **state)
{
	uint8_t wire[60] = {0};
	struct tcp_seg got;

	(void)state;
	wire[12] = 5 << 4;
	assert_true(tcp_wire_parse(&got, wire, 20, 20));
	assert_false(tcp_wire_parse(&got, wire, 19, 19));
	wire[12] = 4 << 4; /* a header shorter than itself */
	assert_false(tcp_wire_parse(&got, wire, 60, 60));
	wire[12] = 15 << 4;
	assert_false(tcp_wire_parse(&got, wire, 40, 40));
	assert_true(tcp_wire_parse(&got, wire, 60, 60));
	/* Options of length 0, 1, beyond the end: the list ends there, the segment stands. */
	static const uint8_t bad[][4] = {{8, 0, 0, 0}, {8, 1, 0, 0}, {8, 255, 0, 0}, {1, 1, 1, 8}};
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		wire[12] = 6 << 4;
		memcpy(wire + 20, bad[i], 4);
		assert_true(tcp_wire_parse(&got, wire, 24, 24));
		assert_false(got.has_ts);
	}
	/* An empty or inverted SACK block is no block. */
	static const uint8_t sack[] = {1, 1, 5, 10, 0, 0, 0, 9, 0, 0, 0, 9};
	wire[12] = 8 << 4;
	memcpy(wire + 20, sack, sizeof(sack));
	assert_true(tcp_wire_parse(&got, wire, 32, 32));
	assert_int_equal(got.nr_sack, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_syn_options),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_malformed),
	};
	return RUN_TESTS(tests);
}
