/* SPDX-License-Identifier: MIT */
/* The bytes of a pipe come out as they went in, pages are there only while they hold something, and no fault loses any.
 */
// SOURCES: kernel/fs/pipe_ring.c kernel/fs/uio.c shim/kmalloc.c shim/page.c shim/log.c shim/uaccess.c
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/fs/file.h"
#include "kernel/fs/pipe_ring.h"
#include "kernel/mm/kmalloc.h"
#include "shim.h"

static ssize_t put(struct pipe_ring *r, const void *data, size_t bytes)
{
	struct uio_seg seg = {(void *)data, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = false};

	return pipe_ring_put(r, &uio, bytes);
}

static ssize_t get(struct pipe_ring *r, void *data, size_t bytes)
{
	struct uio_seg seg = {data, bytes};
	struct uio uio = {.segs = &seg, .nr_segs = 1, .resid = bytes, .to_user = true};

	return pipe_ring_get(r, &uio, bytes);
}

/* A stream of counted bytes in pieces of all sizes, never more nor less than was there. */
static void test_stream(void **state)
{
	static uint8_t in[3 * PAGE_SIZE], out[3 * PAGE_SIZE];
	struct pipe_ring r;
	uint8_t next_in = 0, next_out = 0;
	size_t stored = 0;

	(void)state;
	srand(1);
	assert_int_equal(pipe_ring_init(&r, 4), 0);
	for (int round = 0; round < 3000; round++) {
		size_t want = (size_t)rand() % sizeof(in);
		if (rand() % 2) {
			for (size_t i = 0; i < want; i++)
				in[i] = (uint8_t)(next_in + i);
			ssize_t n = put(&r, in, want);
			assert_int_equal(n, MIN(want, 4 * PAGE_SIZE - stored));
			next_in = (uint8_t)(next_in + n);
			stored += (size_t)n;
		} else {
			ssize_t n = get(&r, out, want);
			assert_int_equal(n, MIN(want, stored));
			for (ssize_t i = 0; i < n; i++)
				assert_int_equal(out[i], (uint8_t)(next_out + i));
			next_out = (uint8_t)(next_out + n);
			stored -= (size_t)n;
		}
		assert_int_equal(pipe_ring_used(&r), stored);
		assert_true(shim_pages_in_use() <= (long)(stored / PAGE_SIZE + 2));
	}
	pipe_ring_free(&r);
	assert_int_equal(shim_pages_in_use(), 0);
	assert_int_equal(kmalloc_bytes_used(), 0);
}

static void test_small_messages_reuse_one_page(void **state)
{
	struct pipe_ring r;
	char c = 'x';

	(void)state;
	assert_int_equal(pipe_ring_init(&r, 16), 0);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(put(&r, &c, 1), 1);
		assert_int_equal(get(&r, &c, 1), 1);
		assert_int_equal(shim_pages_in_use(), 1);
	}
	pipe_ring_free(&r);
}

static void test_fault_keeps_what_was_not_read(void **state)
{
	struct pipe_ring r;
	char buf[16] = "0123456789abcde";

	(void)state;
	assert_int_equal(pipe_ring_init(&r, 1), 0);
	assert_int_equal(put(&r, buf, 10), 10);
	assert_int_equal(get(&r, NULL, 5), -EFAULT);
	assert_int_equal(pipe_ring_used(&r), 10);
	assert_int_equal(put(&r, NULL, 5), -EFAULT);
	assert_int_equal(pipe_ring_used(&r), 10);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(get(&r, buf, sizeof(buf)), 10);
	assert_string_equal(buf, "0123456789");
	pipe_ring_free(&r);
}

static void test_resize(void **state)
{
	static char data[5 * PAGE_SIZE], back[5 * PAGE_SIZE];
	struct pipe_ring r;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i / 7);
	assert_int_equal(pipe_ring_init(&r, 4), 0);
	assert_int_equal(put(&r, data, 1000), 1000);
	assert_int_equal(get(&r, back, 999), 999);
	assert_int_equal(put(&r, data, sizeof(data)), 4 * PAGE_SIZE - 1);
	assert_int_equal(pipe_ring_resize(&r, 2), -EBUSY);
	shim_page_fail_after(2);
	assert_int_equal(pipe_ring_resize(&r, 8), -ENOMEM);
	shim_page_fail_after(-1);
	assert_int_equal(pipe_ring_resize(&r, 8), 0);
	assert_int_equal(pipe_ring_capacity(&r), 8 * PAGE_SIZE);
	assert_int_equal(get(&r, back, sizeof(back)), 4 * PAGE_SIZE);
	assert_memory_equal(back + 1, data, 4 * PAGE_SIZE - 1);
	pipe_ring_free(&r);
	assert_int_equal(shim_pages_in_use(), 0);
}

static void test_tee_copies_and_keeps(void **state)
{
	static char data[2 * PAGE_SIZE], back[2 * PAGE_SIZE];
	struct pipe_ring a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i / 3);
	assert_int_equal(pipe_ring_init(&a, 4), 0);
	assert_int_equal(pipe_ring_init(&b, 4), 0);
	assert_int_equal(put(&a, data, sizeof(data)), sizeof(data));
	assert_int_equal(pipe_ring_copy(&b, &a, 100, sizeof(data)), sizeof(data) - 100);
	assert_int_equal(pipe_ring_copy(&b, &a, sizeof(data), 1), 0);
	assert_int_equal(pipe_ring_used(&a), sizeof(data));
	assert_int_equal(get(&b, back, sizeof(back)), sizeof(data) - 100);
	assert_memory_equal(back, data + 100, sizeof(data) - 100);
	pipe_ring_free(&a);
	pipe_ring_free(&b);
	assert_int_equal(shim_pages_in_use(), 0);
}

static void test_no_memory(void **state)
{
	static char data[2 * PAGE_SIZE];
	struct pipe_ring r;

	(void)state;
	assert_int_equal(pipe_ring_init(&r, 4), 0);
	shim_page_fail_after(0);
	assert_int_equal(put(&r, data, 10), -ENOMEM);
	shim_page_fail_after(1);
	assert_int_equal(put(&r, data, sizeof(data)), PAGE_SIZE);
	shim_page_fail_after(-1);
	pipe_ring_free(&r);
	assert_int_equal(shim_pages_in_use(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_small_messages_reuse_one_page),
		cmocka_unit_test(test_fault_keeps_what_was_not_read),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_tee_copies_and_keeps),
		cmocka_unit_test(test_no_memory),
	};

	return RUN_TESTS(tests);
}
