/* SPDX-License-Identifier: MIT */
/*
 * fault.c - page faults: what an access to a page needs, and whether it may. An exception costs 25 us where KVM has no
 * VT-x, a page-table entry 10 ns: so each fault fills in many pages (fill.c) or copies many.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/fill.h"
#include "kernel/mm/oom.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "lib/string.h"

/* How many pages to copy for one fault: a power of two. */
static unsigned copy_max(const struct vmspace *vs)
{
	size_t ahead = READ_ONCE(vs->ahead);
	unsigned n = COPY_MAX;

	while (n > 2 && n > ahead)
		n /= 2;
	return n;
}

/*
 * Copies the pages around addr that are mapped but not the program's own yet, be they a file's or shared since a fork:
 * writes come in clusters.
 */
static void copy_around(struct vmspace *vs, struct area *a, uint64_t addr, bool ram_only)
{
	struct tlb_batch batch = {0};
	uint64_t lo, hi, *e, block = ALIGN_DOWN(addr, HUGE_SIZE);
	uint64_t copied[COPY_MAX];
	unsigned nr = 0, made = 0;

	fill_choose_batch(a, addr, COPY_FIRST, copy_max(vs), &lo, &hi);
	lo = MAX(lo, block);
	hi = MIN(hi, block + HUGE_SIZE);
	e = paging_make(vs->root, lo, 0); /* there already, for addr */
	for (uint64_t va = lo; va < hi; va += PAGE_SIZE, e++) {
		uint64_t old = *e;
		void *page;

		if (!(old & PTE_P) || (old & PTE_W) || (ram_only && !pa_is_ram(PA(old & PTE_ADDR))))
			continue;
		if (entry_is_own(old)) { /* whoever shared it is gone: more rights, no flush */
			*e |= PTE_W | PTE_D;
			continue;
		}
		page = fill_page_copy(PA(old & PTE_ADDR));
		if (page == NULL)
			break;
		*e = virt_to_pa(page).v | PTE_SW_COUNTED | paging_prot_bits(a->prot);
		tlb_batch_add(&batch, va);
		if (old & PTE_SW_COUNTED)
			copied[nr++] = old & PTE_ADDR;
		STAT(COW)++;
		made++;
	}
	WRITE_ONCE(vs->ahead, vs->ahead - MIN(vs->ahead, made));
	tlb_batch_flush(&batch);
	while (nr > 0)
		page_unref(PA(copied[--nr]), 0);
}

/* A huge page shared since a fork, written here: another huge page, if there is one. */
static bool copy_huge(uint64_t *e, uint64_t addr, const struct area *a)
{
	uint64_t old = *e;
	void *block = page_alloc(HUGE_ORDER, 0);

	if (block == NULL)
		return false;
	memcpy(block, pa_to_virt(PA(old & PTE_ADDR)), HUGE_SIZE);
	*e = virt_to_pa(block).v | PTE_PS | PTE_SW_COUNTED | paging_prot_bits(a->prot);
	tlb_flush_page(ALIGN_DOWN(addr, HUGE_SIZE));
	page_unref(PA(old & PTE_ADDR), HUGE_ORDER);
	STAT(COW)++;
	return true;
}

bool fault_write_private(struct vmspace *vs, struct area *a, uint64_t addr, uint64_t *e, unsigned level, bool ram_only)
{
	uint64_t old = *e;
	void *page;

	if (level == 1) {
		if (entry_is_own(old)) {
			*e |= PTE_W | PTE_D; /* more rights: no flush */
			return true;
		}
		if (copy_huge(e, addr, a))
			return true;
		if (paging_make(vs->root, addr, 0) == NULL) /* copies it in small pages */
			return false;
		tlb_flush_all();
		return true;
	}
	copy_around(vs, a, addr, ram_only);
	if (*e & PTE_W)
		return true;
	page = ram_only && !pa_is_ram(PA(old & PTE_ADDR)) ? NULL : fill_page_copy(PA(old & PTE_ADDR));
	if (page == NULL)
		return false;
	fill_replace(e, addr, page, paging_prot_bits(a->prot));
	return true;
}

/* A write to a page that is there but may not be written: private copy, or first write through a shared file mapping.
 */
static int write_fault(struct vmspace *vs, struct area *a, uint64_t addr, uint64_t *e, unsigned level, int *signo)
{
	uint64_t old = *e;

	if (a->flags & AREA_SHARED) {
		struct page_source s = {.file = a->file, .write = true};
		struct filler f = {.a = a, .source = &s};
		int err;

		if (a->file == NULL) {
			*e |= PTE_W | PTE_D;
			return 0;
		}
		*e = 0;
		err = fill_file(&f, addr, addr + PAGE_SIZE, e);
		if ((old ^ *e) & PTE_ADDR)
			tlb_flush_page(addr);
		if (old & PTE_SW_COUNTED)
			page_unref(PA(old & PTE_ADDR), 0);
		if (err == 0 && !(*e & PTE_W))
			err = -EROFS;
		if (err != 0 && *e == 0)
			ptes_account(vs, -1);
		return err ? fill_error(err, signo) : 0;
	}
	return fault_write_private(vs, a, addr, e, level, false) ? 0 : fill_out_of_memory(signo);
}

static int fault_in_area(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, addr, &level);

	if (e != NULL && *e != 0) {
		if (write && !(*e & PTE_W))
			return write_fault(vs, a, addr, e, level, signo);
		return 0; /* another fault was quicker, or rights grew and the CPU had not noticed */
	}
	if (a->file == NULL)
		return fill_around_anon(vs, a, addr, signo);
	if (e == NULL && shared_tables_join(vs, addr) && *paging_find(vs->root, addr, &level) != 0)
		return 0;
	shared_tables_leave(vs, addr, addr + PAGE_SIZE, NULL); /* it has no such page: nor has the file, most likely */
	return fill_around_file(vs, a, addr, write, signo);
}

/* Whatever a file says of its pages holds until the kernel lock is given back: by then they are in the tables, where
 * who truncates it finds them. */
int fault_in(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	bool entered = a->file != NULL && kernel_enter();
	int code = fault_in_area(vs, a, page_down(addr), write, signo);

	if (entered)
		kernel_leave();
	return code;
}

static int own_page(struct vmspace *vs, struct area *a, uint64_t addr)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, addr, &level);
	struct page_source s = {.file = a->file};
	struct filler f = {.a = a, .source = &s};
	void *page;
	int signo;

	if (shared_tables_has(vs, addr)) {
		shared_tables_leave(vs, addr, addr + PAGE_SIZE, NULL);
		e = NULL;
	}
	if (e == NULL || *e == 0) {
		if (a->file == NULL)
			return fill_around_anon(vs, a, addr, &signo) == 0 ? 0 : -ENOMEM;
		e = paging_make(vs->root, addr, 0);
		if (e == NULL)
			return -ENOMEM;
		if (fill_copy(&f, addr, addr + PAGE_SIZE, e) != 0)
			return -EFAULT;
		fill_count(vs, a, 1);
		return 0;
	}
	if (entry_is_own(*e))
		return 0;
	e = paging_make(vs->root, addr, 0);
	if (e != NULL && entry_is_own(*e)) { /* a shared huge page that was copied to be split */
		tlb_flush_all();
		return 0;
	}
	page = e ? fill_page_copy(PA(*e & PTE_ADDR)) : NULL;
	if (page == NULL)
		return -ENOMEM;
	fill_replace(e, addr, page, paging_prot_bits(a->prot));
	return 0;
}

int fault_own(struct vmspace *vs, struct area *a, uint64_t addr)
{
	bool entered = a->file != NULL && kernel_enter();
	int err = own_page(vs, a, page_down(addr));

	if (entered)
		kernel_leave();
	return err;
}

int fault_populate(struct vmspace *vs, uint64_t start, uint64_t end, bool write)
{
	int signo;

	for (uint64_t va = start; va < end; va += PAGE_SIZE) {
		struct area *a = area_find(&vs->areas, va);
		unsigned level;
		uint64_t *e;

		if (a == NULL)
			return -ENOMEM;
		if ((a->prot & (write ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC)) == 0)
			return -EFAULT;
		e = paging_find(vs->root, va, &level);
		if (e != NULL && *e != 0 && (!write || (*e & PTE_W)))
			continue;
		if (page_nr_free() < 16)
			return -ENOMEM; /* the caller did not ask to be killed */
		if (fault_in(vs, a, va, write, &signo) != 0)
			return -EFAULT;
	}
	return 0;
}

void vmspace_prefault(struct vmspace *vs, uint64_t addr, size_t bytes, bool write)
{
	vmspace_lock(vs);
	(void)fault_populate(vs, addr, addr + bytes, write);
	vmspace_unlock(vs);
}

/* A fault below a stack extends it, within RLIMIT_STACK and clear of the area below. */
static struct area *stack_grow(struct vmspace *vs, uint64_t addr)
{
	struct area *a = area_find_from(&vs->areas, addr), *below;
	uint64_t start = page_down(addr), bytes;

	if (a == NULL || !(a->flags & AREA_GROWSDOWN))
		return NULL;
	if (a->end - start > vmspace_rlimit(RLIMIT_STACK))
		return NULL;
	below = area_prev(a);
	if (start < CAY_USER_MIN || (below != NULL && start < below->end + STACK_GUARD_BYTES))
		return NULL;
	bytes = a->start - start;
	if (vmspace_may_grow(vs, bytes, false, false) != 0)
		return NULL;
	shared_tables_leave(vs, start, a->start, NULL);
	vmspace_account_area(vs, a, -1);
	area_resize(&vs->areas, a, start, a->end);
	vmspace_account_area(vs, a, 1);
	return a;
}

struct area *fault_area(struct vmspace *vs, uint64_t addr)
{
	struct area *a = area_find(&vs->areas, addr);

	return a ? a : stack_grow(vs, addr);
}

int vmspace_fault(struct vmspace *vs, uint64_t addr, bool write, bool exec, bool present, int *signo)
{
	struct area *a;
	int code;

	(void)present; /* the tables say it better */
	*signo = SIGSEGV;
	if (addr >= CAY_USER_END)
		return SEGV_MAPERR;
	vmspace_lock(vs);
	a = fault_area(vs, addr);
	if (a == NULL)
		code = SEGV_MAPERR;
	else if ((write && !(a->prot & PROT_WRITE)) || (exec && !(a->prot & PROT_EXEC)) || a->prot == PROT_NONE)
		code = SEGV_ACCERR;
	else
		code = fault_in(vs, a, addr, write, signo);
	vmspace_unlock(vs);
	if (code != FAULT_AGAIN)
		return code;
	oom_wait();
	return 0;
}
