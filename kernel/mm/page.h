/* SPDX-License-Identifier: MIT */
/*
 * page.h - physical memory: allocation of page frames, and their descriptors.
 * All RAM is mapped at CAY_DIRECT_GVA. Blocks are 2^order pages, naturally aligned; order 9 is a huge page.
 * Lock: a spin lock inside the allocator, which is taken under any other one; with several CPUs each has some single
 * pages of its own (page_local.c) and seldom takes it. References are counted atomically. Any context; never blocks.
 *
 * Memory is taken into use 2 MiB at a time, lowest first: what the program does not need is never touched, so that the
 * host never has to provide it and a boot costs nothing per MiB of RAM. Untouched memory is known to be zero.
 */
#ifndef CAY_KERNEL_MM_PAGE_H
#define CAY_KERNEL_MM_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "lib/compiler.h"

#define PAGE_SHIFT     12
#define PAGE_SIZE      4096UL
#define PAGE_MASK      (~(PAGE_SIZE - 1))
#define HUGE_ORDER     9
#define HUGE_SIZE      (PAGE_SIZE << HUGE_ORDER)
#define PAGE_ORDER_MAX HUGE_ORDER

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

#define PAGE_ZERO (1u << 0) /* contents zero; otherwise junk */
#define PAGE_RECLAIM                                                                                                   \
	(1u << 1) /* caches may be dropped to succeed: marks who could wait for that; none is dropped yet */

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

/* Before any other call here; makes the page tables' pool ready too (paging_init). info is trusted: the VMM made it. */
struct cay_boot_info;
void page_init(const struct cay_boot_info *info);

/* fn is told of each block before it is handed out: to have the host make its pages in larger pieces. It must not
 * allocate. */
void page_set_announce(void (*fn)(pa_t pa, size_t bytes));

/* fn makes RAM below the address usable, before any of it is touched; false: the host will not. It must not allocate.
 */
void page_set_attach(bool (*fn)(pa_t end));

/*
 * Free memory that the host backs all the same, counted in whole huge blocks: for plat/cay/giveback.c, which gives it
 * back. fn is told when a page was freed and there are more than max of them: any context, often; frames below
 * keep_bytes stay. page_idle_blocks: how many there are, and the fewest since it was last asked. page_idle_take: one of
 * them, which is the caller's until page_idle_return; zero: the host has taken it, and would give zeros.
 */
void page_set_idle(size_t max, uint64_t keep_bytes, void (*fn)(void));
size_t page_idle_blocks(size_t *least);
MUST_CHECK bool page_idle_take(pa_t *pa);
void page_idle_return(pa_t pa, bool zero);

/* Turns a block with one reference (and perhaps pins) into 2^order single pages with one reference each (and theirs).
 */
void page_split(pa_t pa, unsigned order);

/* A reference for a transfer to or from one page that is allocated by itself or lies in a huge page. Survives
 * page_split. */
void page_pin(pa_t pa);
void page_unpin(pa_t pa);

/*
 * The descriptor of a frame of RAM that is in use or was once. Frames are linked by number, 0 = none (frame 0 is never
 * free). What an allocated page's owner may use: next, prev, slab, owner (kmalloc does, for its slabs).
 */
enum page_state { PAGE_TAIL = 0, PAGE_USED, PAGE_FREE, PAGE_SLAB, PAGE_LOCAL };
struct page {
	uint32_t next, prev;
	union {
		uint32_t refs; /* used */
		struct {
			uint16_t used;  /* objects handed out */
			uint16_t first; /* offset of the first free object, in 16 bytes; end of page = none */
		} slab;
	};
	uint8_t state; /* enum page_state of a block's first page; PAGE_TAIL elsewhere */
	uint8_t order;
	uint8_t zero;  /* free block: contents known to be zero */
	uint8_t owner; /* slab: size class */
};
struct page *page_of_pfn(uint32_t pfn);
/* The same for any frame number; NULL: not RAM, or never taken into use. */
struct page *page_of_any_pfn(uint64_t pfn);

#endif
