/* SPDX-License-Identifier: MIT */
/*
 * fault.c - page faults. An exception costs 25 us where KVM has no VT-x, a page-table entry 10 ns: so each fault fills in
 * many pages around it, as many as memory allows and the use so far suggests; and what can be a huge page is one.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/plat/cay/boot.h"
#include "lib/string.h"

#define BATCH_FIRST 8        /* pages of the first fault in an area of anonymous memory */
#define BATCH_FIRST_STACK 4
#define BATCH_MAX 128
#define COPY_MAX 64          /* pages copied ahead for a private file mapping, at most */
#define COPY_WHOLE 64        /* a private writable file mapping this small is data: copied even if only read */
#define FILE_AROUND 1024     /* an area of a file up to this size is mapped whole */
#define HUGE_SURE_BYTES (32ull << 20) /* nobody asks for so much to use a little */
#define HUGE_TOUCHED 64      /* pages of an area in use that justify its first huge page */

/* How generous to be: from nothing to spare to plenty. */
enum plenty { SCARCE, LOW, SOME, PLENTY };

static enum plenty memory_left(void)
{
	size_t left = page_nr_free(), total = page_nr_total();

	if (left < 64 || left < total / 32)
		return SCARCE;
	if (left < total / 8)
		return LOW;
	return left < total / 4 ? SOME : PLENTY;
}

static int out_of_memory(int *signo)
{
	klog("out of memory: the program is killed; it has all %zu MiB of the machine (cay run -m SIZE gives more)",
	     page_nr_total() >> 8);
	*signo = SIGKILL;
	return SI_KERNEL;
}

static int file_error(int err, int *signo)
{
	if (err == -ENOMEM)
		return out_of_memory(signo);
	*signo = SIGBUS;
	return BUS_ADRERR;
}

/* Part of [lo, hi) around addr: clipped to the area, the table that covers addr, and (heap) the break. */
static void clip(const struct vmspace *vs, const struct area *a, uint64_t addr, uint64_t *lo, uint64_t *hi)
{
	uint64_t block = ALIGN_DOWN(addr, HUGE_SIZE);

	*lo = MAX(MAX(*lo, a->start), block);
	*hi = MIN(MIN(*hi, a->end), block + HUGE_SIZE);
	if ((a->flags & AREA_HEAP) && addr < vs->brk)
		*hi = MIN(*hi, page_up(vs->brk));
}

static void count_4k(struct vmspace *vs, struct area *a, unsigned nr)
{
	a->touched += nr;
	ptes_account(vs, nr);
	STAT(PAGES_4K) += nr;
}

static bool wants_huge(const struct area *a, uint64_t addr)
{
	uint64_t block = ALIGN_DOWN(addr, HUGE_SIZE);

	if (block < a->start || block + HUGE_SIZE > a->end || (a->flags & AREA_NOHUGE) || memory_left() < PLENTY)
		return false;
	if (a->flags & AREA_HUGE)
		return true;
	if (a->flags & AREA_STACK)
		return a->touched >= 16 * HUGE_TOUCHED;
	return a->touched >= HUGE_TOUCHED || a->end - a->start >= HUGE_SURE_BYTES;
}

static bool anon_huge(struct vmspace *vs, struct area *a, uint64_t addr)
{
	uint64_t block = ALIGN_DOWN(addr, HUGE_SIZE), *e;
	unsigned level;
	void *page;
	bool had_table = paging_find(vs->root, block, &level) != NULL;

	if (!paging_drop_empty_table(vs->root, block))
		return false;
	if (had_table)
		tlb_flush_page(block); /* the CPU may remember the table */
	page = page_alloc(HUGE_ORDER, PAGE_ZERO);
	if (page == NULL)
		return false;
	e = paging_make(vs->root, block, 1); /* cannot fail: the table was made above */
	*e = virt_to_pa(page).v | PTE_PS | PTE_SW_COUNTED | paging_prot_bits(a->prot);
	a->touched += PTES_PER_TABLE;
	ptes_account(vs, PTES_PER_TABLE);
	STAT(PAGES_2M)++;
	return true;
}

/* Pages to fill around a fault in anonymous memory: more each time that faults go on where the last batch ended. */
static unsigned anon_batch(struct area *a, uint64_t addr)
{
	static const unsigned most[] = {[SCARCE] = 1, [LOW] = 4, [SOME] = 16, [PLENTY] = BATCH_MAX};
	unsigned n = a->batch;

	if (n == 0)
		n = a->flags & AREA_STACK ? BATCH_FIRST_STACK : BATCH_FIRST;
	else if (addr >= a->batch_lo - n * PAGE_SIZE && addr < a->batch_hi + n * PAGE_SIZE)
		n *= 2;
	else
		n = MAX(n / 2, BATCH_FIRST_STACK);
	n = MIN(n, most[memory_left()]);
	a->batch = n;
	return n;
}

static bool anon_one(uint64_t *e, uint64_t bits)
{
	void *page = page_alloc(0, PAGE_ZERO);

	if (page == NULL)
		return false;
	*e = virt_to_pa(page).v | PTE_SW_COUNTED | bits;
	return true;
}

static int anon_fill(struct vmspace *vs, struct area *a, uint64_t addr, int *signo)
{
	uint64_t bytes, lo, hi, bits = paging_prot_bits(a->prot);
	uint64_t *e;
	unsigned done = 1;

	if (wants_huge(a, addr) && anon_huge(vs, a, addr))
		return 0;
	e = paging_make(vs->root, addr, 0);
	if (e == NULL || !anon_one(e, bits))
		return out_of_memory(signo);
	bytes = anon_batch(a, addr) * PAGE_SIZE;
	lo = ALIGN_DOWN(addr, bytes);
	hi = lo + bytes;
	clip(vs, a, addr, &lo, &hi);
	e -= (addr - lo) / PAGE_SIZE;
	for (uint64_t va = lo; va < hi; va += PAGE_SIZE, e++) {
		if (*e != 0)
			continue;
		if (!anon_one(e, bits))
			break;
		done++;
	}
	a->batch_lo = lo;
	a->batch_hi = hi;
	count_4k(vs, a, done);
	return 0;
}

/* Asks a file for its pages a run at a time. */
struct page_source {
	struct file *file;
	bool write;
	uint64_t first; /* page number of run.pa; run.nr == 0 at the start */
	struct page_run run;
};

/* Page pgoff; `ahead` pages from there may be asked for next. 0 or -errno of file_ops.map. */
static int source_page(struct page_source *s, uint64_t pgoff, uint64_t ahead, pa_t *pa)
{
	if (pgoff < s->first || pgoff - s->first >= s->run.nr) {
		int err = s->file->ops->map(s->file, pgoff, ahead, s->write, &s->run);

		if (err != 0) {
			s->run.nr = 0;
			return err;
		}
		ASSERT(s->run.nr >= 1);
		s->first = pgoff;
	}
	*pa = PA(s->run.pa.v + (pgoff - s->first) * PAGE_SIZE);
	return 0;
}

static uint64_t area_pgoff(const struct area *a, uint64_t va)
{
	return a->pgoff + (va - a->start) / PAGE_SIZE;
}

/* Fills one entry with a page of the file itself. */
static int file_one(struct area *a, struct page_source *s, uint64_t va, uint64_t hi, uint64_t *e)
{
	uint64_t bits = paging_prot_bits(a->prot);
	pa_t pa;
	int err = source_page(s, area_pgoff(a, va), (hi - va) / PAGE_SIZE, &pa);

	if (err != 0)
		return err;
	if (!(a->flags & AREA_SHARED) || !s->run.writable)
		bits &= ~(PTE_W | PTE_D);
	if (s->run.counted) {
		page_ref(pa);
		bits |= PTE_SW_COUNTED;
	}
	*e = pa.v | bits;
	return 0;
}

/* A new page with the contents of another, which may be in the file window. NULL without memory. */
static void *page_copy(pa_t from)
{
	const void *src = pa_is_ram(from) ? pa_to_virt(from) : paging_window_va(from);
	void *page = src ? page_alloc(0, 0) : NULL;

	if (page != NULL)
		memcpy(page, src, PAGE_SIZE);
	return page;
}

/* Puts an own page in place of what an entry had. */
static void entry_replace(uint64_t *e, uint64_t va, void *page, uint64_t bits)
{
	uint64_t old = *e;

	*e = virt_to_pa(page).v | PTE_SW_COUNTED | bits;
	if (old & PTE_P)
		tlb_flush_page(va);
	if (old & PTE_SW_COUNTED)
		page_unref(PA(old & PTE_ADDR), 0);
	STAT(COW)++;
}

/* Fills one entry with the program's own copy. What was there before is replaced. */
static int file_one_copy(struct area *a, struct page_source *s, uint64_t va, uint64_t hi, uint64_t *e)
{
	void *page;
	pa_t pa;
	int err = source_page(s, area_pgoff(a, va), (hi - va) / PAGE_SIZE, &pa);

	if (err != 0)
		return err;
	page = page_copy(pa);
	if (page == NULL)
		return -ENOMEM;
	entry_replace(e, va, page, paging_prot_bits(a->prot));
	return 0;
}

/*
 * A missing page of a file mapping. Data of a program (private, writable, written or small) is copied at once, a batch
 * around the fault; all else is mapped in place, a large window around.
 */
static int file_fill(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	size_t area_pages = (a->end - a->start) / PAGE_SIZE;
	bool copy = area_is_private_writable(a) && (write || area_pages <= COPY_WHOLE);
	bool shared_write = (a->flags & AREA_SHARED) && (a->prot & PROT_WRITE);
	struct page_source s = {.file = a->file, .write = shared_write};
	int (*one)(struct area *, struct page_source *, uint64_t, uint64_t, uint64_t *) = copy ? file_one_copy : file_one;
	uint64_t lo = a->start, hi = a->end, *e = paging_make(vs->root, addr, 0);
	unsigned done = 1;
	int err;

	if (e == NULL)
		return out_of_memory(signo);
	if (copy || shared_write) {
		uint64_t bytes = (memory_left() == PLENTY ? COPY_MAX : COPY_MAX / 8) * PAGE_SIZE;

		lo = ALIGN_DOWN(addr, bytes);
		hi = lo + bytes;
	} else if (area_pages > FILE_AROUND) {
		lo = ALIGN_DOWN(addr, HUGE_SIZE);
		hi = lo + HUGE_SIZE;
	}
	clip(vs, a, addr, &lo, &hi);
	err = one(a, &s, addr, hi, e);
	if (err != 0)
		return file_error(err, signo);
	e -= (addr - lo) / PAGE_SIZE;
	for (uint64_t va = lo; va < hi; va += PAGE_SIZE, e++) {
		if (*e != 0)
			continue;
		if (one(a, &s, va, hi, e) != 0)
			break; /* the end of the file, or of memory: nobody asked yet */
		done++;
	}
	count_4k(vs, a, done);
	return 0;
}

/* A write to a page that is there but may not be written: private copy, or first write through a shared file mapping. */
static int write_fault(struct vmspace *vs, struct area *a, uint64_t addr, uint64_t *e, unsigned level, int *signo)
{
	uint64_t old = *e;
	void *page;

	if (a->flags & AREA_SHARED) {
		struct page_source s = {.file = a->file, .write = true};
		int err;

		if (a->file == NULL) {
			*e |= PTE_W | PTE_D;
			return 0;
		}
		*e = 0;
		err = file_one(a, &s, page_down(addr), page_down(addr) + PAGE_SIZE, e);
		if ((old ^ *e) & PTE_ADDR)
			tlb_flush_page(addr);
		if (old & PTE_SW_COUNTED)
			page_unref(PA(old & PTE_ADDR), 0);
		if (err == 0 && !(*e & PTE_W))
			err = -EROFS;
		if (err != 0 && *e == 0)
			ptes_account(vs, -1);
		return err ? file_error(err, signo) : 0;
	}
	if ((old & PTE_SW_COUNTED) && page_refcount(PA(old & PTE_ADDR)) == 1) {
		*e |= PTE_W | PTE_D; /* more rights: no flush */
		return 0;
	}
	if (level == 1) {
		e = paging_make(vs->root, addr, 0);
		if (e == NULL)
			return out_of_memory(signo);
		old = *e;
	}
	page = page_copy(PA(old & PTE_ADDR));
	if (page == NULL)
		return out_of_memory(signo);
	entry_replace(e, addr, page, paging_prot_bits(a->prot));
	return 0;
}

int fault_in(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, addr, &level);

	addr = page_down(addr);
	if (e != NULL && *e != 0) {
		if (write && !(*e & PTE_W))
			return write_fault(vs, a, addr, e, level, signo);
		return 0; /* another fault was quicker, or rights grew and the CPU had not noticed */
	}
	if (a->file != NULL)
		return file_fill(vs, a, addr, write, signo);
	return anon_fill(vs, a, addr, signo);
}

int fault_own(struct vmspace *vs, struct area *a, uint64_t addr)
{
	unsigned level;
	uint64_t *e = paging_find(vs->root, addr, &level);
	struct page_source s = {.file = a->file};
	void *page;
	int signo;

	addr = page_down(addr);
	if (e == NULL || *e == 0) {
		if (a->file == NULL)
			return anon_fill(vs, a, addr, &signo) == 0 ? 0 : -ENOMEM;
		e = paging_make(vs->root, addr, 0);
		if (e == NULL)
			return -ENOMEM;
		if (file_one_copy(a, &s, addr, addr + PAGE_SIZE, e) != 0)
			return -EFAULT;
		count_4k(vs, a, 1);
		return 0;
	}
	if ((*e & PTE_SW_COUNTED) && page_refcount(PA(*e & PTE_ADDR)) == 1)
		return 0;
	e = paging_make(vs->root, addr, 0);
	page = e ? page_copy(PA(*e & PTE_ADDR)) : NULL;
	if (page == NULL)
		return -ENOMEM;
	entry_replace(e, addr, page, paging_prot_bits(a->prot));
	return 0;
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
	mutex_lock(&vs->lock);
	(void)fault_populate(vs, addr, addr + bytes, write);
	mutex_unlock(&vs->lock);
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
	mutex_lock(&vs->lock);
	a = fault_area(vs, addr);
	if (a == NULL)
		code = SEGV_MAPERR;
	else if ((write && !(a->prot & PROT_WRITE)) || (exec && !(a->prot & PROT_EXEC)) || a->prot == PROT_NONE)
		code = SEGV_ACCERR;
	else
		code = fault_in(vs, a, addr, write, signo);
	mutex_unlock(&vs->lock);
	return code;
}
