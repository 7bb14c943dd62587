/* SPDX-License-Identifier: MIT */
/* test_window.c - ranges of the file window: no overlap, reuse, refusal of wild numbers. */
// SOURCES: vmm/core/window.c
// LIBS: -lpthread
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/core/window.h"

#define PAGE         4096ull
#define WINDOW_BYTES (64 * PAGE)

static uint8_t *hva;
static struct window *w;
static int fd;

static int setup(void **state)
{
	(void)state;
	hva = mmap(NULL, WINDOW_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	w = window_create(hva, WINDOW_BYTES, NULL);
	fd = memfd_create("file", 0);
	return hva == MAP_FAILED || w == NULL || ftruncate(fd, 64 * PAGE) != 0 || pwrite(fd, "page one", 8, PAGE) != 8;
}

static int teardown(void **state)
{
	(void)state;
	window_destroy(w);
	munmap(hva, WINDOW_BYTES);
	return close(fd);
}

static void test_map_and_unmap(void **state)
{
	int64_t a = window_map(w, fd, PAGE, 2 * PAGE, false), b = window_map(w, fd, 0, PAGE, true);

	(void)state;
	assert_true(a >= 0 && b >= 0 && (uint64_t)(a > b ? a - b : b - a) >= PAGE);
	assert_memory_equal(hva + a, "page one", 8);
	hva[b] = 'x';
	assert_int_equal(window_unmap(w, (uint64_t)a, PAGE), -EINVAL);
	assert_int_equal(window_unmap(w, (uint64_t)a + PAGE, PAGE), -EINVAL);
	assert_int_equal(window_unmap(w, (uint64_t)a, 2 * PAGE), 0);
	assert_int_equal(window_unmap(w, (uint64_t)a, 2 * PAGE), -EINVAL);
	assert_int_equal(window_unmap(w, (uint64_t)b, PAGE), 0);
}

static void test_shortened_file(void **state)
{
	int64_t at = window_map(w, fd, 0, 8 * PAGE, true);

	(void)state;
	assert_true(at >= 0);
	assert_int_equal(window_mend(w), 0);
	assert_false(window_is_short(w));
	assert_int_equal(ftruncate(fd, 3 * PAGE - 10), 0);
	assert_true(window_is_short(w));
	assert_int_equal(window_mend(w), 5);
	assert_false(window_is_short(w));
	assert_int_equal(window_mend(w), 0);
	assert_memory_equal(hva + at + PAGE, "page one", 8);
	assert_int_equal(hva[at + 3 * (int64_t)PAGE], 0);
	hva[at + 7 * (int64_t)PAGE] = 1;
	assert_int_equal(window_unmap(w, (uint64_t)at, 8 * PAGE), 0);
}

static void test_wild_numbers(void **state)
{
	(void)state;
	assert_int_equal(window_map(w, fd, 0, 0, false), -EINVAL);
	assert_int_equal(window_map(w, fd, 0, 100, false), -EINVAL);
	assert_int_equal(window_map(w, fd, 1, PAGE, false), -EINVAL);
	assert_int_equal(window_map(w, fd, 0, WINDOW_BYTES + PAGE, false), -EINVAL);
	assert_int_equal(window_map(w, fd, 0, ~0ull << 12, false), -EINVAL);
	assert_int_equal(window_map(w, fd, ~0ull << 12, PAGE, false), -EINVAL);
	assert_true(window_map(w, -1, 0, PAGE, false) == -EBADF);
	assert_int_equal(window_unmap(w, ~0ull, ~0ull), -EINVAL);
}

/* Any order of mapping and unmapping: ranges never overlap or touch, and in the end all space is free again. */
static void test_random_order(void **state)
{
	int64_t at[64];
	uint64_t bytes[64] = {0};
	uint8_t owner[64] = {0};

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = (unsigned)rand() % 63 + 1;

		if (bytes[k] != 0) {
			assert_int_equal(window_unmap(w, (uint64_t)at[k], bytes[k]), 0);
			memset(&owner[(uint64_t)at[k] / PAGE], 0, bytes[k] / PAGE);
			bytes[k] = 0;
			continue;
		}
		uint64_t want = ((uint64_t)rand() % 6 + 1) * PAGE;

		at[k] = window_map(w, fd, 0, want, false);
		if (at[k] == -ENOSPC)
			continue;
		assert_true(at[k] >= 0 && (uint64_t)at[k] + want <= WINDOW_BYTES);
		bytes[k] = want;
		for (uint64_t p = 0; p < want / PAGE; p++)
			assert_int_equal(owner[(uint64_t)at[k] / PAGE + p], 0);
		if (at[k] > 0)
			assert_int_equal(owner[(uint64_t)at[k] / PAGE - 1], 0);
		if ((uint64_t)at[k] + want < WINDOW_BYTES)
			assert_int_equal(owner[((uint64_t)at[k] + want) / PAGE], 0);
		memset(&owner[(uint64_t)at[k] / PAGE], (int)k, want / PAGE);
	}
	for (unsigned k = 1; k < 64; k++)
		if (bytes[k] != 0)
			assert_int_equal(window_unmap(w, (uint64_t)at[k], bytes[k]), 0);
	assert_int_equal(window_map(w, fd, 0, WINDOW_BYTES, false), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {T(test_map_and_unmap), T(test_shortened_file), T(test_wild_numbers),
					   T(test_random_order)};

	return RUN_TESTS(tests);
}
