/* SPDX-License-Identifier: MIT */
/* tlb.c - arch/x86_64/tlb.h on the host, where page tables are walked in software: no translation is remembered. */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/tlb.h"

void tlb_flush_page(uint64_t va)
{
	(void)va;
}

void tlb_flush_all(void)
{
}

void tlb_batch_flush(struct tlb_batch *b)
{
	b->nr = 0;
}

void tlb_batch_flush_in(uint64_t cr3, struct tlb_batch *b)
{
	(void)cr3;
	b->nr = 0;
}
