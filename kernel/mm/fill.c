/* SPDX-License-Identifier: MIT */
/*
 * fill.c - what to put where a page is missing, and how much around it: see fill.h. With memory to spare whole
 * stretches are cheaper than the next exception; what can be a huge page is one as soon as there is evidence that it
 * will be used.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/fill.h"
#include "kernel/mm/oom.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "lib/string.h"

#define BATCH_FIRST       32
#define BATCH_FIRST_STACK 16
#define BATCH_MAX         PTES_PER_TABLE
#define FILE_AROUND       1024 /* an area of a file this small is mapped whole, data this small copied at once */
#define NEIGHBOUR_DATA    64   /* of the same file, next to a fault, and filled in with it */
#define READ_BATCH        256  /* pages of a small area that one request reads: at most a block of the allocator */
#define HUGE_SURE_BYTES   (32ull << 20) /* nobody asks for so much to use a little */
#define HUGE_TOUCHED      64            /* pages of an area in use that justify its first huge page */

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

int fill_out_of_memory(int *signo)
{
	bool entered = kernel_enter(), killed = oom_kill_greediest();

	if (entered)
		kernel_leave();
	*signo = SIGKILL;
	return killed ? FAULT_AGAIN : SI_KERNEL;
}

int fill_error(int err, int *signo)
{
	if (err == -ENOMEM)
		return fill_out_of_memory(signo);
	*signo = SIGBUS;
	return BUS_ADRERR;
}

void fill_count(struct vmspace *vs, struct area *a, unsigned nr)
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

static bool anon_huge(struct vmspace *vs, struct area *a, uint64_t addr, void **ready)
{
	uint64_t block = ALIGN_DOWN(addr, HUGE_SIZE), *e;
	void *page = *ready;

	if (!paging_drop_empty_table(vs->root, block))
		return false;
	if (page == NULL)
		page = page_alloc(HUGE_ORDER, PAGE_ZERO);
	if (page == NULL)
		return false;
	*ready = NULL;
	e = paging_make(vs->root, block, 1); /* cannot fail: the table was made above */
	*e = virt_to_pa(page).v | PTE_PS | PTE_SW_COUNTED | paging_prot_bits(a->prot);
	a->touched += PTES_PER_TABLE;
	ptes_account(vs, PTES_PER_TABLE);
	STAT(PAGES_2M)++;
	return true;
}

void fill_choose_batch(struct area *a, uint64_t addr, unsigned first, unsigned max, uint64_t *lo, uint64_t *hi)
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

/* Is nothing to be filled in one by one in the block of va: a huge page is there, or a table that is shared? */
static bool is_served(struct vmspace *vs, const struct filler *f, uint64_t va)
{
	unsigned level;
	const uint64_t *e = paging_find(vs->root, va, &level);

	if (e != NULL && level == 1)
		return true;
	return shared_tables_has(vs, va) || (e == NULL && f->fill == fill_file && shared_tables_join(vs, va));
}

/* Fills the empty entries of [lo, hi) until one cannot be: the end of the file, or of memory; nobody asked yet. */
static void fill_range(struct vmspace *vs, struct filler *f, uint64_t lo, uint64_t hi)
{
	unsigned done = 0;
	uint64_t *e = NULL;

	for (uint64_t va = lo; va < hi; va += PAGE_SIZE) {
		if (e == NULL || va % HUGE_SIZE == 0) {
			e = NULL;
			if (is_served(vs, f, va)) { /* on to the next block */
				va = ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE - PAGE_SIZE;
				continue;
			}
			e = paging_make(vs->root, va, 0);
			if (e == NULL)
				break;
		}
		if (*e == 0) {
			if (f->fill(f, va, hi, e) != 0)
				break;
			done++;
		}
		e++;
	}
	fill_count(vs, f->a, done);
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

void *fill_prepare_huge(struct vmspace *vs, const struct area *a, uint64_t addr)
{
	unsigned level;
	const uint64_t *e = paging_find(vs->root, ALIGN_DOWN(addr, HUGE_SIZE), &level);

	if (e != NULL && *e != 0) /* the block is in use already, or most of the time */
		return NULL;
	return wants_huge(a, addr) ? page_alloc(HUGE_ORDER, PAGE_ZERO) : NULL;
}

bool fill_anon_around(struct vmspace *vs, struct area *a, uint64_t addr, void **huge)
{
	struct filler f = {.a = a, .fill = fill_anon};
	uint64_t lo, hi, *e;

	if (wants_huge(a, addr) && anon_huge(vs, a, addr, huge))
		return true;
	e = paging_make(vs->root, addr, 0);
	if (e == NULL || fill_anon(&f, addr, addr, e) != 0)
		return false;
	fill_count(vs, a, 1);
	fill_choose_batch(a, addr, a->flags & AREA_STACK ? BATCH_FIRST_STACK : BATCH_FIRST, BATCH_MAX, &lo, &hi);
	fill_range(vs, &f, MAX(lo, ALIGN_DOWN(addr, HUGE_SIZE)), MIN(hi, ALIGN_DOWN(addr, HUGE_SIZE) + HUGE_SIZE));
	return true;
}

int fill_around_anon(struct vmspace *vs, struct area *a, uint64_t addr, int *signo)
{
	void *huge = NULL;

	return fill_anon_around(vs, a, addr, &huge) ? 0 : fill_out_of_memory(signo);
}

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

int fill_file(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e)
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

void *fill_page_copy(pa_t from)
{
	const void *src = pa_is_ram(from) ? pa_to_virt(from) : paging_window_va(from);
	void *page = src ? page_alloc(0, 0) : NULL;

	if (page != NULL)
		memcpy(page, src, PAGE_SIZE);
	return page;
}

void fill_replace(uint64_t *e, uint64_t va, void *page, uint64_t bits)
{
	uint64_t old = *e;

	*e = virt_to_pa(page).v | PTE_SW_COUNTED | bits;
	if (old & PTE_P)
		tlb_flush_page(va);
	if (old & PTE_SW_COUNTED)
		page_unref(PA(old & PTE_ADDR), 0);
	STAT(COW)++;
}

int fill_copy(struct filler *f, uint64_t va, uint64_t hi, uint64_t *e)
{
	void *page;
	pa_t pa;
	int err = source_page(f->source, area_pgoff(f->a, va), (hi - va) / PAGE_SIZE, &pa);

	if (err != 0)
		return err;
	page = fill_page_copy(pa);
	if (page == NULL)
		return -ENOMEM;
	fill_replace(e, va, page, paging_prot_bits(f->a->prot));
	return 0;
}

/*
 * Reading, not mapping and copying: data of a file whose pages are costly to map, with memory to spare. Not code: that
 * would take memory for what is shared with the host, and making memory costs as much as it saves.
 */
static bool wants_reading(const struct area *a)
{
	return area_is_private_writable(a) && a->file->ops->map_is_costly &&
	       (a->end - a->start) / PAGE_SIZE <= FILE_AROUND && memory_left() == PLENTY;
}

/* Fills the empty entries of [lo, hi), at most READ_BATCH pages, with own pages, by one read. False: nothing was
 * filled. */
static bool fill_by_reading(struct vmspace *vs, struct area *a, uint64_t lo, uint64_t hi)
{
	unsigned nr = (unsigned)((hi - lo) / PAGE_SIZE), order = 0, done = 0;
	ssize_t got = -ENOMEM;
	size_t filled;
	char *block;

	while (1u << order < nr)
		order++;
	block = page_alloc(order, 0);
	if (block == NULL)
		return false;
	page_split(virt_to_pa(block), order);
	got = vfs_read_kernel(a->file, block, nr * PAGE_SIZE, (int64_t)(area_pgoff(a, lo) * PAGE_SIZE));
	filled = got > 0 ? page_up((uint64_t)got) / PAGE_SIZE : 0; /* pages beyond the end of the file stay missing */
	if (got > 0)
		memset(block + got, 0, filled * PAGE_SIZE - (size_t)got);
	for (unsigned i = 0; i < 1u << order; i++) {
		char *page = block + i * PAGE_SIZE;
		uint64_t *e = i < filled ? paging_make(vs->root, lo + i * PAGE_SIZE, 0) : NULL;

		if (e == NULL || *e != 0) {
			page_free(page, 0);
			continue;
		}
		*e = virt_to_pa(page).v | PTE_SW_COUNTED | paging_prot_bits(a->prot);
		done++;
	}
	fill_count(vs, a, done);
	return done > 0;
}

/* The batch of a small area around addr. */
static bool fill_around_by_reading(struct vmspace *vs, struct area *a, uint64_t addr)
{
	uint64_t lo = a->start + ALIGN_DOWN(addr - a->start, READ_BATCH * PAGE_SIZE);
	unsigned level;
	const uint64_t *e;

	if (!fill_by_reading(vs, a, lo, MIN(lo + READ_BATCH * PAGE_SIZE, a->end)))
		return false;
	e = paging_find(vs->root, addr, &level);
	return e != NULL && *e != 0;
}

static bool is_data(const struct area *a, bool write)
{
	return area_is_private_writable(a) && (write || (a->end - a->start) / PAGE_SIZE <= FILE_AROUND);
}

/*
 * A fault in one segment of a library is the first of several: its other segments and its zeroed data, which lie next
 * to it, are filled in too, when nothing of them was touched yet.
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
	if (a->file != NULL && wants_reading(a)) {
		if (pages <= NEIGHBOUR_DATA)
			(void)fill_by_reading(vs, a, a->start, a->end); /* not asked for yet: no harm done */
		return;
	}
	fill_range(vs, &f, a->start, a->end);
}

static void fill_neighbours(struct vmspace *vs, struct area *a)
{
	struct area *n = a, *next;

	while ((next = area_next(n)) != NULL && next->start == n->end &&
	       (next->file == a->file || next->file == NULL)) {
		n = next;
		fill_neighbour(vs, n, a->file);
		if (n->file == NULL)
			break;
	}
	for (n = a; (next = area_prev(n)) != NULL && next->end == n->start && next->file == a->file; n = next)
		fill_neighbour(vs, next, a->file);
}

/*
 * A missing page of a file mapping. Data of a program (private, writable, written or not large) is copied at once, a
 * batch around the fault; all else is mapped in place, a large window around.
 */
int fill_around_file(struct vmspace *vs, struct area *a, uint64_t addr, bool write, int *signo)
{
	bool shared_write = (a->flags & AREA_SHARED) && (a->prot & PROT_WRITE);
	struct page_source s = {.file = a->file, .write = shared_write};
	struct filler f = {.a = a, .source = &s, .fill = is_data(a, write) ? fill_copy : fill_file};
	uint64_t lo = a->start, hi = a->end, *e = paging_make(vs->root, addr, 0);
	bool first = a->touched == 0;
	int err;

	if (e == NULL)
		return fill_out_of_memory(signo);
	if (wants_reading(a) && fill_around_by_reading(vs, a, addr)) {
		if (first)
			fill_neighbours(vs, a);
		return 0;
	}
	err = f.fill(&f, addr, addr + PAGE_SIZE, e);
	if (err != 0)
		return fill_error(err, signo);
	fill_count(vs, a, 1);
	if (f.fill == fill_copy || shared_write) {
		fill_choose_batch(a, addr, COPY_FIRST, COPY_MAX, &lo, &hi);
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
