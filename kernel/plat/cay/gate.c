/* SPDX-License-Identifier: MIT */
/*
 * gate.c - gate calls and doorbells: stores to the gate page, each of which costs an exit, or calls of the backend's
 * own code where it has some in our address space (abi/gate.h).
 */
#include "abi/gate.h"

#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"

const struct cay_boot_info *const boot_info = (const struct cay_boot_info *)(CAY_DIRECT_GVA + CAY_BOOT_INFO_GPA);
struct cay_stats *const stats = (struct cay_stats *)(CAY_DIRECT_GVA + CAY_STATS_GPA);

const char *boot_string(uint32_t offset)
{
	return offset < CAY_STRINGS_BYTES ? boot_info->strings + offset : "";
}

static void gate_store(uint64_t offset)
{
	void (*stub_gate)(uint64_t offset) = (void (*)(uint64_t))boot_info->stub_gate;

	if (stub_gate != NULL) {
		stub_gate(offset);
		return;
	}
	/* One plain mov: KVM must be able to emulate it. */
	__asm__ volatile("movl %0, (%1)" ::"r"(1), "r"(CAY_GATE_GVA + offset) : "memory");
}

int64_t gate_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	struct cay_gate_args *g = &cpu_this()->vcpu->gate;

	g->arg[0] = a0;
	g->arg[1] = a1;
	g->arg[2] = a2;
	g->arg[3] = a3;
	g->arg[4] = a4;
	gate_store(4 * nr);
	return READ_ONCE(g->ret);
}

void doorbell_ring(uint64_t doorbell_offset)
{
	stat_count(CAY_C_DOORBELLS);
	gate_store(doorbell_offset);
}

void plat_exit(int wait_status)
{
	stats->timing_tsc[CAY_T_PROGRAM_EXIT] = rdtsc();
	for (;;)
		gate_call(CAY_GATE_EXIT, (uint64_t)(unsigned)wait_status, 0, 0, 0, 0);
}
