/* SPDX-License-Identifier: MIT */
/*
 * pte.h - page-table entries of 4-level paging (SDM vol. 3A, section 4.5; software bits are ours).
 */
#ifndef CAY_X86_PTE_H
#define CAY_X86_PTE_H

#include <stdint.h>

#define PTE_P  (1ULL << 0)  /* present */
#define PTE_W  (1ULL << 1)  /* writable */
#define PTE_U  (1ULL << 2)  /* reachable at CPL 3 */
#define PTE_A  (1ULL << 5)  /* accessed */
#define PTE_D  (1ULL << 6)  /* dirty */
#define PTE_PS (1ULL << 7)  /* in a PDE or PDPTE: a huge page, not a table */
#define PTE_NX (1ULL << 63) /* no instruction fetch */

/* Ignored by the CPU. */
#define PTE_SW_COUNTED (1ULL << 9)  /* the mapping holds a reference of a RAM page */
#define PTE_SW_SHARED  (1ULL << 10) /* in a PDE: the table is other roots', too */

#define PTE_ADDR       0x000ffffffffff000ULL
#define PTES_PER_TABLE 512u

/* Bytes that one entry of a level covers; level 0 is the last (4 KiB). */
#define PT_LEVEL_SHIFT(level) (12u + 9u * (level))
#define PT_INDEX(va, level)   ((unsigned)((va) >> PT_LEVEL_SHIFT(level)) & 511u)
#define PT_TOP_LEVEL          3u

#endif
