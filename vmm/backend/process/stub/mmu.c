/* SPDX-License-Identifier: MIT */
/*
 * mmu.c - this process's mappings are the guest's TLB. The guest's page tables, which lie in its memory, say what is
 * where; a fault looks there and maps what they say (with neighbours: a host call costs more than ten pages), a flush
 * unmaps. The host may run out of mappings (vm.max_map_count): then everything is forgotten, as a TLB may.
 * Invariant: a mapping of the program's range never has more rights than its entry had when it was made.
 * Not in the tables' hands: the stub's own range, and RAM's place in the direct map, which is mapped once.
 */
#include <errno.h>
#include <linux/mman.h>

#include "lib/compiler.h"
#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"
#include "x86/pte.h"

/* Pages mapped with a faulting one, each way: as many as have entries that continue it. */
#define AROUND_PAGES 64

struct translation {
	uint64_t entry;  /* of the last level, or of a huge page */
	uint64_t pa;     /* of va's page */
	uint64_t *table; /* the last level's; NULL: a huge page, or nothing in these 2 MiB */
	int prot;        /* PROT_*; 0: there is no page */
};

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

/* [*va, *va + *bytes): what can be mapped in one piece around a page. *pa moves along. */
static void find_run(const struct translation *t, uint64_t *va, uint64_t *pa, uint64_t *bytes)
{
	unsigned at = PT_INDEX(*va, 0), lo = at, hi = at + 1;

	if (t->table == NULL) {
		*pa -= *va & (CAY_HUGE_BYTES - 1);
		*va &= ~(CAY_HUGE_BYTES - 1);
		*bytes = CAY_HUGE_BYTES;
		return;
	}
	while (lo > 0 && at - lo < AROUND_PAGES && continues(t, lo - 1, (int64_t)lo - 1 - at))
		lo--;
	while (hi < PTES_PER_TABLE && hi - at < AROUND_PAGES && continues(t, hi, (int64_t)hi - at))
		hi++;
	*va -= (at - lo) * CAY_PAGE_BYTES;
	*pa -= (at - lo) * CAY_PAGE_BYTES;
	*bytes = (hi - lo) * CAY_PAGE_BYTES;
}

void mmu_forget_all(void)
{
	host_munmap(CAY_USER_MIN, CAY_USER_END - CAY_USER_MIN);
}

static long map_ram(uint64_t va, uint64_t bytes, int prot, uint64_t pa)
{
	return host_mmap(va, bytes, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, STUB_FD_RAM, pa);
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
		err = host_mmap(va, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	if (err < 0 && err > -4096)
		return err;
	return HOST_CALL3(mprotect, va, bytes, prot);
}

static long map_run(uint64_t va, uint64_t bytes, int prot, uint64_t pa)
{
	bool in_ram = pa < stub.ram_bytes;
	long err = 0;

	for (int tries = 0; tries < 2; tries++) {
		err = in_ram ? map_ram(va, bytes, prot, pa) : map_window(va, bytes, prot, pa);
		if (err >= 0 || err < -4095)
			return 0;
		if (err == -ENOMEM)
			mmu_forget_all();
	}
	return err;
}

static bool is_kernels(uint64_t va)
{
	return va - CAY_KERNEL_GVA < CAY_KERNEL_MAX_BYTES;
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

enum mmu_verdict mmu_fault(uint64_t va, bool write, bool exec, bool *present)
{
	struct translation t;
	uint64_t bytes;
	long err;

	*present = false;
	/* The kernel reads a file that was mapped by another vCPU, or just now. */
	if (va - (CAY_DIRECT_GVA + CAY_WINDOW_GPA) < CAY_WINDOW_BYTES && window_update())
		return MMU_MAPPED;
	/* Where neither program nor kernel image can be, the tables do not matter. */
	if (va - CAY_USER_MIN >= CAY_USER_END - CAY_USER_MIN && !is_kernels(va) && (va & ~0xfffull) != CAY_GATE_GVA)
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
	va &= ~(CAY_PAGE_BYTES - 1);
	find_run(&t, &va, &t.pa, &bytes);
	err = map_run(va, bytes, t.prot, t.pa);
	if (err != 0)
		gate_crash(STUB_CRASH_MEMORY, (uint64_t)-err);
	return MMU_MAPPED;
}

void mmu_flush(uint64_t va, uint64_t cr3)
{
	struct translation t;

	if (cr3 != 0) {
		stub.root_gpa = cr3;
		mmu_forget_all();
		return;
	}
	if (va - CAY_USER_MIN >= CAY_USER_END - CAY_USER_MIN)
		return;
	t = walk(va);
	va &= ~(CAY_PAGE_BYTES - 1);
	/* A page that was replaced will be touched next. Where there is no table now, a huge page may have been. */
	if (t.table != NULL && t.prot != 0 && t.pa < stub.ram_bytes)
		(void)map_run(va, CAY_PAGE_BYTES, t.prot, t.pa);
	else if (t.table != NULL)
		host_munmap(va, CAY_PAGE_BYTES);
	else
		host_munmap(va & ~(CAY_HUGE_BYTES - 1), CAY_HUGE_BYTES);
}
