/* SPDX-License-Identifier: MIT */
/* census.c - see census.h. */
#include "kernel/mm/census.h"
#include "kernel/mm/fill.h"

/* How many mappings the page of an entry has. A file in memory holds one reference itself. */
static unsigned mappers(const struct area *a, uint64_t e)
{
	unsigned refs = page_refcount(PA(e & PTE_ADDR));

	if ((a->flags & AREA_SHARED) && a->file != NULL)
		refs -= refs > 1;
	return MAX(refs, 1u);
}

static void add_entry(const struct area *a, uint64_t e, uint64_t bytes, struct area_census *c)
{
	unsigned n;
	uint64_t part;

	c->rss += bytes;
	if (!(e & PTE_SW_COUNTED)) {
		c->shared_clean += bytes;
		c->pss += bytes;
		return;
	}
	n = entry_is_own(e) && !(a->flags & AREA_SHARED) ? 1 : mappers(a, e);
	part = bytes / n;
	c->pss += part;
	c->pss_dirty += part;
	if (n > 1)
		c->shared_dirty += bytes;
	else
		c->private_dirty += bytes;
	if (a->flags & AREA_SHARED)
		return;
	c->anonymous += bytes;
	if (e & PTE_PS)
		c->huge += bytes;
}

void area_census_add(struct vmspace *vs, const struct area *a, uint64_t end, struct area_census *c)
{
	uint64_t pss = c->pss;

	for (uint64_t va = a->start; va < end;) {
		unsigned level;
		const uint64_t *e = paging_find(vs->root, va, &level);
		uint64_t next, size;

		if (e == NULL) {
			va = paging_skip_hole(vs->root, va, end);
			continue;
		}
		size = level == 1 ? HUGE_SIZE : PAGE_SIZE;
		next = MIN(end, ALIGN_DOWN(va, size) + size);
		if (*e != 0)
			add_entry(a, *e, next - va, c);
		va = next;
	}
	if (a->flags & AREA_LOCKED)
		c->locked += c->pss - pss;
}
