/* SPDX-License-Identifier: MIT */
/* advise.c - madvise(2), mlock(2), msync(2), mincore(2): what a program says and asks about memory it has. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/vmspace_priv.h"

#define CAP_IPC_LOCK_BIT (1ull << 14) /* capabilities(7) */

/* Drops the pages of [start, end): they read as zero, or as the file, from now on. */
static int drop_pages(struct vmspace *vs, uint64_t start, uint64_t end)
{
	struct tlb_batch batch = {0};
	int err = 0;

	for (uint64_t at = start; at < end && err == 0;) {
		struct area *a = area_find_from(&vs->areas, at);

		if (a == NULL || a->start >= end)
			break;
		if (a->flags & (AREA_LOCKED | AREA_SPECIAL))
			err = -EINVAL;
		else if (!(a->flags & AREA_SHARED) || a->file != NULL) /* shared anonymous memory has no other store */
			err = ptes_unmap(vs, MAX(a->start, start), MIN(a->end, end), &batch);
		at = a->end;
	}
	vmspace_flush(vs, &batch);
	return err;
}

/* Is all of [start, end) mapped? */
static bool is_mapped(struct vmspace *vs, uint64_t start, uint64_t end)
{
	while (start < end) {
		struct area *a = area_find(&vs->areas, start);

		if (a == NULL)
			return false;
		start = a->end;
	}
	return true;
}

/* MADV_REMOVE: the same as punching a hole in the file below. That takes the file's lock, under which a write(2) may
 * fault: so not under vs's, which is given up meanwhile. */
static int remove_pages(struct vmspace *vs, uint64_t start, uint64_t end)
{
	struct area *a = area_find(&vs->areas, start);
	struct file *f;
	int64_t offset;
	bool entered;
	int err;

	if (a == NULL || a->end < end || a->file == NULL || (a->flags & AREA_LOCKED))
		return -EINVAL;
	if (!(a->flags & AREA_SHARED) || !(a->flags & AREA_MAYWRITE))
		return -EACCES;
	if (a->file->ops->fallocate == NULL)
		return -EOPNOTSUPP;
	f = file_get(a->file);
	offset = (int64_t)(a->pgoff * PAGE_SIZE + (start - a->start));
	vmspace_unlock(vs);
	entered = kernel_enter();
	err = f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (int64_t)(end - start));
	file_leave(entered);
	file_put(f);
	vmspace_lock(vs);
	return err;
}

static int advise_locked(struct vmspace *vs, uint64_t start, uint64_t end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED: {
		int err = drop_pages(vs, start, end);

		return err ? err : is_mapped(vs, start, end) ? 0 : -ENOMEM;
	}
	case MADV_REMOVE:
		return remove_pages(vs, start, end);
	case MADV_WILLNEED:
		if (!is_mapped(vs, start, end))
			return -ENOMEM;
		(void)fault_populate(vs, start, MIN(end, start + HUGE_SIZE),
				     false); /* a hint: the rest comes with faults */
		return 0;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return fault_populate(vs, start, end, advice == MADV_POPULATE_WRITE);
	case MADV_HUGEPAGE:
		return vmspace_set_flags(vs, start, end, AREA_HUGE, AREA_NOHUGE);
	case MADV_NOHUGEPAGE:
		return vmspace_set_flags(vs, start, end, AREA_NOHUGE, AREA_HUGE);
	case MADV_DONTFORK:
		return vmspace_set_flags(vs, start, end, AREA_DONTFORK, 0);
	case MADV_DOFORK:
		return vmspace_set_flags(vs, start, end, 0, AREA_DONTFORK);
	case MADV_DONTDUMP:
		return vmspace_set_flags(vs, start, end, AREA_DONTDUMP, 0);
	case MADV_DODUMP:
		return vmspace_set_flags(vs, start, end, 0, AREA_DONTDUMP);
	case MADV_WIPEONFORK:
		return vmspace_set_flags(vs, start, end, AREA_WIPEONFORK, 0);
	case MADV_KEEPONFORK:
		return vmspace_set_flags(vs, start, end, 0, AREA_WIPEONFORK);
	case MADV_FREE: /* the old contents may stay until memory is needed: here, until it is gone */
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return is_mapped(vs, start, end) ? 0 : -ENOMEM;
	default:
		return -EINVAL;
	}
}

int vmspace_advise(struct vmspace *vs, uint64_t addr, size_t bytes, int advice)
{
	int err;

	if (addr & (PAGE_SIZE - 1) || page_up(bytes) < bytes)
		return -EINVAL;
	bytes = page_up(bytes);
	if (advice == MADV_FREE && page_nr_free() < page_nr_total() / 4)
		advice = MADV_DONTNEED;
	if (bytes != 0 && !range_ok(addr, bytes))
		return -ENOMEM;
	vmspace_lock(vs);
	err = bytes == 0 ? 0 : advise_locked(vs, addr, addr + bytes, advice);
	vmspace_unlock(vs);
	return err;
}

/* May `pages` more be locked? Nothing is ever paged out here; the limit is kept because programs test it. */
static int may_lock(struct vmspace *vs, size_t pages)
{
	uint64_t limit = vmspace_rlimit(RLIMIT_MEMLOCK);

	if (process_current()->cred.cap_effective & CAP_IPC_LOCK_BIT)
		return 0;
	if (limit == 0)
		return -EPERM;
	return (vs->locked_pages + pages) * PAGE_SIZE > limit ? -ENOMEM : 0;
}

int vmspace_lock_range(struct vmspace *vs, uint64_t addr, size_t bytes, bool lock, bool on_fault)
{
	uint64_t start = page_down(addr), end;
	int err = 0;

	if (__builtin_add_overflow(addr, bytes, &end) || page_up(end) < end)
		return -EINVAL;
	end = page_up(end);
	if (start == end)
		return 0;
	if (!range_ok(start, end - start))
		return -ENOMEM;
	vmspace_lock(vs);
	if (lock)
		err = may_lock(vs, (end - start) / PAGE_SIZE);
	if (err == 0)
		err = vmspace_set_flags(vs, start, end, lock ? AREA_LOCKED : 0, lock ? 0 : AREA_LOCKED);
	if (err == 0 && lock && !on_fault)
		(void)fault_populate(vs, start, end, false); /* PROT_NONE parts stay empty */
	vmspace_unlock(vs);
	return err;
}

int vmspace_lock_all(struct vmspace *vs, int mcl_flags)
{
	int err = 0;

	if ((mcl_flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || mcl_flags == MCL_ONFAULT)
		return -EINVAL;
	vmspace_lock(vs);
	if (mcl_flags != 0)
		err = may_lock(vs, mcl_flags & MCL_CURRENT ? vs->pages - vs->locked_pages : 0);
	if (err == 0)
		vs->lock_future = mcl_flags & MCL_FUTURE;
	for (struct area *a = area_first(&vs->areas); err == 0 && a != NULL; a = area_next(a)) {
		if (mcl_flags != 0 && !(mcl_flags & MCL_CURRENT))
			break;
		vmspace_account_area(vs, a, -1);
		a->flags = mcl_flags ? a->flags | AREA_LOCKED : a->flags & ~AREA_LOCKED;
		vmspace_account_area(vs, a, 1);
		if (mcl_flags != 0 && !(mcl_flags & MCL_ONFAULT))
			(void)fault_populate(vs, a->start, a->end, false);
	}
	vmspace_unlock(vs);
	return err;
}

/* The pages are the file's own, shared with the host; only durability is asked for. It takes long: others may change vs
 * meanwhile. */
static int sync_file(struct vmspace *vs, struct file *f)
{
	bool entered;
	int err;

	file_get(f);
	vmspace_unlock(vs);
	entered = file_enter(f);
	err = f->ops->fsync(f, false);
	file_leave(entered);
	file_put(f);
	vmspace_lock(vs);
	return err;
}

int vmspace_sync(struct vmspace *vs, uint64_t addr, size_t bytes, int flags)
{
	uint64_t end, at = addr;
	int err = 0;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr & (PAGE_SIZE - 1)) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (__builtin_add_overflow(addr, page_up(bytes), &end))
		return -ENOMEM;
	vmspace_lock(vs);
	while (at < end) {
		struct area *a = area_find_from(&vs->areas, at);

		if (a == NULL || a->start > at) {
			err = -ENOMEM;
			if (a == NULL || a->start >= end)
				break;
		}
		if ((flags & MS_INVALIDATE) && (a->flags & AREA_LOCKED)) {
			err = -EBUSY;
			break;
		}
		at = a->end;
		if ((flags & MS_SYNC) && (a->flags & AREA_SHARED) && a->file != NULL && a->file->ops->fsync != NULL) {
			int e = sync_file(vs, a->file);

			if (e != 0 && e != -EINVAL)
				err = e;
		}
	}
	vmspace_unlock(vs);
	return err;
}

int vmspace_resident(struct vmspace *vs, uint64_t addr, size_t nr_pages, uint8_t *vec)
{
	int err = 0;

	vmspace_lock(vs);
	for (size_t i = 0; i < nr_pages && err == 0; i++) {
		uint64_t va = addr + i * PAGE_SIZE;
		unsigned level;
		const uint64_t *e;

		if (area_find(&vs->areas, va) == NULL)
			err = -ENOMEM;
		e = paging_find(vs->root, va, &level);
		vec[i] = e != NULL && *e != 0;
	}
	vmspace_unlock(vs);
	return err;
}
