/* SPDX-License-Identifier: MIT */
/* ptes.c - ranges of page-table entries: drop, change rights, move, count. See vmspace_priv.h for what an entry means.
 */
#include <errno.h>
#include <sys/mman.h>

#include "kernel/log.h"
#include "kernel/mm/percpu.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"

void ptes_account(struct vmspace *vs, long pages)
{
	size_t now =
		smp_active ? __atomic_add_fetch(&vs->rss, (size_t)pages, __ATOMIC_RELAXED) : (vs->rss += (size_t)pages);

	if (now > vs->peak_rss)
		vs->peak_rss = now;
}

static void free_dead(struct vmspace *vs)
{
	while (vs->dead != NULL) {
		struct dead_pages *d = vs->dead;

		for (uint64_t i = 0; i < d->nr; i++)
			page_unref(PA(d->page[i] & PTE_ADDR), d->page[i] & 1 ? HUGE_ORDER : 0);
		vs->dead = d->next;
		page_free(d, 0);
	}
}

void vmspace_flush(struct vmspace *vs, struct tlb_batch *b)
{
	tlb_batch_flush_in(vs->root.v, b);
	free_dead(vs);
	shared_tables_let_go(vs);
}

/* A page that an entry had. With other CPUs it may still be reached, and as soon as it is free it may be somebody
 * else's: it waits for the flush. Where there is no memory to note that, the flush is now. */
static void drop_page(struct vmspace *vs, uint64_t e, unsigned level)
{
	unsigned order = level == 1 ? HUGE_ORDER : 0;
	struct dead_pages *d = vs->dead;

	if (!smp_active || vs->users == 0) {
		page_unref(PA(e & PTE_ADDR), order);
		return;
	}
	if (d == NULL || d->nr == ARRAY_SIZE(d->page)) {
		d = page_alloc(0, 0);
		if (d == NULL) {
			struct tlb_batch all = {.nr = TLB_BATCH_PAGES + 1};

			vmspace_flush(vs, &all);
			page_unref(PA(e & PTE_ADDR), order);
			return;
		}
		d->nr = 0;
		d->next = vs->dead;
		vs->dead = d;
	}
	d->page[d->nr++] = (e & PTE_ADDR) | (level == 1);
}

static void entry_drop(struct vmspace *vs, uint64_t *e, unsigned level, uint64_t va, struct tlb_batch *b)
{
	uint64_t old = *e;

	*e = 0;
	if (old & PTE_P)
		tlb_batch_add(b, va);
	if (old & PTE_SW_COUNTED)
		drop_page(vs, old, level);
	ptes_account(vs, level == 1 ? -512L : -1L);
}

/*
 * The next entry that is not zero in [*va, end): sets *va and *level. A huge page that reaches out of [start, end) is
 * split first. NULL: no more, or *err = -ENOMEM.
 */
static uint64_t *entry_next(struct vmspace *vs, uint64_t start, uint64_t *va, uint64_t end, unsigned *level, int *err)
{
	*err = 0;
	while (*va < end) {
		uint64_t *e = paging_find(vs->root, *va, level);

		if (e == NULL) {
			*va = paging_skip_hole(vs->root, *va, end);
			continue;
		}
		if (*level == 1) {
			uint64_t block = ALIGN_DOWN(*va, HUGE_SIZE);

			if (block >= start && block + HUGE_SIZE <= end) {
				*va = block;
				return e;
			}
			e = paging_make(vs->root, *va, 0);
			if (e == NULL) {
				*err = -ENOMEM;
				return NULL;
			}
			*level = 0;
		}
		do { /* the rest of this table */
			if (*e != 0)
				return e;
			e++;
			*va += PAGE_SIZE;
		} while (*va < end && *va % HUGE_SIZE != 0);
	}
	return NULL;
}

static uint64_t entry_bytes(unsigned level)
{
	return 1ull << PT_LEVEL_SHIFT(level);
}

int ptes_unmap(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b)
{
	uint64_t va = start, *e;
	unsigned level;
	int err;

	shared_tables_leave(vs, start, end, b);
	while ((e = entry_next(vs, start, &va, end, &level, &err)) != NULL) {
		entry_drop(vs, e, level, va, b);
		va += entry_bytes(level);
	}
	return err;
}

int ptes_protect(struct vmspace *vs, const struct area *a, uint64_t start, uint64_t end, int prot, struct tlb_batch *b)
{
	uint64_t bits = paging_prot_bits(prot), va = start, *e;
	unsigned level;
	int err;

	shared_tables_leave(vs, start, end, b);
	while ((e = entry_next(vs, start, &va, end, &level, &err)) != NULL) {
		uint64_t old = *e, new = (old & (PTE_ADDR | PTE_SW_COUNTED | PTE_PS)) | bits;

		/* Without the right to write now, the first write faults and sorts it out. */
		if (a->flags & AREA_SHARED ? a->file != NULL && !(old & PTE_W) : !entry_is_own(old))
			new &= ~(PTE_W | PTE_D);
		*e = new;
		if ((old & PTE_P) && (!(new &PTE_P) || (old & ~new &PTE_W) || (new & ~old &PTE_NX)))
			tlb_batch_add(b, va);
		va += entry_bytes(level);
	}
	return err;
}

int ptes_move(struct vmspace *vs, uint64_t from, uint64_t to, uint64_t bytes, struct tlb_batch *b)
{
	uint64_t va = from, *e;
	unsigned level;
	int err;
	bool congruent = (from ^ to) % HUGE_SIZE == 0;

	shared_tables_leave(vs, from, from + bytes, b);
	while ((e = entry_next(vs, from, &va, from + bytes, &level, &err)) != NULL) {
		uint64_t old, *dst;

		if (level == 1 && !(congruent && paging_drop_empty_table(vs->root, to + (va - from)))) {
			e = paging_make(vs->root, va, 0);
			if (e == NULL)
				return -ENOMEM;
			level = 0;
		}
		dst = paging_make(vs->root, to + (va - from), level);
		if (dst == NULL)
			return -ENOMEM;
		ASSERT(*dst == 0);
		old = *e;
		*e = 0;
		*dst = old;
		if (old & PTE_P)
			tlb_batch_add(b, va);
		if (level == 1)
			tlb_batch_add(b, to + (va - from)); /* an empty table may have been there */
		va += entry_bytes(level);
	}
	return err;
}

size_t ptes_count(struct vmspace *vs, uint64_t start, uint64_t end)
{
	size_t n = 0;

	for (uint64_t va = start; va < end;) {
		unsigned level;
		uint64_t *e = paging_find(vs->root, va, &level), next;

		if (e == NULL) {
			va = paging_skip_hole(vs->root, va, end);
			continue;
		}
		next = MIN(end, ALIGN_DOWN(va, entry_bytes(level)) + entry_bytes(level));
		if (*e != 0)
			n += (next - va) / PAGE_SIZE;
		va = next;
	}
	return n;
}
