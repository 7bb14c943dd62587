/* SPDX-License-Identifier: MIT */
/*
 * mmu.c - this process's mappings are the guest's TLB. The guest's page tables, which lie in its memory, say what is
 * where; a fault looks there and maps what they say (with neighbours: a host call costs more than ten pages), a flush
 * unmaps. The host may run out of mappings (vm.max_map_count): then everything is forgotten, as a TLB may. So it is by
 * a switch to other tables, but what those touched last time is mapped at once.
 *
 * Invariant: a mapping of the program's range never has more rights than its entry had when it was made.
 * Not in the tables' hands: the stub's own range, and RAM's place in the direct map, which is mapped once.
 */
#include <errno.h>
#include <linux/mman.h>

#include "lib/compiler.h"
#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/known.h"
#include "vmm/backend/process/stub/stint.h"
#include "vmm/backend/process/stub/stub.h"
#include "x86/pte.h"

struct translation {
	uint64_t entry;  /* of the last level, or of a huge page */
	uint64_t pa;     /* of va's page */
	uint64_t *table; /* the last level's; NULL: a huge page, or nothing in these 2 MiB */
	int prot;        /* PROT_*; 0: there is no page */
};

static struct stint *current; /* address space; NULL until the first switch */

static uint64_t *table_at(uint64_t gpa)
{
	return gpa < stub.ram_bytes ? (uint64_t *)(CAY_DIRECT_GVA + gpa) : NULL;
}

static int prot_of(uint64_t bits)
{
	if (!(bits & PTE_P))
		return 0;
	return PROT_READ | (bits & PTE_W ? PROT_WRITE : 0) | (bits & PTE_NX ? 0 : PROT_EXEC);
}

static struct translation walk(uint64_t va)
{
	struct translation t = {0};
	uint64_t *table = table_at(stub.root_gpa);
	uint64_t writable = PTE_W, no_exec = 0;

	for (unsigned level = PT_TOP_LEVEL;; level--) {
		uint64_t e;

		if (table == NULL)
			return t;
		e = READ_ONCE(table[PT_INDEX(va, level)]);
		if (level == 0)
			t.table = table;
		if (!(e & PTE_P))
			return t;
		writable &= e;
		no_exec |= e & PTE_NX;
		if (level == 0 || (level == 1 && (e & PTE_PS))) {
			uint64_t mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;

			t.entry = e;
			t.pa = ((e & PTE_ADDR & ~mask) + (va & mask)) & ~(CAY_PAGE_BYTES - 1);
			t.prot = prot_of(PTE_P | writable | no_exec);
			return t;
		}
		table = table_at(e & PTE_ADDR);
	}
}

/* Whether entry i of t's table continues the run: `delta` pages away, with the same rights. */
static bool continues(const struct translation *t, unsigned i, int64_t delta)
{
	uint64_t e = READ_ONCE(t->table[i]);

	return (e & (PTE_ADDR | PTE_P | PTE_W | PTE_NX)) ==
	       ((t->entry & (PTE_ADDR | PTE_P | PTE_W | PTE_NX)) + (uint64_t)(delta * (int64_t)CAY_PAGE_BYTES));
}

/* Pages of a block to be mapped in one piece: [lo, hi), `at` among them. */
struct run {
	unsigned lo, at, hi;
};

/*
 * As far as entries continue, and the host's state is that of the page itself: pages that are mapped keep what the host
 * has filled in, unless it is their rights that have grown.
 */
static struct run find_run(const struct translation *t, const struct known_block *b, uint64_t va)
{
	unsigned at = PT_INDEX(va, 0), lo = at, hi = at + 1;
	bool mapped = known_is_mapped(b, at);

	/* A view is made of one mapping at the window's place. Two never touch (window.h), but a file that became
	 * shorter ends in another. */
	if (t->pa >= stub.ram_bytes && stub.window_has_zeros)
		return (struct run){at, at, at + 1};
	if (t->table == NULL)
		return (struct run){0, at, PTES_PER_TABLE};
	while (lo > 0 && known_is_mapped(b, lo - 1) == mapped && continues(t, lo - 1, (int64_t)lo - 1 - at))
		lo--;
	while (hi < PTES_PER_TABLE && known_is_mapped(b, hi) == mapped && continues(t, hi, (int64_t)hi - at))
		hi++;
	return (struct run){lo, at, hi};
}

void mmu_forget_all(void)
{
	host_munmap(CAY_USER_MIN, CAY_USER_END - CAY_USER_MIN);
	known_forget_all();
}

static struct known_block *block_of(uint64_t va)
{
	bool stale;
	struct known_block *b = known_block(va, &stale);

	if (stale)
		host_munmap(ALIGN_DOWN(va, CAY_HUGE_BYTES), CAY_HUGE_BYTES);
	return b;
}

/*
 * One page is made at once. Of several none: the host's own fault for the one that is touched is cheaper than a call to
 * make it, and who knows of the others (making shared memory costs 2-3 us a page).
 */
static long map_ram(uint64_t va, uint64_t bytes, int prot, uint64_t pa)
{
	int populate = bytes == CAY_PAGE_BYTES ? MAP_POPULATE : 0;

	return host_mmap(va, bytes, prot, MAP_SHARED | MAP_FIXED | populate, STUB_FD_RAM, pa);
}

/*
 * A second view of a piece of the window, which is mapped at its place in the direct map: mremap of nothing (mremap(2),
 * "If the value of old_size is zero"). So no descriptor is kept, and the host's own fault-around applies.
 */
static long map_window(uint64_t va, uint64_t bytes, int prot, uint64_t pa)
{
	long err = HOST_CALL6(mremap, CAY_DIRECT_GVA + pa, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, va, 0);

	/* Not a file's any more but zero pages, which are private. */
	if (err == -EINVAL)
		return host_map_private(va, bytes, prot);
	return is_error(err) ? err : HOST_CALL3(mprotect, va, bytes, prot);
}

/* Maps [lo, hi), with va in it, to what t says of va. 0 or -errno. */
static long map_run(uint64_t lo, uint64_t va, uint64_t hi, const struct translation *t)
{
	uint64_t pa = t->pa - (va - lo);
	long err = 0;

	for (int tries = 0; tries < 2; tries++) {
		err = t->pa < stub.ram_bytes ? map_ram(lo, hi - lo, t->prot, pa) : map_window(lo, hi - lo, t->prot, pa);
		if (!is_error(err))
			return 0;
		if (err == -ENOMEM)
			mmu_forget_all();
	}
	return err;
}

/*
 * A page of a file on a file system that is mounted noexec, which the host refuses to map as code: a copy of it, which
 * does not follow changes of the file. The rights to write end before the guest goes on.
 */
static long copy_page(uint64_t va, const struct translation *t)
{
	const uint64_t *from = (const uint64_t *)(CAY_DIRECT_GVA + t->pa);
	volatile uint64_t *to = (volatile uint64_t *)va;
	long err = host_map_private(va, CAY_PAGE_BYTES, PROT_READ | PROT_WRITE);

	if (is_error(err))
		return err;
	for (unsigned i = 0; i < CAY_PAGE_BYTES / sizeof(*to); i++)
		to[i] = from[i];
	return HOST_CALL3(mprotect, va, CAY_PAGE_BYTES, t->prot & ~PROT_WRITE);
}

/* The page at va, with what goes with it. */
static void map_around(uint64_t va, const struct translation *t)
{
	uint64_t block = ALIGN_DOWN(va, CAY_HUGE_BYTES);
	struct run r = find_run(t, block_of(va), va);
	long err = map_run(block + r.lo * CAY_PAGE_BYTES, va, block + r.hi * CAY_PAGE_BYTES, t);

	if (err == -EACCES && (t->prot & PROT_EXEC)) {
		host_munmap(block + r.lo * CAY_PAGE_BYTES, (r.hi - r.lo) * CAY_PAGE_BYTES);
		known_set(block_of(va), r.lo, r.hi, false);
		r = (struct run){r.at, r.at, r.at + 1};
		err = copy_page(va, t);
	}
	if (err != 0)
		gate_crash(STUB_CRASH_MEMORY, (uint64_t)-err);
	known_set(block_of(va), r.lo, r.hi, true); /* looked up again: all may have been forgotten */
}

static bool is_programs(uint64_t va)
{
	return va - CAY_USER_MIN < CAY_USER_END - CAY_USER_MIN;
}

static bool is_kernels(uint64_t va)
{
	return va - CAY_KERNEL_GVA < CAY_KERNEL_SPAN;
}

static bool allows(const struct translation *t, bool write, bool exec)
{
	return t->prot != 0 && (!write || (t->prot & PROT_WRITE)) && (!exec || (t->prot & PROT_EXEC));
}

bool mmu_allows(uint64_t va, bool write, bool exec)
{
	struct translation t = walk(va);

	return allows(&t, write, exec);
}

bool mmu_is_files(uint64_t va)
{
	struct translation t = walk(va);

	return is_programs(va) && t.prot != 0 && t.pa >= stub.ram_bytes;
}

enum mmu_verdict mmu_fault(uint64_t va, bool write, bool exec, bool *present)
{
	struct translation t;

	*present = false;
	/* The kernel reads a file that was mapped by another vCPU, or just now. */
	if (va - (CAY_DIRECT_GVA + CAY_WINDOW_GPA) < CAY_WINDOW_BYTES && window_update())
		return MMU_MAPPED;
	/* Where neither program nor kernel image can be, the tables do not matter. */
	if (!is_programs(va) && !is_kernels(va) && ALIGN_DOWN(va, CAY_PAGE_BYTES) != CAY_GATE_GVA)
		return MMU_EXCEPTION;
	t = walk(va);
	*present = t.prot != 0;
	if (!allows(&t, write, exec))
		return MMU_EXCEPTION;
	if (t.pa == CAY_GATE_GPA)
		return MMU_GATE;
	if (t.pa >= stub.ram_bytes && t.pa - CAY_WINDOW_GPA >= CAY_WINDOW_BYTES)
		gate_crash(STUB_CRASH_NOWHERE, t.pa);
	if (t.pa >= stub.ram_bytes)
		window_update();
	map_around(ALIGN_DOWN(va, CAY_PAGE_BYTES), &t);
	if (current != NULL && is_programs(va))
		stint_note(current, ALIGN_DOWN(va, CAY_PAGE_BYTES));
	return MMU_MAPPED;
}

void mmu_fill(uint64_t va)
{
	struct translation t;

	if (!is_programs(va))
		return;
	t = walk(va);
	if (t.prot != 0 && t.pa < stub.ram_bytes)
		map_around(ALIGN_DOWN(va, CAY_PAGE_BYTES), &t);
}

static void flush_page(uint64_t va)
{
	struct known_block *b = block_of(va);
	unsigned at = PT_INDEX(va, 0);
	struct translation t = walk(va);

	if (t.table == NULL) { /* a huge page may have been here */
		host_munmap(ALIGN_DOWN(va, CAY_HUGE_BYTES), CAY_HUGE_BYTES);
		known_set(b, 0, KNOWN_BLOCK_PAGES, false);
		return;
	}
	if (!known_is_mapped(b, at))
		return;
	/* A page that was replaced will be touched next. */
	va = ALIGN_DOWN(va, CAY_PAGE_BYTES);
	if (t.prot != 0 && t.pa < stub.ram_bytes && map_run(va, va, va + CAY_PAGE_BYTES, &t) == 0) {
		known_set(block_of(va), at, at + 1, true); /* all may have been forgotten on the way */
		return;
	}
	host_munmap(va, CAY_PAGE_BYTES);
	known_set(b, at, at + 1, false);
}

/* What it touched last time, as a fault of each would. */
static void map_again(uint64_t va)
{
	struct translation t;

	if (!is_programs(va) || known_is_mapped(block_of(va), PT_INDEX(va, 0)))
		return;
	t = walk(va);
	if (t.prot != 0 && (t.pa < stub.ram_bytes || t.pa - CAY_WINDOW_GPA < CAY_WINDOW_BYTES))
		map_around(va, &t);
}

static void switch_to(uint64_t cr3)
{
	mmu_forget_all();
	if (cr3 == stub.root_gpa)
		return;
	stub.root_gpa = cr3;
	current = stint_begin(cr3);
	window_update();
	for (unsigned i = 0; i < MIN(current->nr, STINT_PAGES); i++)
		map_again(current->va[i]);
}

void mmu_flush(uint64_t va, uint64_t cr3)
{
	if (cr3 != 0)
		switch_to(cr3);
	else if (is_programs(va))
		flush_page(va);
}
