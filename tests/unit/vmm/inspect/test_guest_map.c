/* SPDX-License-Identifier: MIT */
/* test_guest_map.c - structures in made-up guest memory: sound ones, and lists, pointers and lengths that lie. */
// SOURCES: vmm/inspect/guest_map.c vmm/inspect/inspect_threads.c vmm/inspect/inspect_files.c vmm/inspect/inspect_sockets.c vmm/cli/syscall_names.c
// LIBS: -ljansson
#include "unit.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "abi/layout.h"
#include "vmm/inspect/inspect.h"

#define RAM_BYTES 0x400000u
#define GVA(at)   (CAY_DIRECT_GVA + (at))

static uint8_t *ram;
static struct gmem mem;
static struct cay_stats stats;
static struct guest_map m;
static struct cay_map_entry *map; /* at 0x1000 */

static void put(uint64_t at, uint64_t v)
{
	memcpy(ram + at, &v, sizeof(v));
}

static void entry(enum cay_map_id id, uint32_t bytes, uint64_t value)
{
	map[stats.map_nr++] = (struct cay_map_entry){(uint32_t)id, bytes, value};
}

static int setup(void **state)
{
	(void)state;
	ram = calloc(1, RAM_BYTES);
	mem = (struct gmem){.hva = ram, .bytes = RAM_BYTES, .fd = -1};
	map = (struct cay_map_entry *)(void *)(ram + 0x1000);
	stats = (struct cay_stats){.map_gva = GVA(0x1000)};
	entry(CAY_MAP_PROCESSES, 0, GVA(0x8000));
	entry(CAY_MAP_PROCESS_LINK, 16, 0);
	entry(CAY_MAP_PROCESS_PID, 4, 16);
	entry(CAY_MAP_PROCESS_COMM, 16, 24);
	entry(CAY_MAP_PROCESS_THREADS, 16, 40);
	entry(CAY_MAP_THREAD_LINK, 16, 8);
	entry(CAY_MAP_THREAD_TID, 4, 24);
	entry(CAY_MAP_THREAD_STATE, 4, 28);
	entry(CAY_MAP_THREAD_FDS, 8, 32);
	entry(CAY_MAP_STATE_RUNNABLE, 0, 10);
	entry(CAY_MAP_STATE_WOKEN, 0, 11);
	entry(CAY_MAP_STATE_BLOCKED, 0, 1);
	entry(CAY_MAP_FDTABLE_SIZE, 4, 0);
	entry(CAY_MAP_FDTABLE_FILES, 8, 8);
	entry(CAY_MAP_FILE_INODE, 8, 0);
	entry(CAY_MAP_INODE_MODE, 4, 0);
	entry(CAY_MAP_INODE_INO, 8, 8);
	/* one process at 0x9000 with a thread at 0xa000 and one file at 0xb000 */
	put(0x8000, GVA(0x9000));
	put(0x9000, GVA(0x8000));
	put(0x9010, 7);
	memcpy(ram + 0x9018, "na\033me", 6);
	put(0x9028, GVA(0xa008));
	put(0xa008, GVA(0x9028));
	put(0xa018, 8 | 1ull << 32);
	put(0xa020, GVA(0xc000));
	put(0xc000, 64);
	put(0xc008, GVA(0xd000));
	put(0xd000 + 8 * 5, GVA(0xb000));
	put(0xb000, GVA(0xe000));
	put(0xe000, S_IFSOCK);
	put(0xe008, 99);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

static json_t *threads(void)
{
	const struct inspect_cpus none = {.nr = 0};

	return inspect_threads(&m, &none);
}

static void test_sound(void **state)
{
	json_t *rows, *o;

	(void)state;
	assert_true(guest_map_load(&m, &mem, &stats));
	rows = threads();
	assert_int_equal(json_array_size(rows), 1);
	o = json_array_get(rows, 0);
	assert_int_equal(json_integer_value(json_object_get(o, "pid")), 7);
	assert_int_equal(json_integer_value(json_object_get(o, "tid")), 8);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "sleeping");
	json_decref(rows);
	rows = inspect_files(&m);
	assert_int_equal(json_array_size(rows), 1);
	o = json_array_get(rows, 0);
	assert_int_equal(json_integer_value(json_object_get(o, "fd")), 5);
	assert_string_equal(json_string_value(json_object_get(o, "process")), "na?me");
	assert_string_equal(json_string_value(json_object_get(o, "path")), "socket:[99]");
	json_decref(rows);
}

static void test_no_map(void **state)
{
	struct cay_stats s = {0};

	(void)state;
	assert_false(guest_map_load(&m, &mem, &s));
	s = (struct cay_stats){.map_gva = GVA(RAM_BYTES - 8), .map_nr = 4};
	assert_false(guest_map_load(&m, &mem, &s));
	s = (struct cay_stats){.map_gva = GVA(0x1000), .map_nr = UINT32_MAX};
	assert_false(guest_map_load(&m, &mem, &s));
	s = (struct cay_stats){.map_gva = UINT64_MAX - 7, .map_nr = 1};
	assert_false(guest_map_load(&m, &mem, &s));
}

static void test_reads(void **state)
{
	static const uint64_t bad[] = {0,
				       8,
				       GVA(RAM_BYTES),
				       GVA(RAM_BYTES - 7),
				       CAY_DIRECT_GVA - 1,
				       CAY_GATE_GVA,
				       UINT64_MAX,
				       UINT64_MAX - 8,
				       CAY_KERNEL_GVA + CAY_KERNEL_SPAN,
				       1ull << 63};
	uint64_t v;

	(void)state;
	assert_true(guest_map_load(&m, &mem, &stats));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(guest_read(&m, bad[i], &v, sizeof(v)));
	assert_true(guest_read(&m, GVA(RAM_BYTES - 8), &v, sizeof(v)));
	assert_true(guest_read(&m, CAY_KERNEL_GVA, &v, sizeof(v)));
	m.budget = 1;
	assert_true(guest_read(&m, GVA(0), &v, sizeof(v)));
	assert_false(guest_read(&m, GVA(0), &v, sizeof(v)));
	m.budget = 1; /* a look at what is not there costs as much, else walks over it would have no end */
	assert_false(guest_read(&m, 8, &v, sizeof(v)));
	assert_int_equal(m.budget, 0);
}

/* Lists that never come back to their head, of processes and of threads. */
static void test_endless(void **state)
{
	json_t *rows;

	(void)state;
	put(0x9000, GVA(0x9000));
	assert_true(guest_map_load(&m, &mem, &stats));
	rows = threads();
	assert_true(json_array_size(rows) <= INSPECT_PROCESSES_MAX);
	json_decref(rows);
	put(0xa008, GVA(0xa008));
	assert_true(guest_map_load(&m, &mem, &stats));
	rows = threads();
	assert_true(json_array_size(rows) <= INSPECT_THREADS_MAX);
	json_decref(rows);
	rows = inspect_files(&m);
	assert_true(json_array_size(rows) <= INSPECT_FILES_MAX);
	json_decref(rows);
}

static void test_huge_table(void **state)
{
	json_t *rows;

	(void)state;
	put(0xc000, UINT32_MAX);
	assert_true(guest_map_load(&m, &mem, &stats));
	rows = inspect_files(&m);
	assert_true(json_array_size(rows) >= 1);
	json_decref(rows);
}

/* Each word of the map and of the structures in turn becomes something else. */
static void test_wrong_words(void **state)
{
	static const uint64_t values[] = {1, GVA(0x9000), GVA(RAM_BYTES - 1), UINT64_MAX, 0x4141414141414141ull};

	(void)state;
	for (uint64_t at = 0x1000; at < 0xe010; at += at < 0x1100 || (at & 0xfff) < 0x60 ? 8 : 0x1000 - (at & 0xfff))
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			uint64_t kept;

			memcpy(&kept, ram + at, 8);
			put(at, values[i]);
			if (guest_map_load(&m, &mem, &stats)) {
				m.budget = 2000;
				json_decref(threads());
				json_decref(inspect_files(&m));
				json_decref(inspect_sockets(&m));
			}
			put(at, kept);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_words, setup, teardown),
	};

	return RUN_TESTS(tests);
}
