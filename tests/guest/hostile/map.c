/* SPDX-License-Identifier: MIT */
/*
 * A kernel whose map for `cay inspect` (abi/map.h) is wrong, and which changes memory while the VMM reads it. It says
 * "published" and then spins, so that the test asks a running VM.
 */
#include "hostile.h"

#include "abi/map.h"
#include "abi/stats.h"

#define STATS   ((volatile struct cay_stats *)PHYS(CAY_STATS_GPA))
#define ENTRIES ((volatile struct cay_map_entry *)(scratch + 4096))
#define WORDS   ((volatile uint64_t *)(scratch + 65536))
#define NR      ((sizeof(scratch) - 65536) / 8)

static uint64_t seed = 88172645463325252ull;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint64_t pointer(void)
{
	return (uint64_t)&WORDS[any() % NR];
}

/* Every entry, with a value that is none, near an end of what there is, or something of ours. */
static uint64_t wild(void)
{
	static const uint64_t ends[] = {0,
					-1ull,
					-8ull,
					1ull << 63,
					CAY_DIRECT_GVA - 4,
					CAY_DIRECT_GVA + CAY_RAM_MAX_BYTES - 4,
					CAY_KERNEL_GVA + CAY_KERNEL_SPAN - 4,
					CAY_GATE_GVA};

	return any() % 2 ? ends[any() % 8] : pointer();
}

static void publish(bool junk, bool loops)
{
	for (uint32_t i = 0; i < CAY_MAP_NR; i++) {
		ENTRIES[i].id = i;
		ENTRIES[i].bytes = junk ? (uint32_t)any() : 8;
		ENTRIES[i].value = junk ? wild() : i < CAY_MAP_NR_EXACT ? (uint64_t)WORDS : 8 * (i % 16);
	}
	if (!junk) {
		ENTRIES[CAY_MAP_NR_EXACT].value = 1u << 30;
		ENTRIES[CAY_MAP_NR_BOUND].value = -1ull;
		ENTRIES[CAY_MAP_FRAME_CALL].value = -64ull;
	}
	for (unsigned i = 0; i < NR; i++)
		WORDS[i] = loops ? (uint64_t)WORDS : pointer();
}

void attack(const char *variant)
{
	static const char text[] = "published";
	bool changes = same(variant, "changes");

	publish(same(variant, "junk"), same(variant, "loops"));
	STATS->map_gva = same(variant, "beyond") ? CAY_DIRECT_GVA + BOOT->ram_bytes - 8 : (uint64_t)ENTRIES;
	STATS->map_nr = same(variant, "long") ? -1u : CAY_MAP_NR;
	gate(CAY_GATE_LOG, gpa_of(text), sizeof(text) - 1, 0, 0, 0);
	for (;;) {
		if (!changes)
			continue;
		WORDS[any() % NR] = wild();
		ENTRIES[any() % CAY_MAP_NR].value = any() % 2 ? pointer() : any() % 4096;
	}
}
