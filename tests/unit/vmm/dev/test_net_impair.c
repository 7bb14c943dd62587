/* SPDX-License-Identifier: MIT */
/* test_net_impair.c - a bad line: what is lost, when the rest arrives, and that waiting for room is no busy waiting. */
// SOURCES: vmm/dev/net_impair.c
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "vmm/dev/net_impair.h"
#include "vmm/dev/net_priv.h"

static bool has_room;
static unsigned nr_delivered, nr_sent;

bool net_pair_deliver(struct net_pair *p, const void *frame, uint32_t bytes)
{
	(void)p;
	(void)frame;
	assert_int_equal(bytes, 100);
	nr_delivered += has_room;
	return has_room;
}
void net_pair_died(struct net_pair *p)
{
	(void)p;
	fail();
}

static int give(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	(void)p;
	(void)iov;
	(void)nr;
	nr_sent += has_room;
	return has_room ? 0 : -EAGAIN;
}

static ssize_t take(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	(void)p;
	(void)nr;
	memset(iov[0].iov_base, 0, 100);
	return 100;
}

static const struct net_backend_ops ops = {.send = give, .recv = take};
static struct net_device dev = {.ops = &ops};
static struct net_pair pair = {.dev = &dev};

static bool timer_runs(const struct net_impair *im)
{
	struct itimerspec t;

	assert_int_equal(timerfd_gettime(net_impair_fd(im), &t), 0);
	return t.it_value.tv_sec != 0 || t.it_value.tv_nsec != 0;
}

static void test_frames_that_find_no_room(void **state)
{
	static const struct net_impairment how = {.reorder_ppm = 1000000}; /* all due at once */
	struct net_impair *im = net_impair_create(&how);
	uint8_t frame[100] = {0};
	struct iovec iov = {frame, sizeof(frame)};
	unsigned later = 0;

	(void)state;
	nr_delivered = nr_sent = 0;
	has_room = false;
	assert_int_equal(net_impair_receive(im, &pair), 0);
	net_impair_send(im, &pair, &iov, 1, sizeof(frame));
	for (unsigned i = 0; i < 100; i++) {
		assert_false(net_impair_poll(im, &pair));
		later += timer_runs(im); /* unless this thread was away meanwhile */
		net_impair_fired(im);
	}
	assert_true(later > 0); /* one in the past would have gone off at once, each time */
	has_room = true;
	assert_true(net_impair_poll(im, &pair));
	assert_int_equal(nr_delivered, 1);
	assert_int_equal(nr_sent, 1);
	net_impair_destroy(im);
}

static void test_loss_is_what_was_asked_for(void **state)
{
	static const struct net_impairment how = {.loss_ppm = 50000};
	struct net_impair *im = net_impair_create(&how);

	(void)state;
	nr_delivered = 0;
	has_room = true;
	for (unsigned i = 0; i < 20000; i++) {
		assert_int_equal(net_impair_receive(im, &pair), 0);
		(void)!net_impair_poll(im, &pair);
	}
	assert_in_range(20000 - nr_delivered, 850, 1150);
	assert_int_equal(pair.count.rx_dropped, 20000 - nr_delivered);
	net_impair_destroy(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_that_find_no_room),
		cmocka_unit_test(test_loss_is_what_was_asked_for),
	};

	return RUN_TESTS(tests);
}
