/* SPDX-License-Identifier: MIT */
/*
 * paging.c - page tables: see paging.h. Invariant: a table page of the pool's free list is zero except its first word,
 * which links the list.
 */
#include "kernel/arch/x86_64/paging.h"

#include <sys/mman.h>

#include "abi/boot_info.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/sched/spinlock.h"
#include "lib/string.h"

/*
 * Tables above the last level, and roots, that were given back: empty, and not written before they are used again as
 * what they were. KVM without VT-x traps each write to a table that it has seen above the last level, and after three
 * drops what it knows of it: clearing them for any use cost 20 us each, five times for each program that ended.
 */
#define KEPT_MAX 16
struct kept {
	uint64_t *table[KEPT_MAX];
	unsigned nr;
};

static struct {
	struct spinlock lock;
	uint64_t next, end; /* untouched rest of the newest block, GPA; zero */
	uint64_t *free;     /* tables given back */
	struct kept upper, roots;
	pa_t boot_root;
} pool = {.lock = SPINLOCK_INIT("page tables")};

#define PROGRAM_ROOT_ENTRIES PT_INDEX(CAY_USER_END, PT_TOP_LEVEL)

/* Lock: the pool's. */
static uint64_t *table_take(void)
{
	uint64_t *t = pool.free;

	if (t != NULL) {
		pool.free = *(uint64_t **)t;
		t[0] = 0;
		return t;
	}
	if (pool.next == pool.end) {
		unsigned order = HUGE_ORDER;
		void *block = page_alloc(order, PAGE_ZERO);

		if (block == NULL) { /* a machine this small does not have huge pages to lose */
			order = 0;
			block = page_alloc(order, PAGE_ZERO);
			if (block == NULL)
				return NULL;
		}
		pool.next = virt_to_pa(block).v;
		pool.end = pool.next + (PAGE_SIZE << order);
	}
	t = pa_to_virt(PA(pool.next));
	pool.next += PAGE_SIZE;
	return t;
}

static uint64_t *table_alloc(void)
{
	uint64_t *t;

	spin_lock(&pool.lock);
	t = table_take();
	spin_unlock(&pool.lock);
	return t;
}

static void table_free(uint64_t *t)
{
	spin_lock(&pool.lock);
	*(uint64_t **)t = pool.free;
	pool.free = t;
	spin_unlock(&pool.lock);
}

static uint64_t *kept_take(struct kept *k)
{
	uint64_t *t;

	spin_lock(&pool.lock);
	t = k->nr > 0 ? k->table[--k->nr] : NULL;
	spin_unlock(&pool.lock);
	return t;
}

/* False: no room, and the table is still the caller's. */
static bool kept_give(struct kept *k, uint64_t *t)
{
	bool room;

	spin_lock(&pool.lock);
	room = k->nr < KEPT_MAX;
	if (room)
		k->table[k->nr++] = t;
	spin_unlock(&pool.lock);
	return room;
}

/* A table for this level, not the root's. */
static uint64_t *table_alloc_at(unsigned level)
{
	uint64_t *t = level > 0 ? kept_take(&pool.upper) : NULL;

	return t != NULL ? t : table_alloc();
}

static void table_free_at(uint64_t *t, unsigned level)
{
	if (level == 0 || !kept_give(&pool.upper, t))
		table_free(t);
}

void paging_init(const struct cay_boot_info *info)
{
	pool.next = info->pt_pool_gpa;
	pool.end = info->pt_pool_gpa + info->pt_pool_bytes;
	pool.free = NULL;
	pool.upper.nr = pool.roots.nr = 0;
	pool.boot_root = PA(info->cr3_gpa);
}

pa_t paging_boot_root(void)
{
	return pool.boot_root;
}

static uint64_t *table_of(uint64_t entry)
{
	return pa_to_virt(PA(entry & PTE_ADDR));
}

bool paging_root_create(pa_t *root)
{
	uint64_t *t = kept_take(&pool.roots);
	const uint64_t *boot = pa_to_virt(pool.boot_root);

	if (t != NULL) { /* with the kernel's half in it */
		*root = virt_to_pa(t);
		return true;
	}
	t = table_alloc();
	if (t == NULL)
		return false;
	memcpy(&t[PROGRAM_ROOT_ENTRIES], &boot[PROGRAM_ROOT_ENTRIES],
	       (PTES_PER_TABLE - PROGRAM_ROOT_ENTRIES) * sizeof(*t));
	*root = virt_to_pa(t);
	return true;
}

static void tables_free(uint64_t *t, unsigned level, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		ASSERT(level != 1 || !(t[i] & PTE_SW_SHARED));
		if (t[i] == 0)
			continue;
		if (level > 0 && !(t[i] & PTE_PS))
			tables_free(table_of(t[i]), level - 1, PTES_PER_TABLE);
		t[i] = 0;
	}
	if (nr == PTES_PER_TABLE)
		table_free_at(t, level);
}

void paging_root_destroy(pa_t root)
{
	uint64_t *t = pa_to_virt(root);

	tables_free(t, PT_TOP_LEVEL, PROGRAM_ROOT_ENTRIES);
	if (kept_give(&pool.roots, t))
		return;
	memset(t, 0, PAGE_SIZE);
	table_free(t);
}

uint64_t *paging_find(pa_t root, uint64_t va, unsigned *level)
{
	uint64_t *t = pa_to_virt(root);

	for (unsigned l = PT_TOP_LEVEL;; l--) {
		uint64_t *e = &t[PT_INDEX(va, l)];

		*level = l;
		if (l == 0 || (l == 1 && (*e & PTE_PS)))
			return e;
		if (*e == 0)
			return NULL;
		t = table_of(*e);
	}
}

/* Fills t with single pages that hold copies of a huge page's contents. */
static bool copy_in_pieces(uint64_t huge, uint64_t *t)
{
	for (unsigned i = 0; i < PTES_PER_TABLE; i++) {
		void *page = page_alloc(0, 0);

		if (page == NULL) {
			while (i-- > 0)
				page_free(pa_to_virt(PA(t[i] & PTE_ADDR)), 0);
			return false;
		}
		memcpy(page, (char *)pa_to_virt(PA(huge & PTE_ADDR)) + i * PAGE_SIZE, PAGE_SIZE);
		t[i] = (huge & ~(PTE_PS | PTE_ADDR)) | virt_to_pa(page).v;
	}
	return true;
}

/*
 * A huge page becomes 512 small ones with the same rights; its block becomes 512 counted pages. One that another
 * address space has too, since a fork, is copied: its block must stay whole. (What may be written is nobody else's:
 * further references of its block are transfers' then.)
 */
static bool huge_split(pa_t root, uint64_t *entry)
{
	struct tlb_batch all = {.nr = TLB_BATCH_PAGES + 1};
	uint64_t huge = *entry;
	uint64_t *t = table_alloc();

	if (t == NULL)
		return false;
	if ((huge & (PTE_SW_COUNTED | PTE_W)) == PTE_SW_COUNTED && page_refcount(PA(huge & PTE_ADDR)) > 1) {
		if (!copy_in_pieces(huge, t)) {
			memset(t, 0, PAGE_SIZE);
			table_free(t);
			return false;
		}
		*entry = virt_to_pa(t).v | PTE_P | PTE_W | PTE_U | PTE_A;
		tlb_batch_flush_in(root.v, &all); /* from now on the others may write to the old one */
		page_unref(PA(huge & PTE_ADDR), HUGE_ORDER);
		return true;
	}
	if (huge & PTE_SW_COUNTED)
		page_split(PA(huge & PTE_ADDR), HUGE_ORDER);
	for (unsigned i = 0; i < PTES_PER_TABLE; i++)
		t[i] = (huge & ~PTE_PS) + i * PAGE_SIZE;
	*entry = virt_to_pa(t).v | PTE_P | PTE_W | PTE_U | PTE_A;
	return true;
}

uint64_t *paging_make(pa_t root, uint64_t va, unsigned level)
{
	uint64_t *t = pa_to_virt(root);

	for (unsigned l = PT_TOP_LEVEL;; l--) {
		uint64_t *e = &t[PT_INDEX(va, l)];

		if (l == level)
			return e;
		if (*e & PTE_PS) {
			if (!huge_split(root, e))
				return NULL;
		} else if (*e == 0) {
			uint64_t *below = table_alloc_at(l - 1), none = 0;

			if (below == NULL)
				return NULL;
			/* A quick fault in another block may need the same table. */
			if (!__atomic_compare_exchange_n(e, &none, virt_to_pa(below).v | PTE_P | PTE_W | PTE_U | PTE_A,
							 false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
				table_free_at(below, l - 1);
		}
		ASSERT(!(*e & PTE_SW_SHARED)); /* whoever wants to change it has left it */
		t = table_of(*e);
	}
}

uint64_t *paging_table_create(void)
{
	return table_alloc();
}

void paging_table_destroy(uint64_t *table)
{
	memset(table, 0, PAGE_SIZE);
	table_free(table);
}

bool paging_link(pa_t root, uint64_t va, const uint64_t *table)
{
	uint64_t *e = paging_make(root, va, 1);

	if (e == NULL || (*e != 0 && !paging_drop_empty_table(root, va))) /* of kept tables, or those of a huge page */
		return false;
	*e = virt_to_pa(table).v | PTE_P | PTE_W | PTE_U | PTE_A | PTE_SW_SHARED;
	return true;
}

void paging_unlink(pa_t root, uint64_t va)
{
	uint64_t *e = paging_make(root, va, 1); /* there already: cannot fail */

	ASSERT(*e & PTE_SW_SHARED);
	*e = 0;
}

uint64_t paging_skip_hole(pa_t root, uint64_t va, uint64_t end)
{
	while (va < end) {
		unsigned level;
		uint64_t step;

		if (paging_find(root, va, &level) != NULL)
			return va;
		step = 1ull << PT_LEVEL_SHIFT(level);
		va = ALIGN_DOWN(va, step) + step;
	}
	return end;
}

bool paging_drop_empty_table(pa_t root, uint64_t va)
{
	struct tlb_batch batch = {.nr = 1, .va = {va}};
	uint64_t *e = paging_make(root, va, 1);
	uint64_t *t;

	if (e == NULL)
		return false;
	if (*e == 0)
		return true;
	if (*e & PTE_PS)
		return false;
	t = table_of(*e);
	for (unsigned i = 0; i < PTES_PER_TABLE; i++)
		if (t[i] != 0)
			return false;
	*e = 0;
	tlb_batch_flush_in(root.v, &batch); /* CPUs may remember the table, which will be somebody else's */
	table_free(t);
	return true;
}

/* The window's place in the direct map is beyond the end of RAM; its entry of the root is shared by all address spaces.
 */
_Static_assert(PT_INDEX(CAY_DIRECT_GVA, PT_TOP_LEVEL) ==
		       PT_INDEX(CAY_DIRECT_GVA + CAY_WINDOW_GPA + CAY_WINDOW_BYTES - 1, PT_TOP_LEVEL),
	       "one root entry");
_Static_assert(CAY_RAM_MAX_BYTES <= CAY_WINDOW_GPA, "no overlap");

static void *window_va(pa_t pa, uint64_t rights)
{
	char *va = pa_to_virt(pa);
	uint64_t *e;

	ASSERT(pa.v >= CAY_WINDOW_GPA && pa.v < CAY_WINDOW_GPA + CAY_WINDOW_BYTES);
	e = paging_make(pool.boot_root, (uint64_t)va, 1);
	if (e == NULL)
		return NULL;
	if (*e == 0)
		*e = ALIGN_DOWN(pa.v, HUGE_SIZE) | PTE_PS | PTE_P | PTE_U | PTE_A | PTE_NX | rights;
	return va;
}

const void *paging_window_va(pa_t pa)
{
	return window_va(pa, 0);
}

void *paging_window_writable(pa_t pa, uint64_t bytes)
{
	ASSERT((pa.v | bytes) % HUGE_SIZE == 0);
	for (uint64_t at = 0; at < bytes; at += HUGE_SIZE)
		if (window_va(PA(pa.v + at), PTE_W | PTE_D) == NULL)
			return NULL;
	return pa_to_virt(pa);
}

uint64_t paging_prot_bits(int prot)
{
	if ((prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) == 0)
		return 0;
	return PTE_P | PTE_U | PTE_A | (prot & PROT_WRITE ? PTE_W | PTE_D : 0) | (prot & PROT_EXEC ? 0 : PTE_NX);
}
