/* SPDX-License-Identifier: MIT */
/*
 * paging.h - 4-level page tables of the program's half, walked through the direct map.
 * Everything runs at CPL 3, so U is always set; A is preset, and D where writable, so that the CPU never has to write
 * an entry (a KVM with shadow paging then fills neighbours ahead of use). Flushing is the caller's: an entry that was
 * not present, or gains rights, needs none (a stale translation only faults once more); one that goes away or loses
 * rights does. struct tlb_batch collects those. Tables come from boot_info's pool, later from whole 2 MiB blocks,
 * because KVM shadows a block with a table in it only by small pages. Writing a table above the last level costs 20 us
 * without VT-x; the last level is free.
 */
#ifndef CAY_KERNEL_ARCH_PAGING_H
#define CAY_KERNEL_ARCH_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/tlb.h"
#include "kernel/mm/page.h"
#include "lib/compiler.h"
#include "x86/pte.h"

struct cay_boot_info;

/* Root of the tables that the VMM made, whose kernel half all others share. Called by page_init. */
void paging_init(const struct cay_boot_info *info);
pa_t paging_boot_root(void);

/* A root with the kernel's half in it and an empty program's half. False without memory. */
MUST_CHECK bool paging_root_create(pa_t *root);
/* Frees the tables of the program's half and the root. The mappings must be gone. Not for the boot root. */
void paging_root_destroy(pa_t root);

/* The entry of va in the last level, or in level 1 if a huge page is there. NULL if there is no table. *level is set.
 */
uint64_t *paging_find(pa_t root, uint64_t va, unsigned *level);
/* As paging_find, making tables. `level` says where the entry is wanted (0 or 1). A huge page above the wanted level
 * is split first. NULL without memory. */
MUST_CHECK uint64_t *paging_make(pa_t root, uint64_t va, unsigned level);

/* The first address from va on, at most end, that has an entry of the last level or a huge page: skips holes quickly.
 */
uint64_t paging_skip_hole(pa_t root, uint64_t va, uint64_t end);

/* In place of a table with no present entry, level 1 may take a huge page. Frees the table if it is empty,
 * after a flush. */
bool paging_drop_empty_table(pa_t root, uint64_t va);

/*
 * Tables of the last level that several roots have (kernel/mm/shared_tables.h): empty, filled by the caller before it
 * is linked. Linking needs a block in which nothing is mapped: else, or without memory, it is false. Unlinking is
 * flushed by the caller. Nothing else here changes entries of such a table.
 */
MUST_CHECK uint64_t *paging_table_create(void);
void paging_table_destroy(uint64_t *table);
MUST_CHECK bool paging_link(pa_t root, uint64_t va, const uint64_t *table);
void paging_unlink(pa_t root, uint64_t va);

/* Where the kernel can read a page of the file window (abi/layout.h); mapped on first use. NULL without memory. */
const void *paging_window_va(pa_t pa);
/* The same for a range of whole huge pages that the kernel may write: before any of it was mapped otherwise. */
void *paging_window_writable(pa_t pa, uint64_t bytes);

/* PTE_* of a mapping with these PROT_* rights; 0 for PROT_NONE. */
uint64_t paging_prot_bits(int prot);

#endif
