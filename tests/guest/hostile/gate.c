/* SPDX-License-Identifier: MIT */
/* Wild gate calls: numbers that do not exist, arguments out of range, floods. */
#include "hostile.h"

static const uint64_t wild[] = {0,          1,          0xfff,          0x1000,     CAY_WINDOW_GPA, CAY_GATE_GPA,
				1ull << 39, 1ull << 47, CAY_DIRECT_GVA, 1ull << 63, -4096ull,       -1ull};
#define NR_WILD (sizeof(wild) / sizeof(wild[0]))

/* Every pair of wild values: refused, or (a log of real memory) harmless. */
static void wild_arguments(unsigned nr, bool must_refuse)
{
	for (size_t i = 0; i < NR_WILD; i++)
		for (size_t j = 0; j < NR_WILD; j++)
			if (gate(nr, wild[i], wild[j], wild[(i + j) % NR_WILD], wild[(i * 5 + j) % NR_WILD], i) >= 0 &&
			    must_refuse)
				accepted();
}

void attack(const char *variant)
{
	if (same(variant, "unknown"))
		gate(200, 0, 0, 0, 0, 0);
	else if (same(variant, "zero"))
		gate(0, 0, 0, 0, 0, 0);
	else if (same(variant, "doorbell"))
		store_gate(0xffc);
	else if (same(variant, "beyond"))
		*(volatile uint32_t *)(CAY_GATE_GVA + 4096) = 1;
	else if (same(variant, "unaligned"))
		*(volatile uint32_t *)(CAY_GATE_GVA + 4 * CAY_GATE_LOG + 1) = 1;
	else if (same(variant, "byte"))
		*(volatile uint8_t *)(CAY_GATE_GVA + 4 * CAY_GATE_LOG) = 1;
	else if (same(variant, "quad"))
		*(volatile uint64_t *)(CAY_GATE_GVA + 4 * CAY_GATE_LOG) = 1;
	else if (same(variant, "straddle"))
		*(volatile uint64_t *)(CAY_GATE_GVA + 4092) = 1;
	else if (same(variant, "read"))
		(void)*(volatile uint32_t *)(CAY_GATE_GVA + 4 * CAY_GATE_EXIT);
	else if (same(variant, "execute"))
		((void (*)(void))CAY_GATE_GVA)();
	else if (same(variant, "crash-text"))
		gate(CAY_GATE_CRASH, -1ull, -1ull, 0, 0, 0);
	else if (same(variant, "crash-escapes")) {
		static char text[] = "evil \033[2J\033]0;title\007 \r\n line two";

		gate(CAY_GATE_CRASH, gpa_of(text), sizeof(text) - 1, 0, 0, 0);
	} else if (same(variant, "log"))
		wild_arguments(CAY_GATE_LOG, false);
	else if (same(variant, "map"))
		wild_arguments(CAY_GATE_MAP_FILE, true);
	else if (same(variant, "unmap"))
		wild_arguments(CAY_GATE_UNMAP_FILE, true);
	else if (same(variant, "exit-status"))
		gate(CAY_GATE_EXIT, -1ull, 0, 0, 0, 0);
	else if (same(variant, "free-range")) {
		for (size_t i = 4; i < NR_WILD; i++)
			if (gate(CAY_GATE_FREE, wild[i], 4096, 0, 0, 0) >= 0 ||
			    gate(CAY_GATE_FREE, 0x200000, wild[i], 0, 0, 0) >= 0)
				accepted();
		if (gate(CAY_GATE_FREE, BOOT->ram_bytes, 4096, 0, 0, 0) >= 0 ||
		    gate(CAY_GATE_FREE, 0x200001, 4096, 0, 0, 0) >= 0)
			accepted();
	} else if (same(variant, "free-self"))
		gate(CAY_GATE_FREE, 0, BOOT->ram_bytes, 0, 0, 0);
	else if (same(variant, "attach-not")) /* not there yet, unless the backend has no such border */
		*(volatile uint64_t *)PHYS(BOOT->attached_gpa) = 1;
	else if (same(variant, "attach")) {
		for (size_t i = 4; i < NR_WILD; i++)
			if (gate(CAY_GATE_ATTACH, wild[i], wild[i], wild[i], 0, 0) >= 0)
				accepted();
		if (gate(CAY_GATE_ATTACH, BOOT->ram_bytes + 4096, 0, 0, 0, 0) >= 0 ||
		    gate(CAY_GATE_ATTACH, BOOT->ram_bytes - 1, 0, 0, 0, 0) >= 0)
			accepted();
		/* All of it, again and again; and it is there. */
		for (unsigned i = 0; i < 1000; i++)
			if (gate(CAY_GATE_ATTACH, BOOT->ram_bytes, 0, 0, 0, 0) != (int64_t)BOOT->ram_bytes)
				accepted();
		*(volatile uint64_t *)PHYS(BOOT->ram_bytes - 8) = 1;
	} else if (same(variant, "cpus")) {
		for (size_t i = 0; i < NR_WILD; i++)
			if (gate(CAY_GATE_START_CPU, wild[i] | 1, wild[i], wild[i], wild[i], 0) >= 0)
				accepted();
	} else if (same(variant, "ipi"))
		wild_arguments(CAY_GATE_IPI, false);
	else if (same(variant, "pause")) {
		for (size_t i = 0; i < NR_WILD; i++)
			if (gate(CAY_GATE_PAUSE, wild[i], 0, 0, 0, 0) >= 0 && wild[i] > 1000000)
				accepted();
	} else if (same(variant, "flood-timer")) {
		for (unsigned i = 0; i < 20000; i++) {
			VCPU->timer_deadline_ns = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : -1ull;
			gate(CAY_GATE_TIMER, 0, 0, 0, 0, 0);
		}
	} else if (same(variant, "flood-log")) {
		static char text[] = "line\nline\nline\nline\n";

		for (unsigned i = 0; i < 20000; i++)
			gate(CAY_GATE_LOG, gpa_of(text), sizeof(text) - 1, 0, 0, 0);
	} else if (same(variant, "wait-past")) {
		for (unsigned i = 0; i < 1000; i++) {
			VCPU->state = i % 5; /* also values that are no state */
			VCPU->timer_deadline_ns = 1;
			VCPU->pending = 0;
			gate(CAY_GATE_WAIT, 0, 0, 0, 0, 0);
		}
	} else
		accepted();
}
