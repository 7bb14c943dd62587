/* SPDX-License-Identifier: MIT */
/*
 * tlb.c - forgetting translations, here and on other CPUs.
 * Whoever changes page tables holds the kernel lock. It stops the CPUs that execute the address space's program
 * (smp_stop_others), and leaves in each one's `unseen` what it has to forget before it may go on. A CPU that is idle or
 * waits for the lock is stopped already, so it costs nothing now and one flush later, however many there were.
 */
#include "kernel/arch/x86_64/tlb.h"

#include <stddef.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

extern void stub_request(uint64_t va, uint64_t cr3);

/* cr3 = 0: one page; else a new CR3. By the marked ud2, or by a call where the backend has code in our address space.
 */
static void flush_request(uint64_t va, uint64_t cr3)
{
	void (*stub_flush)(uint64_t va, uint64_t cr3) = (void (*)(uint64_t, uint64_t))boot_info->stub_flush;

	stat_count(CAY_C_TLB_FLUSHES);
	if (stub_flush != NULL)
		stub_flush(va, cr3);
	else
		stub_request(va, cr3);
}

static void flush_page_here(uint64_t va)
{
	flush_request(va, 0);
}

static void flush_all_here(void)
{
	flush_request(0, cpu_this()->cr3);
}

static void flush_here(struct tlb_batch *b)
{
	if (b->nr > TLB_BATCH_PAGES)
		flush_all_here();
	else
		for (unsigned i = 0; i < b->nr; i++)
			flush_page_here(b->va[i]);
	b->nr = 0;
}

static void tell_others(uint64_t cr3, const struct tlb_batch *b)
{
	struct cpu *self = cpu_this();
	bool any = false;

	for (unsigned id = 0; id < cpu_count(); id++) {
		struct cpu *cpu = cpu_by_id(id);

		if (cpu == self || cpu->cr3 != cr3)
			continue;
		if (b->nr > TLB_BATCH_PAGES)
			tlb_batch_add_all(&cpu->unseen);
		else
			for (unsigned i = 0; i < b->nr; i++)
				tlb_batch_add(&cpu->unseen, b->va[i]);
		any = true;
	}
	if (any)
		smp_stop_others(cr3);
}

void tlb_batch_flush_in(uint64_t cr3, struct tlb_batch *b)
{
	if (b->nr == 0)
		return;
	if (smp_active)
		tell_others(cr3, b);
	if (cr3 == cpu_this()->cr3)
		flush_here(b);
	b->nr = 0;
}

void tlb_batch_flush(struct tlb_batch *b)
{
	tlb_batch_flush_in(cpu_this()->cr3, b);
}

void tlb_flush_page(uint64_t va)
{
	struct tlb_batch b = {.nr = 1, .va = {va}};

	tlb_batch_flush(&b);
}

void tlb_flush_all(void)
{
	struct tlb_batch b = {.nr = TLB_BATCH_PAGES + 1};

	tlb_batch_flush(&b);
}

void tlb_catch_up(void)
{
	struct cpu *cpu = cpu_this();

	if (cpu->must_serialize) {
		cpu->must_serialize = false;
		cpu_serialize();
	}
	if (cpu->unseen.nr != 0)
		flush_here(&cpu->unseen);
}

void tlb_fill(uint64_t va)
{
	void (*stub_fill)(uint64_t va) = (void (*)(uint64_t))boot_info->stub_fill;

	if (stub_fill != NULL)
		stub_fill(va);
}

void cr3_load(uint64_t pa)
{
	struct cpu *cpu = cpu_this();

	cpu->cr3 = pa;
	cpu->unseen.nr = 0;
	flush_request(0, pa);
}
