/* SPDX-License-Identifier: MIT */
/*
 * fault_quick.c - page faults that need neither the kernel lock nor the vmspace lock, with several CPUs: the first
 * touch of private memory without a file, and writes to private pages that are RAM. Faults in different blocks of 2 MiB
 * run side by side. Whatever else there is, or does not work out (a stack that grows, a file, no memory), is left to
 * the ordinary way, which begins anew.
 */
#include <sys/mman.h>

#include "kernel/mm/fill.h"
#include "kernel/mm/percpu.h"

static bool may_access(const struct area *a, bool write, bool exec)
{
	return a->prot != PROT_NONE && (!write || (a->prot & PROT_WRITE)) && (!exec || (a->prot & PROT_EXEC));
}

/* Lock: inside, and the block's. */
static bool resolve(struct vmspace *vs, struct area *a, uint64_t addr, bool write, void **huge)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, addr, &level);

	if (e == NULL || *e == 0)
		return a->file == NULL && fill_anon_around(vs, a, addr, huge);
	if (!write || (*e & PTE_W))
		return true; /* another fault was quicker */
	return fault_write_private(vs, a, addr, e, level, true);
}

static bool fault_inside(struct vmspace *vs, uint64_t addr, bool write, bool exec)
{
	struct area *a = area_find(&vs->areas, addr);
	struct spinlock *lock = vmspace_block_lock(vs, addr);
	void *huge = NULL;
	bool done;

	if (a == NULL || (a->flags & AREA_SHARED) || !may_access(a, write, exec))
		return false;
	if (a->file == NULL)
		huge = fill_prepare_huge(vs, a, addr); /* clearing it takes long: before the lock */
	spin_lock(lock);
	done = resolve(vs, a, addr, write, &huge);
	spin_unlock(lock);
	if (huge != NULL)
		page_free(huge, HUGE_ORDER);
	return done;
}

bool vmspace_fault_quick(struct vmspace *vs, uint64_t addr, bool write, bool exec)
{
	bool done;

	if (!smp_active || addr >= CAY_USER_END || !vmspace_enter(vs))
		return false;
	done = fault_inside(vs, page_down(addr), write, exec);
	vmspace_leave();
	return done;
}
