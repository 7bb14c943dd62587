/* SPDX-License-Identifier: MIT */
/*
 * page.h - physical memory: allocation of page frames, and their descriptors.
 * All RAM is mapped at CAY_DIRECT_GVA. Blocks are 2^order pages, naturally aligned; order 9 is a huge page.
 * Lock: one inside the allocator, taken for nobody else. Never blocks.
 */
#ifndef CAY_KERNEL_MM_PAGE_H
#define CAY_KERNEL_MM_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "lib/compiler.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define HUGE_ORDER 9
#define HUGE_SIZE (PAGE_SIZE << HUGE_ORDER)
#define PAGE_ORDER_MAX 10 /* 4 MiB */

typedef struct {
	uint64_t v;
} pa_t; /* guest-physical address; a struct so that it never mixes with a virtual one */

static inline pa_t PA(uint64_t v)
{
	return (pa_t){v};
}

static inline void *pa_to_virt(pa_t pa)
{
	return (void *)(pa.v + CAY_DIRECT_GVA);
}

/* va must be a direct-map address (what page_alloc, kmalloc return); not the kernel image's. */
static inline pa_t virt_to_pa(const void *va)
{
	return PA((uint64_t)va - CAY_DIRECT_GVA);
}

#define PAGE_ZERO (1u << 0)    /* contents zero; otherwise junk */
#define PAGE_RECLAIM (1u << 1) /* may drop caches to succeed */

/* Returns 2^order pages with reference count 1 (of the block's first page), or NULL when there is no such block. */
MUST_CHECK void *page_alloc(unsigned order, unsigned flags);
void page_free(void *va, unsigned order);

/* Reference counts for pages that several mappings or caches share (order 0, or a huge block as a whole).
 * page_unref frees at zero; `order` must be that of the allocation. */
void page_ref(pa_t pa);
void page_unref(pa_t pa, unsigned order);
unsigned page_refcount(pa_t pa);
bool pa_is_ram(pa_t pa); /* false for the file window */

size_t page_nr_free(void);
size_t page_nr_total(void);

#endif
