/* SPDX-License-Identifier: MIT */
/* Connections over a simulated link: opening, data, loss, closing in every order, windows. All in virtual time. */
// SOURCES: @tcp tests/unit/kernel/net/tcp_sim.c
#include "unit.h"

#include <errno.h>

#include "shim.h"
#include "tcp_sim.h"

static struct sim s;

static int setup(void **state)
{
	(void)state;
	sim_init(&s, 1);
	s.link[0].delay_ns = s.link[1].delay_ns = 10 * TCP_MS;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_free(&s);
	assert_int_equal(shim_pages_in_use(), 0);
	return 0;
}

static void test_open(void **state)
{
	(void)state;
	sim_establish(&s);
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_conn *c = &s.end[i].c;
		assert_true(c->ts_ok && c->sack_ok && c->wscale_ok);
		assert_int_equal(c->mss, 1448);
		assert_int_equal(c->snd_wscale, 6);
		assert_int_equal(c->srtt_ns, 20 * TCP_MS);
	}
	assert_int_equal(s.end[0].connected_ns, 1020 * TCP_MS);
}

static void test_transfer(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_write(&s, 0, 5000000);
	sim_write(&s, 1, 300000);
	sim_run(&s, s.now_ns + 10 * TCP_SEC);
	assert_int_equal(s.end[1].read, 5000000);
	assert_int_equal(s.end[0].read, 300000);
	assert_int_equal(s.end[0].c.total_retrans, 0);
	assert_int_equal(s.end[1].c.total_retrans, 0);
	/* No timer may be left but keepalive, which is off. */
	assert_int_equal(tcp_conn_deadline(&s.end[0].c), UINT64_MAX);
	assert_int_equal(tcp_conn_deadline(&s.end[1].c), UINT64_MAX);
}

static void test_transfer_gso(void **state)
{
	(void)state;
	s.end[0].gso = 65535;
	sim_establish(&s);
	s.link[0].loss = 10000;
	sim_write(&s, 0, 5000000);
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(s.end[1].read, 5000000);
}

/* As on loopback: segments as large as can be, no delay, a window of one segment at first. */
static void test_large_mss(void **state)
{
	(void)state;
	s.link[0].delay_ns = s.link[1].delay_ns = 1000;
	for (unsigned i = 0; i < 2; i++) {
		s.end[i].c.mss_path = s.end[i].c.mss_announce = 65483;
		s.end[i].gso = 65483;
	}
	s.mss = 65483;
	sim_establish(&s);
	sim_write(&s, 0, 20000000);
	sim_write(&s, 1, 20000000);
	sim_run(&s, s.now_ns + 10 * TCP_SEC);
	assert_int_equal(s.end[1].read, 20000000);
	assert_int_equal(s.end[0].read, 20000000);
	assert_int_equal(s.end[0].c.total_retrans, 0);
	assert_true(s.last_event_ns < 2 * TCP_SEC);
}

/* Orderly release: each side in turn, both orders. */
static void test_close(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		if (first > 0) {
			sim_free(&s);
			setup(NULL);
		}
		sim_establish(&s);
		s.end[first].close_when_written = true;
		sim_write(&s, first, 100000);
		sim_run(&s, s.now_ns + 1 * TCP_SEC);
		assert_int_equal(s.end[!first].read, 100000);
		assert_true(s.end[!first].saw_eof);
		assert_int_equal(s.end[first].c.state, TCPS_FIN_WAIT2);
		assert_int_equal(s.end[!first].c.state, TCPS_CLOSE_WAIT);
		tcp_conn_close(&s.end[!first].c, s.now_ns);
		sim_work(&s, !first);
		assert_int_equal(s.end[!first].c.state, TCPS_LAST_ACK);
		sim_run(&s, s.now_ns + 1 * TCP_SEC);
		assert_int_equal(s.end[first].c.state, TCPS_TIME_WAIT);
		assert_int_equal(s.end[!first].c.state, TCPS_CLOSED);
		sim_run(&s, s.now_ns + 70 * TCP_SEC);
		assert_int_equal(s.end[first].c.state, TCPS_CLOSED);
		assert_int_equal(s.end[first].c.error, 0);
	}
}

static void test_half_close(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[0].shut_when_written = true;
	sim_write(&s, 0, 1000);
	sim_run(&s, s.now_ns + 1 * TCP_SEC);
	assert_true(s.end[1].saw_eof);
	assert_int_equal(s.end[1].c.state, TCPS_CLOSE_WAIT);
	sim_write(&s, 1, 500000);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	assert_int_equal(s.end[0].read, 500000);
	s.end[1].shut_when_written = true;
	sim_work(&s, 1);
	sim_run(&s, s.now_ns + 1 * TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_TIME_WAIT);
	assert_true(s.end[0].saw_eof);
	assert_int_equal(s.end[1].c.state, TCPS_CLOSED);
}

static void test_simultaneous_close(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	for (unsigned i = 0; i < 2; i++) {
		tcp_conn_close(&s.end[i].c, s.now_ns);
		sim_work(&s, i);
		assert_int_equal(s.end[i].c.state, TCPS_FIN_WAIT1);
	}
	sim_step(&s, UINT64_MAX);
	sim_step(&s, UINT64_MAX);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSING);
	assert_int_equal(s.end[1].c.state, TCPS_CLOSING);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_TIME_WAIT);
	assert_int_equal(s.end[1].c.state, TCPS_TIME_WAIT);
}

static void test_simultaneous_open(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		tcp_conn_connect(&s.end[i].c, 1000 * i, 5, s.now_ns);
	sim_work(&s, 0);
	sim_work(&s, 1);
	sim_step(&s, UINT64_MAX);
	sim_step(&s, UINT64_MAX);
	assert_int_equal(s.end[0].c.state, TCPS_SYN_RECV);
	assert_int_equal(s.end[1].c.state, TCPS_SYN_RECV);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_ESTABLISHED);
	assert_int_equal(s.end[1].c.state, TCPS_ESTABLISHED);
	sim_write(&s, 0, 100000);
	sim_write(&s, 1, 100000);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	assert_int_equal(s.end[0].read, 100000);
	assert_int_equal(s.end[1].read, 100000);
}

static void test_refused(void **state)
{
	(void)state;
	sim_connect(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSED);
	assert_int_equal(s.end[0].c.error, ECONNREFUSED);
}

static void test_connect_timeout(void **state)
{
	(void)state;
	s.link[0].loss = 1000000;
	uint64_t start = s.now_ns;
	sim_connect(&s);
	sim_run(&s, s.now_ns + 1000 * TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSED);
	assert_int_equal(s.end[0].c.error, ETIMEDOUT);
	assert_int_equal(s.last_event_ns - start, 127 * TCP_SEC); /* 1 + 2 + ... + 64 */
	assert_int_equal(s.link[0].packets, 7);
}

static void test_lost_syns(void **state)
{
	(void)state;
	s.link[0].loss = s.link[1].loss = 400000;
	for (unsigned seed = 2; seed < 30; seed++) {
		sim_free(&s);
		sim_init(&s, seed);
		s.link[0].delay_ns = s.link[1].delay_ns = 10 * TCP_MS;
		s.link[0].loss = s.link[1].loss = 300000;
		sim_listen(&s, 16);
		sim_connect(&s);
		s.end[0].to_write = 3000;
		sim_run(&s, s.now_ns + 500 * TCP_SEC);
		assert_int_equal(s.end[0].c.state, TCPS_ESTABLISHED);
		assert_int_equal(s.end[1].read, 3000);
	}
}

/* Unread data makes close a reset (RFC 2525 2.17). */
static void test_close_with_unread_data(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[1].auto_read = false;
	sim_write(&s, 0, 1000);
	sim_run(&s, s.now_ns + TCP_SEC);
	tcp_conn_close(&s.end[1].c, s.now_ns);
	assert_int_equal(s.end[1].c.state, TCPS_CLOSED);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSED);
	assert_int_equal(s.end[0].c.error, ECONNRESET);
}

/* Data after the reader has gone is answered by a reset. */
static void test_data_to_orphan(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	tcp_conn_close(&s.end[1].c, s.now_ns);
	sim_work(&s, 1);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSE_WAIT);
	sim_write(&s, 0, 10);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_CLOSED);
	assert_int_equal(s.end[0].c.error, EPIPE);
	assert_int_equal(s.end[1].c.state, TCPS_CLOSED);
}

static void test_zero_window(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[1].auto_read = false;
	sim_write(&s, 0, 1000000);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	assert_int_equal(s.end[0].c.snd_wnd, 0);
	assert_int_equal(s.end[0].c.rtx_kind, TCP_RTX_PERSIST);
	/* Shut for an hour: the connection stays, because the probes are answered. */
	sim_run(&s, s.now_ns + 3600 * TCP_SEC);
	assert_int_equal(s.end[0].c.state, TCPS_ESTABLISHED);
	s.link[1].drop_next = 0;
	s.end[1].auto_read = true;
	sim_work(&s, 1);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	assert_int_equal(s.end[1].read, 1000000);
}

/* The window update is lost: the probe finds out. */
static void test_lost_window_update(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[1].auto_read = false;
	sim_write(&s, 0, 300000);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	s.link[1].loss = 1000000;
	s.end[1].auto_read = true;
	sim_work(&s, 1);
	s.link[1].loss = 0;
	sim_run(&s, s.now_ns + 150 * TCP_SEC);
	assert_int_equal(s.end[1].read, 300000);
}

/* A reader that takes a byte at a time does not make the peer send tiny segments (RFC 9293 3.8.6.2). */
static void test_silly_window(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[1].auto_read = false;
	sim_write(&s, 0, 200000);
	sim_run(&s, s.now_ns + 5 * TCP_SEC);
	uint64_t before = s.link[0].packets;
	for (unsigned i = 0; i < 20000; i++) {
		sim_read(&s, 1, 1);
		sim_work(&s, 1);
		sim_run(&s, s.now_ns + TCP_MS);
	}
	assert_true(s.link[0].packets - before < 60);
}

static void test_nagle(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	uint64_t before = s.link[0].packets;
	for (unsigned i = 0; i < 10; i++)
		sim_write(&s, 0, 10);
	assert_int_equal(s.link[0].packets - before, 1); /* the first; the others wait for its ACK */
	sim_run(&s, s.now_ns + 30 * TCP_MS);
	assert_int_equal(s.link[0].packets - before, 2);
	sim_run(&s, s.now_ns + TCP_SEC);
	assert_int_equal(s.end[1].read, 100);
	s.end[0].c.nodelay = true;
	before = s.link[0].packets;
	for (unsigned i = 0; i < 10; i++)
		sim_write(&s, 0, 10);
	assert_int_equal(s.link[0].packets - before, 10);
}

static void test_cork(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	uint64_t before = s.link[0].packets;
	s.end[0].c.cork = true;
	sim_write(&s, 0, 100);
	assert_int_equal(s.link[0].packets, before);
	sim_run(&s, s.now_ns + 100 * TCP_MS);
	assert_int_equal(s.link[0].packets, before);
	sim_run(&s, s.now_ns + 300 * TCP_MS); /* at most 200 ms, and the RTT's part of the timeout */
	assert_int_equal(s.end[1].read, 100);
	sim_write(&s, 0, 2000);
	assert_int_equal(s.end[0].c.snd_nxt - s.end[0].c.snd_una, 1448);
	s.end[0].c.cork = false;
	sim_work(&s, 0);
	assert_int_equal(s.end[0].c.snd_nxt - s.end[0].c.snd_una, 2000);
}

static void test_delayed_ack(void **state)
{
	(void)state;
	sim_establish(&s);
	s.end[0].c.nodelay = true;
	s.end[1].c.quick_acks = 0;
	s.end[1].c.pingpong = true;
	sim_run(&s, s.now_ns + TCP_SEC);
	uint64_t before = s.link[1].packets;
	sim_write(&s, 0, 100);
	sim_run(&s, s.now_ns + 40 * TCP_MS);
	assert_int_equal(s.link[1].packets, before);
	sim_run(&s, s.now_ns + 20 * TCP_MS);
	assert_int_equal(s.link[1].packets, before + 1);
}

static void test_keepalive(void **state)
{
	(void)state;
	sim_establish(&s);
	struct tcp_conn *c = &s.end[0].c;
	c->keep_idle_ns = 10 * TCP_SEC;
	c->keep_interval_ns = 2 * TCP_SEC;
	c->keep_probes_max = 3;
	tcp_conn_set_keepalive(c, true, s.now_ns);
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(c->state, TCPS_ESTABLISHED);
	s.link[1].loss = 1000000;
	uint64_t start = s.now_ns;
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(c->state, TCPS_CLOSED);
	assert_int_equal(c->error, ETIMEDOUT);
	assert_true(s.last_event_ns - start <= 18 * TCP_SEC);
}

static void test_user_timeout(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_run(&s, s.now_ns + TCP_SEC);
	s.end[0].c.user_timeout_ns = 5 * TCP_SEC;
	s.link[0].loss = 1000000;
	uint64_t start = s.now_ns;
	sim_write(&s, 0, 10);
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(s.end[0].c.error, ETIMEDOUT);
	assert_true(s.last_event_ns - start >= 5 * TCP_SEC && s.last_event_ns - start < 6 * TCP_SEC);
}

static void test_data_timeout(void **state)
{
	(void)state;
	sim_establish(&s);
	s.link[0].loss = 1000000;
	uint64_t start = s.now_ns;
	sim_write(&s, 0, 10);
	sim_run(&s, s.now_ns + 10000 * TCP_SEC);
	assert_int_equal(s.end[0].c.error, ETIMEDOUT);
	assert_true(s.last_event_ns - start > 800 * TCP_SEC && s.last_event_ns - start < 1100 * TCP_SEC);
}

/* The path takes less than both ends think, and says nothing. */
static void test_blackhole(void **state)
{
	(void)state;
	sim_establish(&s);
	s.link[0].mtu_payload = 1300;
	sim_write(&s, 0, 100000);
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(s.end[1].read, 100000);
}

static void test_pmtu(void **state)
{
	(void)state;
	s.end[0].gso = 65535;
	sim_establish(&s);
	s.link[0].mtu_payload = 1000;
	sim_write(&s, 0, 100000);
	sim_run(&s, s.now_ns + 15 * TCP_MS);
	tcp_conn_set_mss_path(&s.end[0].c, 1012);
	sim_work(&s, 0);
	sim_run(&s, s.now_ns + 1 * TCP_SEC);
	assert_int_equal(s.end[1].read, 100000);
	assert_int_equal(s.end[0].c.rtos, 0);
}

static void test_memory_runs_out(void **state)
{
	(void)state;
	sim_establish(&s);
	sim_write(&s, 0, 20000);
	/* Records of what was sent cannot be split or made: sending waits, nothing breaks. */
	for (unsigned i = 0; i < 40; i++) {
		shim_kmalloc_fail_after((long)i % 7);
		tcp_conn_push(&s.end[0].c, s.now_ns);
		shim_kmalloc_fail_after(-1);
		sim_step(&s, UINT64_MAX);
	}
	sim_run(&s, s.now_ns + 100 * TCP_SEC);
	assert_int_equal(s.end[1].read, 20000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_open),
		T(test_transfer),
		T(test_transfer_gso),
		T(test_large_mss),
		T(test_close),
		T(test_half_close),
		T(test_simultaneous_close),
		T(test_simultaneous_open),
		T(test_refused),
		T(test_connect_timeout),
		T(test_lost_syns),
		T(test_close_with_unread_data),
		T(test_data_to_orphan),
		T(test_zero_window),
		T(test_lost_window_update),
		T(test_silly_window),
		T(test_nagle),
		T(test_cork),
		T(test_delayed_ack),
		T(test_keepalive),
		T(test_user_timeout),
		T(test_data_timeout),
		T(test_blackhole),
		T(test_pmtu),
		T(test_memory_runs_out),
	};
	return RUN_TESTS(tests);
}
