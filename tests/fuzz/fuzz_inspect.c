/* SPDX-License-Identifier: MIT */
/*
 * fuzz_inspect.c - any map and any memory of a guest. The map's entries and most words of memory are made to point to
 * memory, so that the walks come far.
 */
// SOURCES: vmm/inspect/guest_map.c vmm/inspect/inspect_threads.c vmm/inspect/inspect_files.c vmm/inspect/inspect_sockets.c vmm/control/request.c
// LIBS: -ljansson
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi/layout.h"
#include "vmm/cli/syscall_names.h"
#include "vmm/control/request.h"
#include "vmm/inspect/inspect.h"

#define RAM_BYTES 0x20000u
#define MAP_AT    0x1000u
#define WORDS_AT  0x4000u

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));

const char *syscall_name(unsigned nr)
{
	return nr % 2 ? "call" : NULL;
}

static uint64_t pointer(uint16_t x)
{
	return CAY_DIRECT_GVA + ((uint64_t)x * 8) % RAM_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sizes[] = {8, 8, 4, 1, 2, 16, 0, 255};
	const struct gmem mem = {.hva = ram, .bytes = RAM_BYTES, .fd = -1};
	struct cay_stats stats = {.map_gva = CAY_DIRECT_GVA + MAP_AT, .map_nr = CAY_MAP_NR};
	struct cay_map_entry *map = (struct cay_map_entry *)(void *)(ram + MAP_AT);
	struct inspect_cpus cpus = {.nr = 1, .page = {ram + 0x3000}};
	struct guest_map m;

	(void)control_request_parse((const char *)data, size);
	if (size < 16)
		return 0;
	memset(ram, 0, sizeof(ram));
	for (uint32_t i = 0; i < CAY_MAP_NR; i++) {
		uint16_t x = (uint16_t)(data[2 * i % size] | data[(2 * i + 1) % size] << 8);

		map[i] = (struct cay_map_entry){i, sizes[x & 7],
						i < CAY_MAP_NR_EXACT ? pointer(x) : (uint64_t)(x >> 3) % 256};
		if (i == CAY_MAP_FRAME_CALL)
			map[i].value = 0 - (uint64_t)(x % 200);
		if (i == CAY_MAP_NR_EXACT || i == CAY_MAP_NR_BOUND)
			map[i].value = x;
	}
	for (uint32_t i = 0; WORDS_AT + 8 * i < RAM_BYTES && 2 * i + 1 < size; i++) {
		uint16_t x = (uint16_t)(data[2 * i] | data[2 * i + 1] << 8);
		uint64_t word = x % 4 ? pointer(x) : x;

		memcpy(ram + WORDS_AT + 8 * i, &word, sizeof(word));
	}
	if (!guest_map_load(&m, &mem, &stats))
		return 0;
	m.budget = 3000;
	json_decref(inspect_threads(&m, &cpus));
	m.budget = 3000;
	json_decref(inspect_files(&m));
	m.budget = 3000;
	json_decref(inspect_sockets(&m));
	return 0;
}
