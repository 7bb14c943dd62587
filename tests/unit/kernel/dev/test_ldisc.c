/* SPDX-License-Identifier: MIT */
/* The line discipline alone: limits of its queues, and random keys against its invariants. tests/guest/pty.c compares
 * its behaviour with Linux's. */
#include <stdlib.h>

#include "unit.h"

#include "kernel/dev/ldisc.h"

static struct ldisc l;

static size_t type(const char *keys, size_t n)
{
	unsigned pressed = 0;

	return ldisc_receive(&l, (const uint8_t *)keys, n, &pressed);
}

static void raw(void)
{
	struct ktermios t = l.tio;

	t.c_lflag &= ~(unsigned)(ICANON | ECHO | ISIG);
	t.c_iflag = 0;
	ldisc_set(&l, &t);
}

static void test_full_line(void **state)
{
	static char line[LDISC_QUEUE + 100];
	uint8_t buf[2 * LDISC_QUEUE];
	size_t n;

	(void)state;
	ldisc_init(&l);
	memset(line, 'a', sizeof(line));
	/* What does not fit is lost, but the end of the line comes through. */
	assert_int_equal(type(line, sizeof(line)), sizeof(line));
	assert_false(ldisc_readable(&l));
	assert_int_equal(type("\n", 1), 1);
	n = ldisc_read(&l, buf, sizeof(buf));
	assert_int_equal(n, LDISC_QUEUE);
	assert_int_equal(buf[n - 1], '\n');
	assert_false(ldisc_readable(&l));
}

static void test_unread_lines_push_back(void **state)
{
	static char line[1000];
	uint8_t buf[1000];
	size_t sent = 0, n;

	(void)state;
	ldisc_init(&l);
	memset(line, 'b', sizeof(line));
	line[999] = '\n';
	do {
		n = type(line, sizeof(line));
		sent += n;
	} while (n == sizeof(line));
	assert_in_range(sent, LDISC_QUEUE - 2, LDISC_QUEUE);
	assert_int_equal(ldisc_read(&l, buf, sizeof(buf)), 1000);
	assert_true(type("c", 1) == 1);
}

static void test_raw_is_transparent(void **state)
{
	uint8_t data[LDISC_QUEUE], back[LDISC_QUEUE];

	(void)state;
	ldisc_init(&l);
	raw();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	assert_int_equal(type((char *)data, sizeof(data)), sizeof(data));
	assert_int_equal(type("x", 1), 0);
	assert_int_equal(ldisc_read(&l, back, sizeof(back)), sizeof(back));
	assert_memory_equal(data, back, sizeof(data));
	assert_int_equal(ldisc_queue_used(&l.out), 0);
}

static void test_line_in_pieces(void **state)
{
	uint8_t buf[8];

	(void)state;
	ldisc_init(&l);
	type("abcd\004ef\n", 8);
	assert_int_equal(ldisc_read(&l, buf, 4), 4); /* the end of file behind it goes along */
	assert_int_equal(ldisc_read(&l, buf, 2), 2);
	assert_int_equal(ldisc_read(&l, buf, 8), 1);
	assert_int_equal(buf[0], '\n');
}

static void test_utf8_erase(void **state)
{
	struct ktermios t;
	uint8_t buf[16];

	(void)state;
	ldisc_init(&l);
	t = l.tio;
	t.c_iflag |= IUTF8;
	ldisc_set(&l, &t);
	type("a\xc3\xa4\177\n", 5);
	assert_int_equal(ldisc_read(&l, buf, sizeof(buf)), 2);
	assert_memory_equal(buf, "a\n", 2);
	assert_int_equal(ldisc_show(&l, buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "a\xc3\xa4\b \b\r\n", 8);
}

static void test_tabs(void **state)
{
	struct ktermios t;
	uint8_t buf[32];

	(void)state;
	ldisc_init(&l);
	t = l.tio;
	t.c_oflag |= XTABS;
	ldisc_set(&l, &t);
	assert_int_equal(ldisc_write(&l, (const uint8_t *)"ab\tc", 4), 4);
	assert_int_equal(ldisc_show(&l, buf, sizeof(buf)), 9);
	assert_memory_equal(buf, "ab      c", 9);
}

static void check(void)
{
	assert_true(ldisc_queue_used(&l.in) <= LDISC_QUEUE && ldisc_queue_used(&l.out) <= LDISC_QUEUE);
	assert_true(l.line_end - l.in.head <= l.in.tail - l.in.head);
	assert_true(ldisc_available(&l) <= LDISC_QUEUE);
}

static void test_random(void **state)
{
	uint8_t buf[700];

	(void)state;
	srand(1);
	ldisc_init(&l);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % sizeof(buf);
		struct ktermios t = l.tio;

		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)(rand() % 3 ? rand() % 32 : rand());
		switch (rand() % 6) {
		case 0:
			t.c_lflag ^= 1u << rand() % 16;
			t.c_iflag ^= 1u << rand() % 15;
			t.c_oflag ^= 1u << rand() % 13;
			ldisc_set(&l, &t);
			break;
		case 1:
			(void)ldisc_write(&l, buf, n);
			break;
		case 2:
			(void)ldisc_show(&l, buf, n);
			break;
		case 3:
			assert_true(ldisc_read(&l, buf, n) <= n);
			break;
		default:
			assert_true(type((char *)buf, n) <= n);
		}
		check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_line),
		cmocka_unit_test(test_unread_lines_push_back),
		cmocka_unit_test(test_raw_is_transparent),
		cmocka_unit_test(test_line_in_pieces),
		cmocka_unit_test(test_utf8_erase),
		cmocka_unit_test(test_tabs),
		cmocka_unit_test(test_random),
	};

	return RUN_TESTS(tests);
}
