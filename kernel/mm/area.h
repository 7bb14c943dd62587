/* SPDX-License-Identifier: MIT */
/*
 * area.h - the areas of an address space: what mmap(2) made, in a balanced tree by address.
 * Invariant: areas do not overlap, are page-aligned, and neighbours that could be one are one (area_merge).
 * Knows nothing of page tables or files beyond comparing and counting them. Lock: vmspace.lock.
 */
#ifndef CAY_KERNEL_MM_AREA_H
#define CAY_KERNEL_MM_AREA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/avl.h"
#include "lib/compiler.h"
#include "lib/list.h"

struct file;

#define AREA_SHARED    (1u << 0) /* MAP_SHARED */
#define AREA_GROWSDOWN (1u << 1) /* a stack: faults below extend it */
#define AREA_STACK     (1u << 2) /* MAP_STACK or the program's: sparse use expected, no huge pages at once */
#define AREA_HEAP      (1u << 3) /* brk */
#define AREA_NORESERVE (1u << 4)
#define AREA_LOCKED    (1u << 5)
#define AREA_HUGE      (1u << 6) /* MADV_HUGEPAGE */
#define AREA_NOHUGE    (1u << 7) /* MADV_NOHUGEPAGE */
#define AREA_MAYWRITE  (1u << 8) /* shared file: was opened for writing, so mprotect may allow it */
#define AREA_SPECIAL   (1u << 9) /* the kernel's own (vDSO): not remapped */
#define AREA_ADVICE                                                                                                    \
	(0xfu << 10) /* what madvise stored and nobody looks at but /proc: DONTFORK, DONTDUMP, WIPEONFORK, ... */
#define AREA_DONTFORK   (1u << 10)
#define AREA_DONTDUMP   (1u << 11)
#define AREA_WIPEONFORK (1u << 12)

struct area {
	struct avl_node node;
	uint64_t start, end;
	uint64_t gap_before;         /* free bytes below start, down to the previous area or CAY_USER_MIN */
	uint64_t gap_max;            /* largest gap_before in this subtree */
	int prot;                    /* PROT_* */
	unsigned flags;              /* AREA_* */
	struct file *file;           /* counted reference, or NULL */
	uint64_t pgoff;              /* of start in the file, pages */
	uint32_t batch;              /* pages of the last fault's batch: the next one may be larger */
	uint64_t batch_lo, batch_hi; /* where it was */
	uint32_t touched;            /* pages faulted in so far: evidence that memory is used, for huge pages */
	const char *name;            /* "[vdso]" and the like, or NULL; static */
	struct area *next_gone;      /* in vmspace.gone */
};

struct area_set {
	struct avl_tree tree;
	unsigned nr;
	struct area *last; /* cache of the last lookup, or NULL */
};

#define AREAS_MAX         65530
#define STACK_GUARD_BYTES (256ull << 12) /* kept free below a stack, so that it does not run into its neighbour */

void area_set_init(struct area_set *s);
/* The area that contains addr, or else the first above it; NULL if there is none. */
struct area *area_find_from(struct area_set *s, uint64_t addr);
struct area *area_find(struct area_set *s, uint64_t addr); /* contains addr, or NULL */
struct area *area_first(struct area_set *s);
struct area *area_next(struct area *a);
struct area *area_prev(struct area *a);

void area_insert(struct area_set *s, struct area *a);
void area_remove(struct area_set *s, struct area *a); /* unlinks; the caller frees */
/* New bounds, which must stay within the gaps on both sides. pgoff is not changed. */
void area_resize(struct area_set *s, struct area *a, uint64_t start, uint64_t end);
/* Cuts a at addr, inside it; returns the upper part, NULL without memory or when there are AREAS_MAX. */
MUST_CHECK struct area *area_split(struct area_set *s, struct area *a, uint64_t addr);
/* Joins a with equal neighbours that touch it; returns the area that now covers a's range. */
struct area *area_merge(struct area_set *s, struct area *a);

MUST_CHECK struct area *area_alloc(void); /* zeroed */
void area_free(struct area *a);           /* drops the file */

/*
 * A free range of bytes in [low, high), as high as possible, its start a multiple of align (a power of two), clear of
 * the guard gap of stacks. 0 when there is none.
 */
uint64_t area_find_gap(struct area_set *s, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align);
/* The same from below: the lowest that is at least low. */
uint64_t area_find_gap_up(struct area_set *s, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align);
/* Is all of [start, end) free? */
bool area_range_free(struct area_set *s, uint64_t start, uint64_t end);

#endif
