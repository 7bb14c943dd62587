/* SPDX-License-Identifier: MIT */
/* tlb.h - translations to forget, collected: up to a few pages one by one, else all. */
#ifndef CAY_KERNEL_ARCH_TLB_H
#define CAY_KERNEL_ARCH_TLB_H

#include <stdint.h>

#define TLB_BATCH_PAGES 2
#define TLB_UNSEEN_ALL  1ull /* in cpu.unseen: no page has this address */
struct tlb_batch {
	unsigned nr; /* > TLB_BATCH_PAGES: all */
	uint64_t va[TLB_BATCH_PAGES];
};

static inline void tlb_batch_add(struct tlb_batch *b, uint64_t va)
{
	if (b->nr < TLB_BATCH_PAGES)
		b->va[b->nr] = va;
	if (b->nr <= TLB_BATCH_PAGES)
		b->nr++;
}

static inline void tlb_batch_add_all(struct tlb_batch *b)
{
	b->nr = TLB_BATCH_PAGES + 1;
}

void tlb_batch_flush(struct tlb_batch *b); /* on all CPUs, as tlb_flush_page; and empties it */
/* The same for the address space with this root, wherever it is loaded. */
void tlb_batch_flush_in(uint64_t cr3, struct tlb_batch *b);

#endif
