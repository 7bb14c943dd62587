/* SPDX-License-Identifier: MIT */
/* mmap.c - mapping and protection: mmap(2) and mprotect(2) for program and kernel, and where mappings are placed. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"

#define LOW_2G           0x80000000ULL
#define SMALL_DATA_BYTES (128u << 10)
#define SMALL_ANON_BYTES (64u << 10)

uint64_t vmspace_place(struct vmspace *vs, uint64_t hint, uint64_t bytes, int flags, bool anonymous)
{
	uint64_t align = PAGE_SIZE, at;

	/* MAP_32BIT is for the search; a hint may point below what is searched, but not beyond (mmap(2), and Linux). */
	hint = page_down(hint);
	if (hint >= CAY_USER_MIN && range_ok(hint, bytes) && (!(flags & MAP_32BIT) || hint + bytes <= LOW_2G) &&
	    area_find_gap(&vs->areas, bytes, hint, hint + bytes, PAGE_SIZE) == hint)
		return hint;
	if (flags & MAP_32BIT)
		return area_find_gap(&vs->areas, bytes, LOW_2G / 2, LOW_2G, PAGE_SIZE);
	/* Big memory begins at a huge page's border, so that all of it can be huge pages. */
	if (anonymous && bytes >= HUGE_SIZE && !(flags & MAP_STACK))
		align = HUGE_SIZE;
	at = bytes <= vs->rest_end - vs->rest ? area_find_gap(&vs->areas, bytes, vs->rest, vs->rest_end, align) : 0;
	if (at != 0)
		return at;
	at = area_find_gap(&vs->areas, bytes, CAY_USER_MIN, vs->mmap_top, align);
	return at ? at : area_find_gap_up(&vs->areas, bytes, vs->mmap_top, CAY_USER_END, PAGE_SIZE);
}

uint64_t vmspace_place_image(struct vmspace *vs, uint64_t bytes, uint64_t ro_bytes)
{
	uint64_t before = -ro_bytes & (HUGE_SIZE - 1), at = 0;

	if (ro_bytes >= SHARED_MIN_BYTES && bytes >= ro_bytes)
		at = area_find_gap(&vs->areas, ALIGN_UP(before + bytes, HUGE_SIZE), CAY_USER_MIN, vs->mmap_base,
				   HUGE_SIZE); /* whole blocks: nor does its data come into another one's */
	if (at == 0)
		return vmspace_place(vs, 0, bytes, 0, false);
	vs->mmap_top = MIN(vs->mmap_top, at);
	vs->rest = at + before + page_up(bytes);
	vs->rest_end = ALIGN_UP(vs->rest, HUGE_SIZE);
	return at + before;
}

uint64_t vmspace_find_image_place(struct vmspace *vs, uint64_t bytes, uint64_t ro_bytes)
{
	uint64_t at;

	vmspace_lock(vs);
	at = vmspace_place_image(vs, bytes, ro_bytes);
	vmspace_unlock(vs);
	return at;
}

/*
 * Where a mapping of a file should go that the program did not place. ld.so maps a library whole, read-only, and then
 * puts its data over the end: where that was the last time, the next process's will be.
 */
static uint64_t place_file(struct vmspace *vs, uint64_t hint, uint64_t bytes, int prot, int flags, struct file *file,
			   uint64_t offset)
{
	uint64_t ro_bytes = (uint64_t)file->inode->ro_pages * PAGE_SIZE;

	if (hint != 0 || offset != 0 || (prot & PROT_WRITE) || (flags & MAP_32BIT) || ro_bytes > bytes)
		return vmspace_place(vs, hint, bytes, flags, false);
	return vmspace_place_image(vs, bytes, ro_bytes);
}

/* Writable private data is about to be put at addr, over or behind other parts of the same file. */
static void learn_ro_pages(struct vmspace *vs, uint64_t addr, struct file *file)
{
	struct area *a = area_find(&vs->areas, addr - PAGE_SIZE);

	while (a != NULL && a->file != NULL && a->file->inode == file->inode && a->pgoff != 0 &&
	       !(a->prot & PROT_WRITE))
		a = area_prev(a);
	if (a != NULL && a->file != NULL && a->file->inode == file->inode && !(a->prot & PROT_WRITE))
		file->inode->ro_pages = (uint32_t)((addr - a->start) / PAGE_SIZE);
}

static int check_file(struct file *f, int prot, int flags, uint64_t offset, uint64_t bytes)
{
	uint64_t end;

	if (offset & (PAGE_SIZE - 1))
		return -EINVAL;
	if (__builtin_add_overflow(offset, bytes, &end) || end > INT64_MAX)
		return -EOVERFLOW;
	if (!(f->mode & FILE_READ) || (f->mode & FILE_PATH_ONLY))
		return -EACCES;
	if ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) && !(f->mode & FILE_WRITE))
		return -EACCES;
	if (f->ops->map == NULL)
		return -ENODEV;
	return f->ops->check_map != NULL ? f->ops->check_map(f, offset, bytes) : 0;
}

static unsigned area_flags(const struct file *f, int flags)
{
	unsigned out = 0;

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		out |= AREA_SHARED;
	if (f != NULL && (f->mode & FILE_WRITE))
		out |= AREA_MAYWRITE;
	if (flags & MAP_GROWSDOWN)
		out |= AREA_GROWSDOWN;
	if (flags & MAP_STACK)
		out |= AREA_STACK;
	if (flags & MAP_NORESERVE)
		out |= AREA_NORESERVE;
	if (flags & MAP_LOCKED)
		out |= AREA_LOCKED;
	return out;
}

int vmspace_add_area(struct vmspace *vs, uint64_t addr, uint64_t bytes, int prot, unsigned flags, struct file *file,
		     uint64_t pgoff)
{
	struct area *a = area_alloc();

	if (a == NULL)
		return -ENOMEM;
	a->start = addr;
	a->end = addr + bytes;
	a->prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	a->flags = flags | (vs->lock_future ? AREA_LOCKED : 0);
	a->file = file ? file_get(file) : NULL;
	a->pgoff = pgoff;
	shared_tables_leave(vs, addr, addr + bytes, NULL);
	area_insert(&vs->areas, a);
	vmspace_account_area(vs, a, 1);
	area_merge(&vs->areas, a);
	return 0;
}

/*
 * Will be written at once, most likely, and is so small that filling it costs less than the exception: memory for
 * something, or a library's data, with which its other parts are filled in.
 */
static bool is_small_data(uint64_t bytes, int prot, int flags, const struct file *file)
{
	return (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_WRITE) && !(flags & (MAP_NORESERVE | MAP_GROWSDOWN)) &&
	       bytes <= (file != NULL ? SMALL_DATA_BYTES : SMALL_ANON_BYTES) && page_nr_free() > page_nr_total() / 4;
}

static int64_t map_locked(struct vmspace *vs, uint64_t addr, uint64_t bytes, int prot, int flags, struct file *file,
			  uint64_t offset)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	bool private_writable = (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_WRITE);
	struct tlb_batch batch = {0};
	int err;

	if (vs->areas.nr >= AREAS_MAX)
		return -ENOMEM;
	if (fixed) {
		if (!range_ok(addr, bytes))
			return addr & (PAGE_SIZE - 1) ? -EINVAL : -ENOMEM;
		if (addr < CAY_USER_MIN)
			return -EPERM;
		if ((flags & MAP_FIXED_NOREPLACE) && !area_range_free(&vs->areas, addr, addr + bytes))
			return -EEXIST;
	} else {
		addr = file == NULL ? vmspace_place(vs, addr, bytes, flags, true)
				    : place_file(vs, addr, bytes, prot, flags, file, offset);
		if (addr == 0)
			return -ENOMEM;
	}
	if (fixed && file != NULL && private_writable)
		learn_ro_pages(vs, addr, file);
	err = vmspace_may_grow(vs, bytes, private_writable, (flags & MAP_NORESERVE) || file != NULL);
	if (err == 0 && fixed)
		err = vmspace_remove_range(vs, addr, addr + bytes, &batch);
	vmspace_flush(vs, &batch);
	if (err == 0)
		err = vmspace_add_area(vs, addr, bytes, prot, area_flags(file, flags), file, offset / PAGE_SIZE);
	if (err != 0)
		return err;
	if (((flags & (MAP_POPULATE | MAP_LOCKED)) && (prot & (PROT_READ | PROT_WRITE))) ||
	    is_small_data(bytes, prot, flags, file))
		(void)fault_populate(vs, addr, addr + bytes, private_writable); /* as Linux: no error if it cannot */
	return (int64_t)addr;
}

int64_t vmspace_map(struct vmspace *vs, uint64_t addr, size_t bytes, int prot, int flags, struct file *file,
		    uint64_t offset)
{
	int64_t ret;

	if (bytes == 0)
		return -EINVAL;
	bytes = page_up(bytes);
	if (bytes == 0 || bytes > CAY_USER_END)
		return -ENOMEM;
	if (file != NULL) {
		int err = check_file(file, prot, flags, offset, bytes);

		if (err != 0)
			return err;
	}
	vmspace_lock(vs);
	ret = map_locked(vs, addr, bytes, prot, flags, file, offset);
	vmspace_unlock(vs);
	return ret;
}

int vmspace_map_stack(struct vmspace *vs, uint64_t top, size_t bytes, bool executable)
{
	int prot = PROT_READ | PROT_WRITE | (executable ? PROT_EXEC : 0);
	int err;

	vmspace_lock(vs);
	err = vmspace_add_area(vs, top - bytes, bytes, prot, AREA_GROWSDOWN | AREA_STACK, NULL, 0);
	vmspace_unlock(vs);
	return err;
}

int vmspace_set_flags(struct vmspace *vs, uint64_t start, uint64_t end, unsigned set, unsigned clear)
{
	uint64_t at = start;
	int err = 0;

	if (vmspace_isolate(vs, start, end) != 0)
		return -ENOMEM;
	shared_tables_leave(vs, start, end, NULL);
	while (at < end) {
		struct area *a = area_find_from(&vs->areas, at);

		if (a == NULL || a->start >= end)
			return -ENOMEM;
		if (a->start > at)
			err = -ENOMEM;
		at = a->end;
		vmspace_account_area(vs, a, -1);
		a->flags = (a->flags & ~clear) | set;
		vmspace_account_area(vs, a, 1);
		area_merge(&vs->areas, a);
	}
	return err;
}

static int protect_area(struct vmspace *vs, struct area *a, int prot, struct tlb_batch *b)
{
	int err;

	if ((prot & PROT_WRITE) && (a->flags & AREA_SHARED) && a->file != NULL && !(a->flags & AREA_MAYWRITE))
		return -EACCES;
	if (a->prot == prot)
		return 0;
	if ((prot & PROT_WRITE) && !(a->prot & PROT_WRITE) && !(a->flags & AREA_SHARED)) {
		err = vmspace_may_grow(vs, 0, true, true);
		if (err != 0)
			return err;
	}
	err = ptes_protect(vs, a, a->start, a->end, prot, b);
	if (err != 0)
		return err;
	vmspace_account_area(vs, a, -1);
	a->prot = prot;
	vmspace_account_area(vs, a, 1);
	return 0;
}

/* PROT_GROWSDOWN: from where the stack begins that *at is in or below. */
static int stack_start(struct vmspace *vs, uint64_t end, uint64_t *at)
{
	const struct area *a = area_find_from(&vs->areas, *at);

	if (a == NULL || a->start >= end)
		return -ENOMEM;
	if (!(a->flags & AREA_GROWSDOWN))
		return -EINVAL;
	*at = a->start;
	return 0;
}

int vmspace_protect(struct vmspace *vs, uint64_t addr, size_t bytes, int prot)
{
	bool whole_stack = (prot & PROT_GROWSDOWN) != 0;
	struct tlb_batch batch = {0};
	uint64_t end, at = addr;
	int err;

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	bytes = page_up(bytes);
	if (bytes == 0)
		return 0;
	if (!range_ok(addr, bytes))
		return -ENOMEM;
	end = addr + bytes;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	vmspace_lock(vs);
	err = whole_stack ? stack_start(vs, end, &at) : area_find(&vs->areas, at) ? 0 : -ENOMEM;
	if (err == 0)
		err = vmspace_isolate(vs, at, end);
	while (err == 0 && at < end) {
		struct area *a = area_find(&vs->areas, at);

		if (a == NULL) {
			err = -ENOMEM; /* a hole: what came before it is changed, as on Linux */
			break;
		}
		err = protect_area(vs, a, prot, &batch);
		at = a->end;
		area_merge(&vs->areas, a);
	}
	if (err == 0 && (uint64_t)end < CAY_USER_END) {
		struct area *after = area_find(&vs->areas, end);

		if (after != NULL)
			area_merge(&vs->areas, after);
	}
	vmspace_flush(vs, &batch);
	vmspace_unlock(vs);
	return err;
}
