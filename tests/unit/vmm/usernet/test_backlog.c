/* SPDX-License-Identifier: MIT */
/* test_backlog.c - frames for a VMM that has no room: in order, and not without end. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/usernet/backlog.h"

#define HEAD 12u

static int fds[2];
static uint8_t frame[9000];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds);
}

static int teardown(void **state)
{
	(void)state;
	close(fds[0]);
	return 0;
}

static bool add(struct backlog *b, uint32_t number, size_t bytes)
{
	const struct iovec iov[] = {{&number, sizeof(number)}, {frame, bytes - sizeof(number)}};

	return backlog_add(b, iov, 2);
}

static void test_limit_and_order(void **state)
{
	struct backlog b = {0};
	uint32_t nr = 0, number, got = 0;
	ssize_t n;

	(void)state;
	while (add(&b, nr, sizeof(frame)))
		nr++;
	assert_true(b.bytes <= BACKLOG_BYTES_MAX);
	assert_true(nr > BACKLOG_BYTES_MAX / sizeof(frame) - 64);
	while (b.first != NULL) {
		assert_int_equal(backlog_send(&b, fds[0]), 0);
		while ((n = recv(fds[1], frame, sizeof(frame), 0)) > 0) {
			memcpy(&number, frame, sizeof(number));
			assert_int_equal(n, sizeof(frame));
			assert_int_equal(number, got++);
		}
	}
	assert_int_equal(got, nr);
	assert_int_equal(b.bytes, 0);
	assert_true(add(&b, 0, HEAD)); /* room again */
	assert_int_equal(backlog_send(&b, fds[0]), 0);
	close(fds[1]);
}

/* Short frames cost more than their bytes. */
static void test_short_frames(void **state)
{
	struct backlog b = {0};
	uint32_t nr = 0;

	(void)state;
	while (add(&b, nr, HEAD))
		nr++;
	assert_true(nr < BACKLOG_BYTES_MAX / (2 * HEAD));
	while (b.first != NULL) {
		assert_int_equal(backlog_send(&b, fds[0]), 0);
		while (recv(fds[1], frame, sizeof(frame), 0) > 0)
			;
	}
	close(fds[1]);
}

static void test_vmm_gone(void **state)
{
	struct backlog b = {0};

	(void)state;
	assert_true(add(&b, 0, HEAD));
	close(fds[1]);
	assert_int_equal(backlog_send(&b, fds[0]), -EPIPE);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(setup(NULL), 0);
	assert_int_equal(backlog_send(&b, fds[0]), 0);
	close(fds[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {T(test_limit_and_order), T(test_short_frames), T(test_vmm_gone)};

	signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS(tests);
}
