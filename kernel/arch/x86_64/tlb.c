/* SPDX-License-Identifier: MIT */
/*
 * tlb.c - forgetting translations, here and on other CPUs.
 * Whoever changes page tables does that first, then leaves in each CPU that has them loaded (`unseen`) what to forget,
 * and waits until it has, or is out of the program (smp_tell_others). A CPU that is idle or waits is out: it costs
 * nothing now and one flush later, however many there were. Nothing here needs a lock: several may change tables at
 * once.
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

static void note(struct cpu *cpu, uint64_t what)
{
	for (unsigned i = 0; i < TLB_BATCH_PAGES && what != TLB_UNSEEN_ALL; i++) {
		uint64_t there = 0;

		if (__atomic_compare_exchange_n(&cpu->unseen[i], &there, what, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST) ||
		    there == what || there == TLB_UNSEEN_ALL)
			return;
	}
	__atomic_store_n(&cpu->unseen[0], TLB_UNSEEN_ALL, __ATOMIC_SEQ_CST);
}

static void leave_batch(struct cpu *cpu, const void *arg)
{
	const struct tlb_batch *b = arg;

	if (b->nr > TLB_BATCH_PAGES)
		note(cpu, TLB_UNSEEN_ALL);
	else
		for (unsigned i = 0; i < b->nr; i++)
			note(cpu, b->va[i]);
}

void tlb_batch_flush_in(uint64_t cr3, struct tlb_batch *b)
{
	if (b->nr == 0)
		return;
	if (smp_active)
		smp_tell_others(cr3, leave_batch, b);
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
	uint64_t asked = __atomic_load_n(&cpu->asked, __ATOMIC_ACQUIRE); /* pairs with smp_tell_others */
	struct tlb_batch b = {.nr = 0};

	if (asked == cpu->done)
		return;
	if (__atomic_exchange_n(&cpu->must_serialize, false, __ATOMIC_SEQ_CST))
		cpu_serialize();
	for (unsigned i = 0; i < TLB_BATCH_PAGES; i++) {
		uint64_t what = __atomic_exchange_n(&cpu->unseen[i], 0, __ATOMIC_SEQ_CST);

		if (what == TLB_UNSEEN_ALL)
			tlb_batch_add_all(&b);
		else if (what != 0)
			tlb_batch_add(&b, what);
	}
	if (b.nr != 0)
		flush_here(&b);
	__atomic_store_n(&cpu->done, asked, __ATOMIC_RELEASE);
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

	/* Said before it is done: whoever changes these tables from here on tells this CPU, or did so before the load.
	 */
	__atomic_store_n(&cpu->cr3, pa, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < TLB_BATCH_PAGES; i++)
		__atomic_store_n(&cpu->unseen[i], 0, __ATOMIC_SEQ_CST);
	flush_request(0, pa);
}
