/* SPDX-License-Identifier: MIT */
/* page_priv.h - what page.c and page_local.c have in common. Frames by number; 0 = none. */
#ifndef CAY_KERNEL_MM_PAGE_PRIV_H
#define CAY_KERNEL_MM_PAGE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/mm/page.h"

/* page.c, by its lock. A block with one reference; page.zero says whether it is zero. */
uint32_t page_take_block(unsigned order, bool want_zero);
void page_give_pages(const uint32_t *pfn, unsigned nr); /* single ones, all in state PAGE_LOCAL */

/*
 * page_local.c: the running CPU's own store of single pages, where the VM has several CPUs. No lock.
 * Pages in it are in state PAGE_LOCAL and count as free. taken: has one reference, and the caller's state.
 */
uint32_t page_local_take(bool want_zero);
void page_local_give(uint32_t pfn, bool zero);
size_t page_local_nr(void); /* of all CPUs, about */
void page_local_init(void);
void page_local_drop(void); /* all of this CPU's go back: so that they can join neighbours */

#endif
