/* SPDX-License-Identifier: MIT */
/*
 * fork.c - the copy of an address space that fork(2) makes.
 *
 * Linux shares every private page until one side writes it. Here a fault costs 25 us and another 25 for the
 * translation that must be forgotten, a copied page 0.3 us: so what the program can write is copied at once as long as
 * it is little, which leaves the parent's tables, and what its CPU remembers of them, as they are. The rest is shared:
 * both sides lose the right to write, and the first who writes copies a batch (fault.c).
 */
#include <sys/mman.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/fill.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/sched/smp.h"
#include "lib/string.h"

#define EAGER_PAGES      768 /* copied at once, in all, while all memory is free; half of it: half as many */
#define EAGER_AREA_PAGES 256 /* of one area: a big heap does not use it all up */
/*
 * What a child and its parent may copy beyond what they need, now and at faults, once a quarter of the memory is in
 * use: a part of what is free, so that the next child gets nearly as much again. Before that there is no limit. A child
 * that sleeps writes 370 pages here and there of a Python's 4,500, and gets 2,300 by batches of COPY_MAX; with 2 at a
 * time fork and exit take twice as long.
 */
#define AHEAD_PART 128
/*
 * Huge pages are copied whole, or not at all: a child that writes a word in each would cost as much memory as its
 * parent. So a few become small ones, which the parent pays with a new first touch of each, about 0.4 ms a block; many
 * stay what they are.
 */
#define SPLIT_BLOCKS 16

struct forking {
	struct vmspace *parent, *child;
	const struct area *area;
	unsigned eager, eager_area; /* pages that may still be copied at once */
	unsigned split;             /* huge pages that may still be cut */
	struct tlb_batch batch;     /* of the parent */
};

static bool may_copy(const struct forking *f)
{
	return f->eager > 0 && f->eager_area > 0;
}

/* A page that the parent may write, for the child. */
static bool copy_page(struct forking *f, uint64_t old, uint64_t *dst)
{
	void *page = page_alloc(0, 0);

	if (page == NULL)
		return false;
	memcpy(page, pa_to_virt(PA(old & PTE_ADDR)), PAGE_SIZE);
	*dst = (old & ~PTE_ADDR) | virt_to_pa(page).v;
	f->eager -= f->eager > 0;
	f->eager_area -= f->eager_area > 0;
	return true;
}

/* The parent's huge page at va becomes small ones. False: it is not to, or there is no memory for the table. */
static bool split_huge(struct forking *f, uint64_t va)
{
	if (f->split == 0 || paging_make(f->parent->root, va, 0) == NULL)
		return false;
	f->split--;
	tlb_batch_add_all(&f->batch);
	return true;
}

/* From now on the page is copied when either side writes it. */
static void share(struct forking *f, uint64_t *src, uint64_t *dst, uint64_t va)
{
	uint64_t old = *src;

	if (old & PTE_SW_COUNTED)
		page_ref(PA(old & PTE_ADDR));
	if (!(f->area->flags & AREA_SHARED) && (old & PTE_W)) {
		*src = old & ~(PTE_W | PTE_D);
		tlb_batch_add(&f->batch, va);
	}
	*dst = *src;
}

/* A transfer to the page is under way: it must stay the parent's, so the child gets a copy. */
static bool is_pinned(const struct forking *f, uint64_t e)
{
	return !(f->area->flags & AREA_SHARED) && (e & PTE_W) && page_refcount(PA(e & PTE_ADDR)) > 1;
}

static bool fork_entry(struct forking *f, uint64_t *src, uint64_t *dst, uint64_t va)
{
	bool private = !(f->area->flags & AREA_SHARED);

	if (private && (*src & PTE_W) && (may_copy(f) || is_pinned(f, *src)))
		return copy_page(f, *src, dst);
	share(f, src, dst, va);
	return true;
}

/* Entries of one table, [va, end). */
static bool fork_table(struct forking *f, uint64_t *src, uint64_t va, uint64_t end)
{
	uint64_t *dst = NULL;
	long done = 0;

	for (; va < end; va += PAGE_SIZE, src++) {
		if (*src == 0) {
			dst += dst != NULL;
			continue;
		}
		if (dst == NULL)
			dst = paging_make(f->child->root, va, 0);
		if (dst == NULL || !fork_entry(f, src, dst, va))
			break;
		dst++;
		done++;
	}
	ptes_account(f->child, done);
	return va == end;
}

static bool fork_huge(struct forking *f, uint64_t *src, uint64_t va)
{
	uint64_t *dst = paging_make(f->child->root, va, 1);
	void *block;

	if (dst == NULL)
		return false;
	if (is_pinned(f, *src)) {
		block = page_alloc(HUGE_ORDER, 0);
		if (block == NULL)
			return false;
		memcpy(block, pa_to_virt(PA(*src & PTE_ADDR)), HUGE_SIZE);
		*dst = (*src & ~PTE_ADDR) | virt_to_pa(block).v;
	} else {
		share(f, src, dst, va);
	}
	ptes_account(f->child, PTES_PER_TABLE);
	return true;
}

static bool fork_pages(struct forking *f)
{
	const struct area *a = f->area;
	bool ok = true;

	for (uint64_t va = a->start, next; va < a->end && ok; va = next) {
		unsigned level;
		uint64_t *src = paging_find(f->parent->root, va, &level);

		next = MIN(a->end, ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE);
		if (shared_tables_has(f->parent, va))
			continue; /* linked when all areas are there */
		if (src == NULL) {
			next = paging_skip_hole(f->parent->root, va, a->end);
			continue;
		}
		if (level == 1 && entry_is_own(*src) && split_huge(f, va))
			src = paging_find(f->parent->root, va, &level);
		if (level == 1)
			ok = *src == 0 || fork_huge(f, src, va);
		else
			ok = fork_table(f, src, va, next);
	}
	return ok;
}

static bool fork_area(struct forking *f, const struct area *a)
{
	int err;

	if (a->flags & AREA_DONTFORK)
		return true;
	/* Memory locks are not inherited. */
	err = vmspace_add_area(f->child, a->start, a->end - a->start, a->prot, a->flags & ~AREA_LOCKED, a->file,
			       a->pgoff);
	if (err != 0)
		return false;
	if (a->name != NULL)
		area_find(&f->child->areas, a->start)->name = a->name;
	if (a->flags & AREA_WIPEONFORK)
		return true;
	f->area = a;
	f->eager_area = EAGER_AREA_PAGES;
	return fork_pages(f);
}

static bool fork_all(struct forking *f)
{
	struct vmspace *from = f->parent, *to = f->child;

	to->mmap_base = from->mmap_base;
	to->mmap_top = from->mmap_top;
	to->rest = from->rest;
	to->rest_end = from->rest_end;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	for (struct area *a = area_first(&from->areas); a != NULL; a = area_next(a))
		if (!fork_area(f, a))
			return false;
	shared_tables_fork(from, to);
	return callsite_table_copy(&to->callsites, &from->callsites);
}

static size_t ahead_allowed(void)
{
	size_t left = page_nr_free();

	return left > page_nr_total() / 4 * 3 ? SIZE_MAX : left / AHEAD_PART;
}

struct vmspace *vmspace_fork(struct vmspace *vs)
{
	struct forking f = {.parent = vs};
	bool ok;

	/* Left for those who run already: a fork that would take it fails. */
	if (page_nr_free() < page_nr_total() / 32)
		return NULL;
	f.child = vmspace_create_as(vs->layout);
	if (f.child == NULL)
		return NULL;
	f.child->forked = true;
	vmspace_lock(vs);
	f.child->ahead = ahead_allowed();
	vs->ahead = f.child->ahead / 2; /* what it still shares is copied for it, too */
	f.eager = (unsigned)MIN(EAGER_PAGES * page_nr_free() / page_nr_total(), f.child->ahead);
	f.child->ahead -= f.eager;
	f.split = SPLIT_BLOCKS;
	/* Other threads of the program may write on other CPUs: what is copied here must be of one moment. */
	smp_hold_others(vs->root.v);
	ok = fork_all(&f);
	tlb_batch_flush(&f.batch);
	smp_release_others();
	vmspace_unlock(vs);
	if (!ok) {
		vmspace_put(f.child);
		return NULL;
	}
	return f.child;
}
