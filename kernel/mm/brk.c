/* SPDX-License-Identifier: MIT */
/*
 * brk.c - the heap. Its area reaches to the next huge page's border beyond the break if nothing is in the way, so that
 * huge pages can back it; memory beyond the break is zero and nobody's, and counts only when the break passes it.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/log.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/string.h"

void vmspace_set_brk(struct vmspace *vs, uint64_t start)
{
	vs->brk_start = vs->brk = start;
}

/* Extends the heap's area from `end` (the old break, page-aligned) to cover new_end. */
static bool grow(struct vmspace *vs, uint64_t end, uint64_t new_end)
{
	struct area *a = area_find(&vs->areas, end);
	uint64_t generous = ALIGN_UP(new_end, HUGE_SIZE);

	if (a != NULL && (a->flags & AREA_HEAP))
		end = a->end;
	if (end >= new_end)
		return true;
	/* A page must stay free above, so that an overrun does not run into a neighbour unseen. */
	if (!area_range_free(&vs->areas, end, generous + PAGE_SIZE) || generous + STACK_GUARD_BYTES > CAY_USER_END)
		generous = new_end;
	if (!area_range_free(&vs->areas, end, generous + PAGE_SIZE) || generous + PAGE_SIZE > CAY_USER_END)
		return false;
	return vmspace_add_area(vs, end, generous - end, PROT_READ | PROT_WRITE, AREA_HEAP, NULL, 0) == 0;
}

/* Memory of [start, end), inside one huge page's block, reads as zero from now on. False: no memory to cut a huge page
 * that another process has, too. */
static bool clear(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b)
{
	unsigned level;
	const uint64_t *e = paging_find(vs->root, start, &level);
	bool whole = start % HUGE_SIZE == 0 && end - start == HUGE_SIZE;

	if (e == NULL || level != 1 || whole || !entry_is_own(*e))
		return ptes_unmap(vs, start, end, b) == 0;
	memset((char *)pa_to_virt(PA(*e & PTE_ADDR)) + start % HUGE_SIZE, 0, end - start);
	return true;
}

static bool shrink(struct vmspace *vs, uint64_t new_end, uint64_t end)
{
	struct tlb_batch batch = {0};
	uint64_t keep = ALIGN_UP(new_end, HUGE_SIZE);
	struct area *a;
	bool ok = true;

	for (uint64_t at = new_end, next; at < end && ok; at = next) {
		next = MIN(end, ALIGN_DOWN(at, HUGE_SIZE) + HUGE_SIZE);
		a = area_find(&vs->areas, at);
		if (a != NULL && (a->flags & AREA_HEAP))
			ok = clear(vs, at, MIN(next, a->end), &batch);
	}
	a = area_find(&vs->areas, keep);
	if (ok && a != NULL && (a->flags & AREA_HEAP))
		ok = vmspace_remove_range(vs, keep, a->end, &batch) == 0;
	vmspace_flush(vs, &batch);
	return ok;
}

uint64_t vmspace_brk(struct vmspace *vs, uint64_t want)
{
	uint64_t end, new_end, limit = vmspace_rlimit(RLIMIT_DATA);
	bool ok;

	vmspace_lock(vs);
	if (want < vs->brk_start || want >= CAY_USER_END || vs->brk_start == 0)
		goto out;
	end = page_up(vs->brk);
	new_end = page_up(want);
	if (want > vs->brk && want - vs->brk_start > limit)
		goto out;
	if (new_end > end)
		ok = vmspace_may_grow(vs, new_end - end, true, false) == 0 && grow(vs, end, new_end);
	else
		ok = new_end == end || shrink(vs, new_end, end);
	if (ok)
		vs->brk = want;
out:
	want = vs->brk;
	vmspace_unlock(vs);
	return want;
}
