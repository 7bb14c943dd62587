/* SPDX-License-Identifier: MIT */
/*
 * Goodput over lossy and reordering links in virtual time, against what the algorithms' own models expect.
 * RFC 9438 section 5 gives Cubic's average window for loss probability p and round trip R:
 * 1.054 (R/p)^(3/4) segments, never below Reno's 1.2 / sqrt(p) or so.
 */
// SOURCES: @tcp tests/unit/kernel/net/tcp_sim.c
// LIBS: -lm
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "shim.h"
#include "tcp_sim.h"

static struct sim s;

struct path {
	const char *name;
	uint64_t delay_ns; /* one way */
	uint64_t rate_bps;
	uint32_t queue_bytes, loss, reorder, dup;
	uint64_t jitter_ns;
	uint32_t gso;
	const char *cc;
	bool no_sack;
};

static bool reading(struct sim *sim)
{
	return sim->end[1].read < sim->end[1].read_limit;
}

/* Megabits per second of payload. */
static double goodput(const struct path *p, uint64_t bytes, uint64_t seed)
{
	sim_init(&s, seed);
	s.link[0] = (struct sim_link){.delay_ns = p->delay_ns,
				      .rate_bps = p->rate_bps,
				      .queue_bytes = p->queue_bytes,
				      .loss = p->loss,
				      .reorder = p->reorder,
				      .reorder_ns = p->delay_ns / 2,
				      .dup = p->dup,
				      .jitter_ns = p->jitter_ns};
	s.link[1] = (struct sim_link){.delay_ns = p->delay_ns, .dup = p->dup, .jitter_ns = p->jitter_ns};
	s.end[0].gso = p->gso;
	if (p->cc != NULL)
		tcp_conn_set_cc(&s.end[0].c, tcp_cc_find(p->cc, (unsigned)strlen(p->cc)));
	sim_establish(&s);
	if (p->no_sack)
		s.end[0].c.sack_ok = s.end[1].c.sack_ok = false;
	s.end[1].read_limit = bytes;
	uint64_t start = s.now_ns;
	sim_write(&s, 0, bytes);
	bool done = sim_run_while(&s, reading, s.now_ns + 3600 * TCP_SEC);
	double mbps = (double)bytes * 8e3 / (double)(s.now_ns - start);
	const struct tcp_conn *c = &s.end[0].c;
	print_message("%-28s %8.2f Mbit/s, %u retransmitted of %llu packets (%llu lost), %u timeouts\n", p->name, mbps,
		      c->total_retrans, (unsigned long long)s.link[0].packets, (unsigned long long)s.link[0].dropped,
		      c->rtos);
	sim_free(&s);
	assert_true(done);
	return mbps;
}

/* Segments per round trip by the models: the larger of the two is what Cubic aims at. */
static double expected_mbps(double loss, double rtt_s)
{
	double cubic = 1.054 * pow(rtt_s / loss, 0.75), reno = 1.22 / sqrt(loss);

	return fmax(cubic, reno) * 1448 * 8 / rtt_s / 1e6;
}

static void test_one_percent(void **state)
{
	static const struct path p = {.name = "1 %, 20 ms", .delay_ns = 10 * TCP_MS, .loss = 10000};

	(void)state;
	assert_true(goodput(&p, 12000000, 1) > expected_mbps(0.01, 0.020) * 0.8);
}

static void test_one_percent_40ms(void **state)
{
	static const struct path p = {.name = "1 %, 40 ms", .delay_ns = 20 * TCP_MS, .loss = 10000};

	(void)state;
	assert_true(goodput(&p, 12000000, 1) > expected_mbps(0.01, 0.040) * 0.8);
}

static void test_five_percent(void **state)
{
	static const struct path p = {.name = "5 %, 20 ms", .delay_ns = 10 * TCP_MS, .loss = 50000};

	(void)state;
	/* Beyond the model: now and then a retransmission is lost as well and a timeout follows. */
	assert_true(goodput(&p, 10000000, 1) > expected_mbps(0.05, 0.020) * 0.6);
}

static void test_gso(void **state)
{
	static const struct path p = {
		.name = "1 %, 20 ms, super-segments", .delay_ns = 10 * TCP_MS, .loss = 10000, .gso = 65000};

	(void)state;
	assert_true(goodput(&p, 12000000, 1) > expected_mbps(0.01, 0.020) * 0.8);
}

static void test_reno(void **state)
{
	static const struct path sack = {
		.name = "1 %, 20 ms, Reno", .delay_ns = 10 * TCP_MS, .loss = 10000, .cc = "reno"};
	static const struct path no_sack = {
		.name = "1 %, 20 ms, NewReno", .delay_ns = 10 * TCP_MS, .loss = 10000, .cc = "reno", .no_sack = true};

	(void)state;
	assert_true(goodput(&sack, 10000000, 1) > expected_mbps(0.01, 0.020) * 0.6);
	assert_true(goodput(&no_sack, 10000000, 1) > expected_mbps(0.01, 0.020) * 0.3);
}

/* A bottleneck with a queue of one bandwidth-delay product: the link must be nearly full. */
static void test_bottleneck(void **state)
{
	static const struct path p = {.name = "100 Mbit/s, 20 ms, BDP queue",
				      .delay_ns = 10 * TCP_MS,
				      .rate_bps = 100000000,
				      .queue_bytes = 250000};

	(void)state;
	assert_true(goodput(&p, 12000000, 1) > 85);
}

static void test_small_queue(void **state)
{
	static const struct path p = {.name = "50 Mbit/s, 40 ms, small queue",
				      .delay_ns = 20 * TCP_MS,
				      .rate_bps = 50000000,
				      .queue_bytes = 60000,
				      .gso = 65000};

	(void)state;
	assert_true(goodput(&p, 30000000, 1) > 30);
}

static void test_fast_and_long(void **state)
{
	static const struct path p = {
		.name = "1 Gbit/s, 100 ms", .delay_ns = 50 * TCP_MS, .rate_bps = 1000000000, .queue_bytes = 4000000};

	(void)state;
	assert_true(goodput(&p, 60000000, 1) > 100);
}

/* Packets out of order are no losses: after a while hardly anything is sent again. */
static void test_reordering(void **state)
{
	static const struct path p = {.name = "2 % reordered, 20 ms",
				      .delay_ns = 10 * TCP_MS,
				      .rate_bps = 100000000,
				      .queue_bytes = 250000,
				      .reorder = 20000};

	(void)state;
	assert_true(goodput(&p, 30000000, 1) > 60);
}

static void test_duplication(void **state)
{
	static const struct path p = {.name = "10 % duplicated, 20 ms",
				      .delay_ns = 10 * TCP_MS,
				      .rate_bps = 100000000,
				      .queue_bytes = 250000,
				      .dup = 100000};

	(void)state;
	assert_true(goodput(&p, 30000000, 1) > 60);
}

/* Everything at once, many seeds: what arrives is right (the reader checks each byte), and it ends. */
static void test_torture(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct path p = {.name = "torture",
				 .delay_ns = seed % 5 * 3 * TCP_MS,
				 .loss = (uint32_t)(seed % 7) * 20000,
				 .reorder = (uint32_t)(seed % 3) * 50000,
				 .dup = (uint32_t)(seed % 4) * 20000,
				 .jitter_ns = seed % 2 * 2 * TCP_MS,
				 .gso = seed % 3 == 0 ? 65000 : 0,
				 .no_sack = seed % 8 == 7};
		assert_true(goodput(&p, 400000, seed) > 0.05);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_percent),  cmocka_unit_test(test_one_percent_40ms),
		cmocka_unit_test(test_five_percent), cmocka_unit_test(test_gso),
		cmocka_unit_test(test_reno),         cmocka_unit_test(test_bottleneck),
		cmocka_unit_test(test_small_queue),  cmocka_unit_test(test_fast_and_long),
		cmocka_unit_test(test_reordering),   cmocka_unit_test(test_duplication),
		cmocka_unit_test(test_torture),
	};
	return RUN_TESTS(tests);
}
