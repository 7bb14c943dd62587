/* SPDX-License-Identifier: MIT */
/*
 * vmspace.c - life of an address space, its limits and totals, and operations on ranges of areas.
 * Invariant: an address space without users is empty; what is left of it serves only CPUs that run the kernel on it.
 */
#include "kernel/mm/vmspace.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kept_tables.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"

/* Tables of address spaces up to this size are kept: at most a few dozen of them. */
#define KEEP_MAX_PAGES 4096

struct list vmspace_all = LIST_INIT(vmspace_all);

/* The VMM's tables serve the first address space: nothing to load, and what the CPU has cached stays valid. */
static bool boot_root_taken;

struct vmspace *vmspace_current(void)
{
	return process_current()->vs;
}

pa_t vmspace_root(const struct vmspace *vs)
{
	return vs->root;
}

static bool new_root(pa_t *root)
{
	if (paging_root_create(root))
		return true;
	kept_tables_drop();
	shared_tables_drop_unused();
	return paging_root_create(root);
}

/* layout 0: a new one. */
struct vmspace *vmspace_create_as(uint64_t layout)
{
	static uint64_t last_layout;
	struct vmspace *vs = kzalloc(sizeof(*vs));

	if (vs == NULL)
		return NULL;
	if (layout != 0 && kept_tables_take(layout, &vs->root)) {
		/* what a fork needs, but for the last levels */
	} else if (!boot_root_taken) {
		vs->root = paging_boot_root();
		boot_root_taken = true;
	} else if (!new_root(&vs->root)) {
		kfree(vs);
		return NULL;
	}
	vs->layout = layout != 0 ? layout : ++last_layout;
	area_set_init(&vs->areas);
	adaptive_init(&vs->lock);
	vs->users = vs->holds = 1;
	vs->ahead = SIZE_MAX; /* until it forks */
	vs->mmap_base = vs->mmap_top = CAY_USER_END;
	list_init(&vs->shared);
	list_init(&vs->left);
	list_push_back(&vmspace_all, &vs->link);
	return vs;
}

struct vmspace *vmspace_create(void)
{
	return vmspace_create_as(0);
}

struct vmspace *vmspace_get(struct vmspace *vs)
{
	vs->users++;
	return vs;
}

bool vmspace_is_shared(const struct vmspace *vs)
{
	return vs->users > 1;
}

void vmspace_drop_hold(struct vmspace *vs)
{
	if (--vs->holds > 0)
		return;
	if (vs->root.v == paging_boot_root().v)
		boot_root_taken = false; /* its program half is empty again: the next one may have it, after a flush */
	else if (vs->forked && vs->peak_rss <= KEEP_MAX_PAGES)
		kept_tables_give(vs->layout, vs->root);
	else
		paging_root_destroy(vs->root);
	kfree(vs);
}

void vmspace_put(struct vmspace *vs)
{
	struct tlb_batch batch = {0};

	if (--vs->users > 0)
		return;
	/* Nothing is split, so that this cannot fail; and no program runs on these tables any more, so that nothing is
	 * flushed: a CPU that still has them loaded runs the kernel only, and loads others before it runs a program. */
	list_remove(&vs->link);
	if (vmspace_remove_range(vs, 0, CAY_USER_END, &batch) != 0)
		panic("an address space could not be emptied");
	shared_tables_let_go(vs);
	vmspace_free_gone(vs->gone);
	vs->gone = NULL;
	callsite_table_free(&vs->callsites);
	vmspace_drop_hold(vs);
}

struct callsite_table *vmspace_callsites(struct vmspace *vs)
{
	return &vs->callsites;
}

void vmspace_set_mmap_top(struct vmspace *vs, uint64_t top)
{
	vs->mmap_base = vs->mmap_top = top;
}

uint64_t vmspace_rlimit(unsigned which)
{
	return process_current()->rlimit[which].cur;
}

void vmspace_account_area(struct vmspace *vs, const struct area *a, int sign)
{
	size_t n = (a->end - a->start) / PAGE_SIZE;

	if (sign < 0)
		n = -n;
	vs->pages += n;
	vs->peak_pages = MAX(vs->peak_pages, vs->pages);
	if (a->flags & AREA_GROWSDOWN)
		vs->stack_pages += n;
	else if (area_is_private_writable(a))
		vs->data_pages += n;
	if (a->flags & AREA_LOCKED)
		vs->locked_pages += n;
}

int vmspace_may_grow(struct vmspace *vs, uint64_t bytes, bool private_writable, bool noreserve)
{
	uint64_t limit = vmspace_rlimit(RLIMIT_AS);

	if (bytes > limit || vs->pages * PAGE_SIZE > limit - bytes)
		return -ENOMEM;
	if (!private_writable)
		return 0;
	limit = vmspace_rlimit(RLIMIT_DATA);
	if (bytes > limit || vs->data_pages * PAGE_SIZE > limit - bytes)
		return -ENOMEM;
	/* Better refused now than killed when it is used. Linux compares with all of RAM; we know what is left. The
	 * rest is for what a program that was refused memory needs to say so: stack, the kernel's buffers. */
	if (!noreserve && bytes != 0 && bytes / PAGE_SIZE + MIN(page_nr_total() / 64, 256ul) > page_nr_free())
		return -ENOMEM;
	return 0;
}

int vmspace_isolate(struct vmspace *vs, uint64_t start, uint64_t end)
{
	struct area *a = area_find(&vs->areas, start);

	if (a != NULL && a->start < start && area_split(&vs->areas, a, start) == NULL)
		return -ENOMEM;
	a = area_find(&vs->areas, end - 1);
	if (a != NULL && a->end > end && area_split(&vs->areas, a, end) == NULL)
		return -ENOMEM;
	return 0;
}

int vmspace_remove_range(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b)
{
	struct area *a;
	int err;

	if (area_range_free(&vs->areas, start, end))
		return 0;
	err = vmspace_isolate(vs, start, end);
	if (err == 0)
		err = ptes_unmap(vs, start, end, b);
	if (err != 0)
		return err;
	a = area_find_from(&vs->areas, start);
	while (a != NULL && a->start < end) {
		struct area *next = area_next(a);

		vmspace_account_area(vs, a, -1);
		area_remove(&vs->areas, a);
		a->next_gone = vs->gone;
		vs->gone = a;
		a = next;
	}
	return 0;
}

void vmspace_free_gone(struct area *gone)
{
	while (gone != NULL) {
		struct area *next = gone->next_gone;

		if (gone->file != NULL && gone->file->ops->unmapped != NULL)
			gone->file->ops->unmapped(gone->file);
		area_free(gone);
		gone = next;
	}
}

int vmspace_unmap(struct vmspace *vs, uint64_t addr, size_t bytes)
{
	struct tlb_batch batch = {0};
	int err;

	bytes = page_up(bytes);
	if (!range_ok(addr, bytes))
		return -EINVAL;
	vmspace_lock(vs);
	err = vmspace_remove_range(vs, addr, addr + bytes, &batch);
	vmspace_flush(vs, &batch);
	vmspace_unlock(vs);
	return err;
}

/* The first area at or above addr that maps a file of this kind as a mapping from addr on would; f: this file only. */
static struct area *find_mapping(struct vmspace *vs, uint64_t addr, const struct file_ops *ops, const struct file *f)
{
	struct area *a = area_find_from(&vs->areas, addr);

	while (a != NULL && (a->file == NULL || a->file->ops != ops || (f != NULL && a->file != f) || a->start < addr ||
			     a->start - addr != a->pgoff * PAGE_SIZE))
		a = area_next(a);
	return a;
}

struct file *vmspace_unmap_file(struct vmspace *vs, uint64_t addr, const struct file_ops *ops)
{
	struct tlb_batch batch = {0};
	struct file *f = NULL;
	struct area *a;
	int err = 0;

	vmspace_lock(vs);
	while (err == 0 && (a = find_mapping(vs, addr, ops, f)) != NULL) {
		if (f != NULL && a->start - addr >= f->inode->size)
			break;
		if (f == NULL)
			f = file_get(a->file);
		err = vmspace_remove_range(vs, a->start, a->end, &batch);
	}
	vmspace_flush(vs, &batch);
	vmspace_unlock(vs);
	return f;
}

bool vmspace_is_shared_at(struct vmspace *vs, uint64_t addr)
{
	struct area *a;
	bool shared;

	vmspace_lock(vs);
	a = area_find(&vs->areas, addr);
	shared = a != NULL && (a->flags & AREA_SHARED);
	vmspace_unlock(vs);
	return shared;
}

bool vmspace_is_file_at(struct vmspace *vs, uint64_t addr)
{
	unsigned level;
	uint64_t *e;
	bool is;

	if (addr >= CAY_USER_END)
		return false;
	vmspace_lock(vs);
	e = paging_find(vs->root, addr, &level);
	is = e != NULL && level == 0 && (*e & PTE_P) && (*e & PTE_ADDR) - CAY_WINDOW_GPA < CAY_WINDOW_BYTES;
	vmspace_unlock(vs);
	return is;
}

/* Each address space in turn, counted; NULL at the end. prev is given back: work on it may have slept. */
static struct vmspace *next_space(struct vmspace *prev)
{
	struct list *l = prev != NULL ? prev->link.next : vmspace_all.next;
	struct vmspace *vs = l != &vmspace_all ? vmspace_get(container_of(l, struct vmspace, link)) : NULL;

	if (prev != NULL)
		vmspace_put(prev);
	return vs;
}

static bool has_writable_mapping(struct vmspace *vs, const struct inode *inode)
{
	bool has = false;

	vmspace_lock(vs);
	for (struct area *a = area_first(&vs->areas); a != NULL && !has; a = area_next(a))
		has = a->file != NULL && (a->flags & AREA_SHARED) && (a->flags & AREA_MAYWRITE) &&
		      file_inode(a->file) == inode;
	vmspace_unlock(vs);
	return has;
}

bool vmspace_has_writable_mapping(const struct inode *inode)
{
	for (struct vmspace *vs = next_space(NULL); vs != NULL; vs = next_space(vs)) {
		if (has_writable_mapping(vs, inode)) {
			vmspace_put(vs);
			return true;
		}
	}
	return false;
}

/* Pages from `first` of the file on leave vs. */
static void drop_file_pages(struct vmspace *vs, const struct inode *inode, uint64_t first)
{
	struct tlb_batch batch = {0};

	vmspace_lock(vs);
	for (struct area *a = area_first(&vs->areas); a != NULL; a = area_next(a)) {
		uint64_t nr = (a->end - a->start) / PAGE_SIZE;

		if (a->file == NULL || file_inode(a->file) != inode || a->pgoff + nr <= first)
			continue;
		/* Without memory to split a huge page it stays: such a page is the program's own copy. */
		if (ptes_unmap(vs, a->start + (first > a->pgoff ? (first - a->pgoff) * PAGE_SIZE : 0), a->end,
			       &batch) != 0)
			kverbose("no memory to drop all pages of a truncated file");
	}
	vmspace_flush(vs, &batch);
	vmspace_unlock(vs);
}

void vmspace_file_truncated(struct inode *inode, uint64_t new_bytes)
{
	for (struct vmspace *vs = next_space(NULL); vs != NULL; vs = next_space(vs))
		drop_file_pages(vs, inode, page_up(new_bytes) / PAGE_SIZE);
}

size_t vmspace_rss(const struct vmspace *vs)
{
	return vs->rss;
}

uint64_t vmspace_peak_rss(const struct vmspace *vs)
{
	return vs->peak_rss;
}

void vmspace_get_usage(struct vmspace *vs, struct vmspace_usage *out)
{
	vmspace_lock(vs);
	*out = (struct vmspace_usage){
		.size = vs->pages,
		.rss = vs->rss,
		.data = vs->data_pages + vs->stack_pages,
		.stack = vs->stack_pages,
		.peak_size = vs->peak_pages,
		.peak_rss = vs->peak_rss,
	};
	for (struct area *a = area_first(&vs->areas); a != NULL; a = area_next(a)) {
		size_t n = (a->end - a->start) / PAGE_SIZE;

		if ((a->prot & PROT_EXEC) && !(a->prot & PROT_WRITE))
			out->text += n;
		if (a->file != NULL || (a->flags & AREA_SHARED))
			out->shared += ptes_count(vs, a->start, a->end);
	}
	vmspace_unlock(vs);
}
