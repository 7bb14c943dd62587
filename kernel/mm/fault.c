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

/*
 * Pages filled per fault, at most. A page that was never used costs 50 ns to fill in and nothing on the host until it is
 * touched, so with memory to spare whole stretches are cheaper than the next exception.
 */
#define BATCH_FIRST 32
#define BATCH_FIRST_STACK 16
#define BATCH_MAX PTES_PER_TABLE
#define COPY_FIRST 32        /* copied ahead for a private file mapping */
#define COPY_MAX 128
#define FILE_AROUND 1024     /* an area of a file up to this size is mapped whole; data up to this size is copied at once */
#define NEIGHBOUR_DATA 64    /* of the same file, next to a fault, and filled in with it */
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

/*
 * Chooses [*lo, *hi) around a fault at addr, at most a->batch pages after this, which grows while faults go on where the
 * last batch ended and shrinks when they jump. Growing memory is filled ahead of the fault, stacks and the rest around it.
 */
static void choose_batch(struct area *a, uint64_t addr, unsigned first, unsigned max, uint64_t *lo, uint64_t *hi)
{
	static const unsigned most[] = {[SCARCE] = 1, [LOW] = 4, [SOME] = 32, [PLENTY] = BATCH_MAX};
	unsigned n = a->batch;

	if (n == 0)
		n = first;
	else if (addr >= a->batch_lo - n * PAGE_SIZE && addr < a->batch_hi + n * PAGE_SIZE)
		n *= 4;
	else
		n = MAX(n / 2, first / 2);
	n = MIN(MIN(n, max), most[memory_left()]);
	if ((a->end - a->start) / PAGE_SIZE <= n)
		*lo = a->start;
	else if (a->batch != 0 && addr == a->batch_hi)
		*lo = addr;
	else
		*lo = MAX(ALIGN_DOWN(addr, n * PAGE_SIZE), a->start);
	*hi = MIN(*lo + n * PAGE_SIZE, a->end);
	a->batch = n;
	a->batch_lo = *lo;
	a->batch_hi = *hi;
}

struct page_source;

/* How an empty entry gets its page; hi: up to where pages may be asked for next. 0 or -errno. */
struct filler {
	struct area *a;
	struct page_source *source;
	int (*fill)(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e);
};

/* Fills the empty entries of [lo, hi) until one cannot be: the end of the file, or of memory; nobody asked yet. */
static void fill_range(struct vmspace *vs, struct filler *f, uint64_t lo, uint64_t hi)
{
	unsigned done = 0;
	uint64_t *e = NULL;

	for (uint64_t va = lo; va < hi; va += PAGE_SIZE, e++) {
		if (va == lo || va % HUGE_SIZE == 0) {
			unsigned level;

			e = paging_find(vs->root, va, &level);
			if (e != NULL && level == 1) { /* a huge page is there: on to the next block */
				va = ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE - PAGE_SIZE;
				continue;
			}
			e = paging_make(vs->root, va, 0);
			if (e == NULL)
				break;
		}
		if (*e != 0)
			continue;
		if (f->fill(f, va, hi, e) != 0)
			break;
		done++;
	}
	count_4k(vs, f->a, done);
}

static int fill_anon(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e)
{
	void *page = page_alloc(0, PAGE_ZERO);

	(void)va;
	(void)hi;
	if (page == NULL)
		return -ENOMEM;
	*e = virt_to_pa(page).v | PTE_SW_COUNTED | paging_prot_bits(f->a->prot);
	return 0;
}

static int anon_fill(struct vmspace *vs, struct area *a, uint64_t addr, int *signo)
{
	struct filler f = {.a = a, .fill = fill_anon};
	uint64_t lo, hi, *e;

	if (wants_huge(a, addr) && anon_huge(vs, a, addr))
		return 0;
	e = paging_make(vs->root, addr, 0);
	if (e == NULL || fill_anon(&f, addr, addr, e) != 0)
		return out_of_memory(signo);
	count_4k(vs, a, 1);
	choose_batch(a, addr, a->flags & AREA_STACK ? BATCH_FIRST_STACK : BATCH_FIRST, BATCH_MAX, &lo, &hi);
	fill_range(vs, &f, MAX(lo, ALIGN_DOWN(addr, HUGE_SIZE)), MIN(hi, ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE));
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
static int fill_file(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e)
{
	struct area *a = f->a;
	struct page_source *s = f->source;
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
static int fill_copy(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e)
{
	void *page;
	pa_t pa;
	int err = source_page(f->source, area_pgoff(f->a, va), (hi - va) / PAGE_SIZE, &pa);

	if (err != 0)
		return err;
	page = page_copy(pa);
	if (page == NULL)
		return -ENOMEM;
	entry_replace(e, va, page, paging_prot_bits(f->a->prot));
	return 0;
}

static bool is_data(const struct area *a, bool write)
{
	return area_is_private_writable(a) && (write || (a->end - a->start) / PAGE_SIZE <= FILE_AROUND);
}

/*
 * A fault in one segment of a library is the first of several: its other segments and its zeroed data, which lie next to
 * it, are filled in too, when nothing of them was touched yet.
 */
static void fill_neighbour(struct vmspace *vs, struct area *a, const struct file *file)
{
	struct page_source s = {.file = a->file};
	struct filler f = {.a = a, .source = &s, .fill = fill_anon};
	size_t pages = (a->end - a->start) / PAGE_SIZE;

	if (a->touched != 0 || (a->flags & (AREA_SHARED | AREA_HEAP | AREA_STACK)) || a->prot == PROT_NONE)
		return;
	if (a->file != NULL)
		f.fill = is_data(a, false) ? fill_copy : fill_file;
	if ((a->file != NULL && a->file != file) || pages > (f.fill == fill_file ? FILE_AROUND : NEIGHBOUR_DATA))
		return;
	fill_range(vs, &f, a->start, a->end);
}

static void fill_neighbours(struct vmspace *vs, struct area *a)
{
	struct area *n = a, *next;

	while ((next = area_next(n)) != NULL && next->start == n->end && (next->file == a->file || next->file == NULL)) {
		n = next;
		fill_neighbour(vs, n, a->file);
		if (n->file == NULL)
			break;
	}
	for (n = a; (next = area_prev(n)) != NULL && next->end == n->start && next->file == a->file; n = next)
		fill_neighbour(vs, next, a->file);
}

/*
 * A missing page of a file mapping. Data of a program (private, writable, written or not large) is copied at once, a batch
 * around the fault; all else is mapped in place, a large window around.
 */
static int file_fill(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	bool shared_write = (a->flags & AREA_SHARED) && (a->prot & PROT_WRITE);
	struct page_source s = {.file = a->file, .write = shared_write};
	struct filler f = {.a = a, .source = &s, .fill = is_data(a, write) ? fill_copy : fill_file};
	uint64_t lo = a->start, hi = a->end, *e = paging_make(vs->root, addr, 0);
	bool first = a->touched == 0;
	int err;

	if (e == NULL)
		return out_of_memory(signo);
	err = f.fill(&f, addr, addr + PAGE_SIZE, e);
	if (err != 0)
		return file_error(err, signo);
	count_4k(vs, a, 1);
	if (f.fill == fill_copy || shared_write) {
		choose_batch(a, addr, COPY_FIRST, COPY_MAX, &lo, &hi);
	} else if ((a->end - a->start) / PAGE_SIZE > FILE_AROUND) {
		lo = MAX(lo, ALIGN_DOWN(addr, HUGE_SIZE));
		hi = MIN(hi, ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE);
	}
	s.run.nr = 0;
	fill_range(vs, &f, lo, hi);
	if (first && !(a->flags & AREA_SHARED) && memory_left() == PLENTY)
		fill_neighbours(vs, a);
	return 0;
}

/* Copies the pages of the file around addr that are mapped but not the program's own yet: writes come in clusters. */
static void copy_around(struct vmspace *vs, struct area *a, uint64_t addr)
{
	struct tlb_batch batch = {0};
	uint64_t lo, hi, *e, block = ALIGN_DOWN(addr, HUGE_SIZE);

	choose_batch(a, addr, COPY_FIRST / 4, COPY_MAX, &lo, &hi);
	lo = MAX(lo, block);
	hi = MIN(hi, block + HUGE_SIZE);
	e = paging_make(vs->root, lo, 0); /* there already, for addr */
	for (uint64_t va = lo; va < hi; va += PAGE_SIZE, e++) {
		uint64_t old = *e;
		void *page;

		if (!(old & PTE_P) || (old & PTE_W) || ((old & PTE_SW_COUNTED) && page_refcount(PA(old & PTE_ADDR)) == 1))
			continue;
		page = page_copy(PA(old & PTE_ADDR));
		if (page == NULL)
			break;
		*e = virt_to_pa(page).v | PTE_SW_COUNTED | paging_prot_bits(a->prot);
		tlb_batch_add(&batch, va);
		if (old & PTE_SW_COUNTED)
			page_unref(PA(old & PTE_ADDR), 0);
		STAT(COW)++;
	}
	tlb_batch_flush(&batch);
}

/* A write to a page that is there but may not be written: private copy, or first write through a shared file mapping. */
static int write_fault(struct vmspace *vs, struct area *a, uint64_t addr, uint64_t *e, unsigned level, int *signo)
{
	uint64_t old = *e;
	void *page;

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
	if (a->file != NULL)
		copy_around(vs, a, addr);
	if (*e & PTE_W)
		return 0;
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
	struct filler f = {.a = a, .source = &s};
	void *page;
	int signo;

	addr = page_down(addr);
	if (e == NULL || *e == 0) {
		if (a->file == NULL)
			return anon_fill(vs, a, addr, &signo) == 0 ? 0 : -ENOMEM;
		e = paging_make(vs->root, addr, 0);
		if (e == NULL)
			return -ENOMEM;
		if (fill_copy(&f, addr, addr + PAGE_SIZE, e) != 0)
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
