/* SPDX-License-Identifier: MIT */
/*
 * page_local.c - see page_priv.h. Two stacks: pages that are known to be zero, and others. What was freed last is
 * handed out first, because it is in the CPU's caches. They are filled by halves from the common store, in a block, so
 * that pages handed out one after another are neighbours, which is cheaper to map.
 */
#include "kernel/mm/page_priv.h"

#include "abi/layout.h"
#include "kernel/mm/percpu.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define BATCH_ORDER 4
#define BATCH       (1u << BATCH_ORDER)
#define LOCAL_MAX   (4 * BATCH)

struct store {
	uint32_t nr;
	uint32_t pfn[LOCAL_MAX];
};

static struct local {
	struct store junk, zero;
} ALIGNED(64) local[CAY_VCPU_MAX];
static unsigned nr_local; /* CPUs that have used theirs */

static struct local *mine(void)
{
	unsigned id = percpu_id();

	if (unlikely(id >= READ_ONCE(nr_local))) {
		unsigned seen = READ_ONCE(nr_local);

		while (seen <= id && !__atomic_compare_exchange_n(&nr_local, &seen, id + 1, false, __ATOMIC_RELAXED,
								  __ATOMIC_RELAXED))
			;
	}
	return &local[id];
}

static void put(struct store *s, uint32_t pfn, bool zero)
{
	struct page *p = page_of_pfn(pfn);

	p->state = PAGE_LOCAL;
	p->order = 0;
	p->refs = 0;
	p->zero = zero;
	s->pfn[s->nr++] = pfn;
}

/* A block of the common store, its first page on top. One page when there is no such block. */
static void refill(struct local *l, bool want_zero)
{
	unsigned order = BATCH_ORDER;
	uint32_t pfn = page_take_block(order, want_zero);
	bool zero;

	if (pfn == 0) {
		order = 0;
		pfn = page_take_block(order, want_zero);
	}
	if (pfn == 0)
		return;
	zero = page_of_pfn(pfn)->zero;
	for (unsigned i = 1u << order; i-- > 0;)
		put(zero ? &l->zero : &l->junk, pfn + i, zero);
}

uint32_t page_local_take(bool want_zero)
{
	struct local *l = mine();
	struct store *s = want_zero ? &l->zero : &l->junk;
	struct store *other = want_zero ? &l->junk : &l->zero;
	struct page *p;
	uint32_t pfn;

	if (s->nr == 0 && other->nr == 0)
		refill(l, want_zero);
	if (s->nr == 0)
		s = other;
	if (s->nr == 0)
		return 0;
	pfn = s->pfn[--s->nr];
	p = page_of_pfn(pfn);
	p->state = PAGE_USED;
	p->refs = 1;
	return pfn;
}

void page_local_give(uint32_t pfn, bool zero)
{
	struct local *l = mine();
	struct store *s = zero ? &l->zero : &l->junk;

	if (s->nr == LOCAL_MAX) { /* those that were used longest ago */
		page_give_pages(s->pfn, LOCAL_MAX / 2);
		memmove(s->pfn, s->pfn + LOCAL_MAX / 2, LOCAL_MAX / 2 * sizeof(s->pfn[0]));
		s->nr = LOCAL_MAX / 2;
	}
	put(s, pfn, zero);
}

size_t page_local_nr(void)
{
	size_t nr = 0;

	for (unsigned i = 0; i < READ_ONCE(nr_local); i++)
		nr += READ_ONCE(local[i].junk.nr) + READ_ONCE(local[i].zero.nr);
	return nr;
}

void page_local_init(void)
{
	for (unsigned i = 0; i < nr_local; i++)
		local[i].junk.nr = local[i].zero.nr = 0;
	nr_local = 0;
}

void page_local_drop(void)
{
	struct local *l = mine();

	page_give_pages(l->junk.pfn, l->junk.nr);
	page_give_pages(l->zero.pfn, l->zero.nr);
	l->junk.nr = l->zero.nr = 0;
}
