/* SPDX-License-Identifier: MIT */
/* mremap.c - mremap(2): page-table entries move, memory is not copied. */
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"

/* An address for the moved mapping: like the old one modulo a huge page, so that huge pages stay whole. */
static uint64_t place_moved(struct vmspace *vs, const struct area *a, uint64_t old, uint64_t bytes)
{
	uint64_t at;

	if (bytes >= HUGE_SIZE && old % HUGE_SIZE != 0) {
		at = vmspace_place(vs, 0, bytes + HUGE_SIZE, 0, true);
		if (at != 0)
			return at + old % HUGE_SIZE;
	}
	return vmspace_place(vs, 0, bytes, a->flags & AREA_STACK ? MAP_STACK : 0, a->file == NULL);
}

/* The area [old, old + old_bytes) (exactly) moves to a free range. */
static int move(struct vmspace *vs, struct area *a, uint64_t to, uint64_t new_bytes, bool keep_old, struct tlb_batch *b)
{
	uint64_t from = a->start, old_bytes = a->end - a->start, copy = MIN(old_bytes, new_bytes);
	int err = vmspace_add_area(vs, to, new_bytes, a->prot, a->flags & ~(AREA_HEAP | AREA_GROWSDOWN), a->file,
				   a->pgoff);

	if (err != 0)
		return err;
	err = ptes_move(vs, from, to, copy, b);
	if (err != 0) {
		/* Out of page tables half way: what has moved goes back, which needs no new ones. */
		struct tlb_batch none = {0};

		if (ptes_move(vs, to, from, copy, &none) != 0 ||
		    vmspace_remove_range(vs, to, to + new_bytes, &none) != 0)
			panic("a failed mremap cannot be undone");
		tlb_flush_all();
		return err;
	}
	return keep_old ? 0 : vmspace_remove_range(vs, from, from + old_bytes, b);
}

static bool can_grow_in_place(struct vmspace *vs, const struct area *a, uint64_t end, uint64_t new_end)
{
	struct area *next = area_find_from(&vs->areas, end);

	if (a->end != end || new_end > CAY_USER_END)
		return false;
	return next == NULL || next->start >= new_end + (next->flags & AREA_GROWSDOWN ? STACK_GUARD_BYTES : 0);
}

static int grow_in_place(struct vmspace *vs, struct area *a, uint64_t more)
{
	shared_tables_leave(vs, a->end, a->end + more, NULL);
	vmspace_account_area(vs, a, -1);
	area_resize(&vs->areas, a, a->start, a->end + more);
	vmspace_account_area(vs, a, 1);
	area_merge(&vs->areas, a);
	return 0;
}

static int check_args(uint64_t old, uint64_t *old_bytes, uint64_t *new_bytes, int flags, uint64_t new_addr)
{
	*old_bytes = page_up(*old_bytes);
	*new_bytes = page_up(*new_bytes);
	if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (old & (PAGE_SIZE - 1)) || *new_bytes == 0)
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && *old_bytes != *new_bytes)
		return -EINVAL;
	if (*old_bytes == 0 || !range_ok(old, *old_bytes) || *new_bytes > CAY_USER_END)
		return *old_bytes == 0 || *new_bytes > CAY_USER_END ? -EINVAL : -EFAULT;
	if (!(flags & MREMAP_FIXED))
		return 0;
	if (!range_ok(new_addr, *new_bytes) || new_addr < CAY_USER_MIN)
		return -EINVAL;
	return new_addr < old + *old_bytes && old < new_addr + *new_bytes ? -EINVAL : 0; /* overlap */
}

static int64_t remap_locked(struct vmspace *vs, uint64_t old, uint64_t old_bytes, uint64_t new_bytes, int flags,
			    uint64_t new_addr, struct tlb_batch *b)
{
	struct area *a = area_find(&vs->areas, old);
	uint64_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;
	int err;

	if (a == NULL || a->end - old < old_bytes || (a->flags & AREA_SPECIAL))
		return -EFAULT;
	if ((flags & MREMAP_DONTUNMAP) && (a->file != NULL || (a->flags & AREA_SHARED)))
		return -EINVAL;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && new_bytes <= old_bytes) {
		err = new_bytes < old_bytes ? vmspace_remove_range(vs, old + new_bytes, old + old_bytes, b) : 0;
		return err ? err : (int64_t)old;
	}
	err = vmspace_may_grow(vs, flags & MREMAP_DONTUNMAP ? new_bytes : more, area_is_private_writable(a),
			       (a->flags & AREA_NORESERVE) || a->file != NULL);
	if (err != 0)
		return err;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
	    can_grow_in_place(vs, a, old + old_bytes, old + new_bytes)) {
		err = grow_in_place(vs, a, more);
		return err ? err : (int64_t)old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (flags & MREMAP_FIXED)
		err = vmspace_remove_range(vs, new_addr, new_addr + new_bytes, b);
	else
		new_addr = place_moved(vs, a, old, new_bytes);
	if (err == 0 && new_addr == 0)
		err = -ENOMEM;
	if (err == 0)
		err = vmspace_isolate(vs, old, old + old_bytes);
	if (err == 0)
		err = move(vs, area_find(&vs->areas, old), new_addr, new_bytes, flags & MREMAP_DONTUNMAP, b);
	return err ? err : (int64_t)new_addr;
}

int64_t vmspace_remap(struct vmspace *vs, uint64_t old, size_t old_bytes, size_t new_bytes, int flags,
		      uint64_t new_addr)
{
	struct tlb_batch batch = {0};
	int64_t ret = check_args(old, &old_bytes, &new_bytes, flags, new_addr);

	if (ret != 0)
		return ret;
	vmspace_lock(vs);
	ret = remap_locked(vs, old, old_bytes, new_bytes, flags, new_addr, &batch);
	vmspace_flush(vs, &batch);
	vmspace_unlock(vs);
	return ret;
}
