/* SPDX-License-Identifier: MIT */
/* The listening side: requests, cookies under a flood, a full queue, deferred acceptance, resets. */
// SOURCES: @tcp
#include "unit.h"

#include "kernel/net/tcp_listen.h"
#include "kernel/net/tcp_priv.h"
#include "shim.h"

static struct tcp_listener l;
static struct tcp_seg last; /* sent last */
static unsigned nr_sent;
static uint64_t now;

static void output(struct tcp_listener *listener, const struct tcp_tuple *t, const struct tcp_out *out)
{
	uint8_t wire[60];
	size_t bytes = tcp_wire_build(&out->seg, out->opt, out->opt_bytes, wire);

	(void)listener;
	(void)t;
	assert_true(tcp_wire_parse(&last, wire, bytes, bytes));
	nr_sent++;
}

static uint16_t mss_of(struct tcp_listener *listener, const struct tcp_tuple *t)
{
	(void)listener;
	(void)t;
	return 1460;
}

static const struct tcp_listener_ops ops = {.output = output, .mss_of = mss_of};

static int setup(void **state)
{
	static const uint8_t secret[64] = "sixty-four bytes that no peer knows";

	(void)state;
	tcp_secret_init(secret);
	assert_int_equal(tcp_listener_init(&l, &ops, 8), 0);
	now = 1000 * TCP_SEC;
	nr_sent = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tcp_listener_free(&l);
	return 0;
}

static struct tcp_tuple peer(unsigned n)
{
	return (struct tcp_tuple){ipaddr_v4(1), ipaddr_v4(1000 + n), 80, 1234, 0};
}

static struct tcp_seg syn(void)
{
	return (struct tcp_seg){.seq = 5000,
				.flags = TCP_SYN,
				.wnd = 1000,
				.mss = 1300,
				.sack_ok = true,
				.has_wscale = true,
				.wscale = 7,
				.has_ts = true,
				.ts_val = 77};
}

/* What answers the SYN-ACK that went last. */
static struct tcp_seg ack(void)
{
	return (struct tcp_seg){.seq = 5001,
				.ack = last.seq + 1,
				.flags = TCP_ACK,
				.wnd = 100,
				.has_ts = true,
				.ts_val = 78,
				.ts_ecr = last.ts_val};
}

static enum tcp_listen_result give(unsigned n, struct tcp_seg seg, struct tcp_agreed *a)
{
	struct tcp_tuple t = peer(n);

	return tcp_listener_input(&l, &t, &seg, now, a);
}

static void test_handshake(void **state)
{
	struct tcp_agreed a;
	struct tcp_tuple t = peer(1);

	(void)state;
	assert_int_equal(give(1, syn(), &a), TCP_LISTEN_DONE);
	assert_int_equal(last.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(last.ack, 5001);
	assert_int_equal(last.mss, 1460);
	assert_true(last.sack_ok && last.has_ts && last.has_wscale && last.ts_ecr == 77);
	now += 5 * TCP_MS;
	assert_int_equal(give(1, ack(), &a), TCP_LISTEN_ACCEPT);
	assert_true(a.ts_ok && a.sack_ok && a.wscale_ok && a.snd_wscale == 7 && a.mss_peer == 1300);
	assert_int_equal(a.snd_wnd, 100);
	assert_int_equal(now - a.syn_ack_ns, 5 * TCP_MS);
	tcp_listener_accepted(&l, &t);
	assert_int_equal(l.nr_requests, 0);
}

static void test_options_not_offered_are_not_used(void **state)
{
	struct tcp_seg plain = {.seq = 5000, .flags = TCP_SYN, .wnd = 1000};
	struct tcp_agreed a;

	(void)state;
	give(1, plain, &a);
	assert_false(last.sack_ok || last.has_ts || last.has_wscale);
	struct tcp_seg answer = {.seq = 5001, .ack = last.seq + 1, .flags = TCP_ACK};
	assert_int_equal(give(1, answer, &a), TCP_LISTEN_ACCEPT);
	assert_int_equal(a.mss_peer, 536);
}

static void test_repeated_and_forgotten(void **state)
{
	struct tcp_agreed a;

	(void)state;
	give(1, syn(), &a);
	uint32_t iss = last.seq;
	give(1, syn(), &a); /* at once: not worth another answer */
	assert_int_equal(nr_sent, 1);
	now += 500 * TCP_MS;
	give(1, syn(), &a);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(last.seq, iss);
	/* Nothing comes back: the SYN-ACK goes again now and then, and in the end the request is dropped. */
	while (l.nr_requests > 0) {
		assert_true(tcp_listener_deadline(&l) != UINT64_MAX);
		now = tcp_listener_deadline(&l);
		tcp_listener_timer(&l, now);
	}
	assert_int_equal(nr_sent, 6);
	assert_true(now < 1100 * TCP_SEC);
	assert_int_equal(tcp_listener_deadline(&l), UINT64_MAX);
}

static void test_wrong_answers(void **state)
{
	struct tcp_agreed a;

	(void)state;
	give(1, syn(), &a);
	struct tcp_seg wrong = ack();
	wrong.ack++;
	assert_int_equal(give(1, wrong, &a), TCP_LISTEN_RESET);
	wrong = ack();
	wrong.seq += 100000; /* outside the window */
	assert_int_equal(give(1, wrong, &a), TCP_LISTEN_DONE);
	wrong = ack();
	wrong.ts_val = 70; /* PAWS */
	assert_int_equal(give(1, wrong, &a), TCP_LISTEN_DONE);
	struct tcp_seg rst = {.seq = 5100, .flags = TCP_RST};
	give(1, rst, &a);
	assert_int_equal(l.nr_requests, 1); /* not the exact number */
	rst.seq = 5001;
	give(1, rst, &a);
	assert_int_equal(l.nr_requests, 0);
	/* No request, no cookie: nobody is connected. */
	assert_int_equal(give(2, ack(), &a), TCP_LISTEN_RESET);
	rst.flags = TCP_RST | TCP_ACK;
	assert_int_equal(give(2, rst, &a), TCP_LISTEN_DONE);
}

static void test_flood_and_cookies(void **state)
{
	struct tcp_agreed a;

	(void)state;
	for (unsigned n = 0; n < 100000; n++)
		give(n, syn(), &a);
	assert_int_equal(l.nr_requests, 8); /* and no more memory */
	assert_int_equal(l.cookies_sent, 100000 - 8);
	/* A true peer gets through, with all that it offered. */
	give(200000, syn(), &a);
	now += 30 * TCP_MS;
	assert_int_equal(give(200000, ack(), &a), TCP_LISTEN_ACCEPT);
	assert_int_equal(a.irs, 5000);
	assert_int_equal(a.iss, last.seq);
	assert_int_equal(a.mss_peer, 1220); /* the next smaller one that a cookie can say */
	assert_true(a.ts_ok && a.sack_ok && a.wscale_ok && a.snd_wscale == 7);
	/* Another address cannot use it, nor can guesses. */
	assert_int_equal(give(200001, ack(), &a), TCP_LISTEN_RESET);
	struct tcp_seg guess = ack();
	for (unsigned i = 0; i < 100000; i++) {
		guess.ack = i * 42949u;
		if (guess.ack != last.seq + 1)
			assert_int_equal(give(200000, guess, &a), TCP_LISTEN_RESET);
	}
	/* Valid for one to two minutes. */
	now += 119 * TCP_SEC;
	assert_int_equal(give(200000, ack(), &a), TCP_LISTEN_RESET);
}

static void test_full(void **state)
{
	struct tcp_agreed a;

	(void)state;
	give(1, syn(), &a);
	l.accept_full = true;
	assert_int_equal(give(1, ack(), &a), TCP_LISTEN_DONE);
	assert_int_equal(l.nr_requests, 1); /* the peer will try again */
	give(2, syn(), &a);
	assert_int_equal(l.nr_requests, 1);
	assert_int_equal(nr_sent, 1);
	l.accept_full = false;
	assert_int_equal(give(1, ack(), &a), TCP_LISTEN_ACCEPT);
}

static void test_deferred(void **state)
{
	struct tcp_agreed a;

	(void)state;
	l.defer_s = 5;
	give(1, syn(), &a);
	assert_int_equal(give(1, ack(), &a), TCP_LISTEN_DONE);
	struct tcp_seg data = ack();
	data.len = 10;
	assert_int_equal(give(1, data, &a), TCP_LISTEN_ACCEPT);
	/* Without data: accepted when the time is over. */
	give(2, syn(), &a);
	give(2, ack(), &a);
	now += 6 * TCP_SEC;
	assert_int_equal(give(2, ack(), &a), TCP_LISTEN_ACCEPT);
}

static void test_no_memory(void **state)
{
	struct tcp_agreed a;

	(void)state;
	shim_kmalloc_fail_after(0);
	give(1, syn(), &a);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(l.nr_requests, 0);
	assert_int_equal(give(1, ack(), &a), TCP_LISTEN_ACCEPT); /* by cookie */
}

/* RFC 6528: rises with time, differs between tuples. */
static void test_isn(void **state)
{
	struct tcp_tuple t = peer(1), u = peer(2);

	(void)state;
	assert_int_equal(tcp_secret_isn(&t, now + 6400) - tcp_secret_isn(&t, now), 100);
	assert_int_not_equal(tcp_secret_isn(&t, now), tcp_secret_isn(&u, now));
	u = t;
	u.rport++;
	assert_int_equal(tcp_secret_ts_offset(&t), tcp_secret_ts_offset(&u));
}

static void test_reset_answer(void **state)
{
	struct tcp_seg seg = {.seq = 100, .len = 5, .flags = TCP_SYN};
	struct tcp_out out;

	(void)state;
	assert_true(tcp_reset_answer(&seg, &out));
	assert_int_equal(out.seg.flags, TCP_RST | TCP_ACK);
	assert_int_equal(out.seg.ack, 106);
	seg.flags = TCP_ACK;
	seg.ack = 77;
	assert_true(tcp_reset_answer(&seg, &out));
	assert_int_equal(out.seg.flags, TCP_RST);
	assert_int_equal(out.seg.seq, 77);
	seg.flags = TCP_RST;
	assert_false(tcp_reset_answer(&seg, &out));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_handshake),
		T(test_options_not_offered_are_not_used),
		T(test_repeated_and_forgotten),
		T(test_wrong_answers),
		T(test_flood_and_cookies),
		T(test_full),
		T(test_deferred),
		T(test_no_memory),
		T(test_isn),
		T(test_reset_answer),
	};
	return RUN_TESTS(tests);
}
