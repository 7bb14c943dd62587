/* SPDX-License-Identifier: MIT */
/*
 * Page tables that address spaces have in common: a few of them map, unmap, protect, write and fork parts of one file
 * in random order, against a model of what each page must show; and that tables are shared, left, and freed.
 */
// SOURCES: @memory kernel/mm/fork.c shim/kmalloc.c shim/oom.c shim/sched.c shim/tlb.c
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "abi/boot_info.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/kept_tables.h"
#include "kernel/mm/oom.h"
#include "kernel/mm/shared_tables.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/cpu_wait.h"
#include "shim.h"

#define BASE       0x6f0000000000ull
#define BLOCK      512u
#define PAGES      (3 * BLOCK)
#define FILE_PAGES BLOCK
#define SPACES     4

static struct cay_stats stats_page;
struct cay_stats *const stats = &stats_page;

unsigned cpu_count(void)
{
	return 1;
}

void cpu_wait_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	(void)done, (void)arg, (void)spin_ns;
}

/* A file whose page n has the number n + 1 in its first word; its pages stand for those of the host. */
static char *file_pages;
static bool file_counted;

static int file_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	(void)f;
	if (pgoff >= FILE_PAGES)
		return -ENXIO;
	*run = (struct page_run){.pa = virt_to_pa(file_pages + pgoff * PAGE_SIZE),
				 .nr = MIN(nr, MIN(FILE_PAGES - pgoff, 100u)),
				 .counted = file_counted,
				 .writable = write};
	return 0;
}

static ssize_t file_read(struct file *f, struct uio *uio, int64_t pos)
{
	size_t n = (uint64_t)pos < FILE_PAGES * PAGE_SIZE ? MIN(uio->resid, FILE_PAGES * PAGE_SIZE - (uint64_t)pos) : 0;

	(void)f;
	memcpy(uio->segs[0].base, file_pages + pos, n);
	return (ssize_t)n;
}

static const struct file_ops file_ops = {.map = file_map, .read = file_read, .map_is_costly = true};
static struct superblock sb = {.dcache_stable = true};
static struct inode inode = {.refs = 1, .sb = &sb};
static struct file file = {.ops = &file_ops, .refs = 1, .mode = FILE_READ, .inode = &inode};

struct model {
	bool mapped;
	int prot;
	uint32_t value; /* 0: beyond the end of the file */
};
static struct vmspace *space[SPACES];
static struct model model[SPACES][PAGES];

static void boot(void)
{
	struct cay_boot_info info = {.ram_bytes = 256 << 20,
				     .first_free_gpa = 2 << 20,
				     .pt_pool_gpa = 1 << 20,
				     .pt_pool_bytes = 256 << 10,
				     .cr3_gpa = 0xff000};

	shim_ram(256 << 20);
	page_init(&info);
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		init_process->rlimit[i].cur = init_process->rlimit[i].max = RLIM_INFINITY;
	file_pages = page_alloc(HUGE_ORDER, 0);
	assert_non_null(file_pages);
	page_split(virt_to_pa(file_pages), HUGE_ORDER);
	for (uint32_t i = 0; i < FILE_PAGES; i++)
		*(uint32_t *)(void *)(file_pages + i * PAGE_SIZE) = i + 1;
	file_counted = false;
	memset(model, 0, sizeof(model));
}

static uint32_t *word(unsigned s, unsigned p, bool write)
{
	uint64_t va = BASE + p * PAGE_SIZE;
	unsigned level;
	uint64_t *e = paging_find(space[s]->root, va, &level);
	int signo;

	if (e == NULL || !(*e & PTE_P) || (write && !(*e & PTE_W))) {
		if (vmspace_fault(space[s], va, write, false, false, &signo) != 0)
			return NULL;
		e = paging_find(space[s]->root, va, &level);
	}
	assert_true(!write || !shared_tables_has(space[s], va));
	return pa_to_virt(PA(*e & PTE_ADDR));
}

static void check(unsigned s, unsigned p)
{
	const struct model *m = &model[s][p];
	uint32_t *w = word(s, p, false);

	if (!m->mapped || m->prot == PROT_NONE || m->value == 0) {
		assert_null(w);
		return;
	}
	assert_non_null(w);
	assert_int_equal(*w, m->value);
}

static void map_file(unsigned s, unsigned p, unsigned nr, int prot, unsigned pgoff)
{
	assert_int_equal(vmspace_map(space[s], BASE + p * PAGE_SIZE, nr * PAGE_SIZE, prot, MAP_PRIVATE | MAP_FIXED,
				     &file, pgoff * PAGE_SIZE),
			 BASE + p * PAGE_SIZE);
	for (unsigned i = 0; i < nr; i++)
		model[s][p + i] = (struct model){true, prot, pgoff + i < FILE_PAGES ? pgoff + i + 1 : 0};
}

static uint64_t *table_at(unsigned s, unsigned p)
{
	unsigned level;

	return paging_find(space[s]->root, BASE + ALIGN_DOWN(p, BLOCK) * PAGE_SIZE, &level);
}

static void put_all(void)
{
	for (unsigned i = 0; i < SPACES; i++) {
		if (space[i] == NULL)
			continue;
		assert_int_equal(ptes_count(space[i], 0, CAY_USER_END), space[i]->rss);
		vmspace_put(space[i]);
		space[i] = NULL;
	}
	shared_tables_drop_unused();
	kept_tables_drop();
	assert_int_equal(inode.refs, 1);
}

static void random_step(unsigned s, unsigned step)
{
	unsigned p = (unsigned)rand() % PAGES, nr = (unsigned)rand() % MIN(600u, PAGES - p) + 1;
	uint64_t va = BASE + p * PAGE_SIZE;
	int prot;

	switch (rand() % 8) {
	case 0: /* as a library is mapped: the same parts at the same places of a block */
		p = (unsigned)rand() % 2 * BLOCK + 100;
		map_file(s, p, 300, PROT_READ, 0);
		map_file(s, p + 20, 200, PROT_READ | PROT_EXEC, 20);
		break;
	case 1:
		map_file(s, p, nr, rand() % 3 ? PROT_READ : PROT_READ | PROT_WRITE, (unsigned)rand() % FILE_PAGES);
		break;
	case 2:
		assert_int_equal(vmspace_unmap(space[s], va, nr * PAGE_SIZE), 0);
		for (unsigned i = p; i < p + nr; i++)
			model[s][i].mapped = false;
		break;
	case 3:
		nr = MIN(nr, 30u);
		prot = rand() % 2 ? PROT_READ : rand() % 2 ? PROT_READ | PROT_WRITE : PROT_NONE;
		(void)vmspace_protect(space[s], va, nr * PAGE_SIZE, prot);
		for (unsigned i = p; i < p + nr && model[s][i].mapped; i++)
			model[s][i].prot = prot;
		break;
	case 4:
		(void)vmspace_patch_alias(space[s], va, 4); /* as a call site is patched */
		break;
	case 5:
		(void)vmspace_advise(space[s], va, nr * PAGE_SIZE, rand() % 2 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		break;
	default:
		if (model[s][p].mapped && (model[s][p].prot & PROT_WRITE) && model[s][p].value != 0) {
			*word(s, p, true) = step + 100000;
			model[s][p].value = step + 100000;
		}
	}
}

static void test_random(void **state)
{
	unsigned shared = 0;

	(void)state;
	boot();
	srand(1);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned s = (unsigned)rand() % SPACES, from = (unsigned)rand() % SPACES;

		if (space[s] != NULL && rand() % 40 == 0) {
			vmspace_put(space[s]);
			space[s] = NULL;
		} else if (space[s] == NULL && space[from] != NULL && rand() % 2) {
			space[s] = vmspace_fork(space[from]);
			assert_non_null(space[s]);
			memcpy(model[s], model[from], sizeof(model[s]));
		} else if (space[s] == NULL) {
			space[s] = vmspace_create();
			memset(model[s], 0, sizeof(model[s]));
		} else {
			random_step(s, step);
		}
		for (unsigned i = 0; i < SPACES; i++)
			for (unsigned n = 0; n < 4 && space[i] != NULL; n++) {
				check(i, (unsigned)rand() % PAGES);
				shared += !list_empty(&space[i]->shared);
			}
	}
	for (unsigned i = 0; i < SPACES; i++)
		for (unsigned p = 0; p < PAGES && space[i] != NULL; p++)
			check(i, p);
	for (uint32_t i = 0; i < FILE_PAGES; i++) /* nobody wrote through a shared table */
		assert_int_equal(*(uint32_t *)(void *)(file_pages + i * PAGE_SIZE), i + 1);
	assert_true(shared > 1000);
	put_all();
}

/* As ld.so and the kernel go about it: the second process that learns where the data begins shares the rest. */
static void test_libraries(void **state)
{
	uint64_t at[3];

	(void)state;
	boot();
	for (unsigned s = 0; s < 3; s++) {
		space[s] = vmspace_create();
		vmspace_set_mmap_top(space[s], BASE + 4096 * (s + 1) * PAGE_SIZE);
		at[s] = (uint64_t)vmspace_map(space[s], 0, 400 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &file, 0);
		assert_true(vmspace_map(space[s], at[s] + 390 * PAGE_SIZE, 10 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_FIXED, &file, 390 * PAGE_SIZE) > 0);
		vmspace_prefault(space[s], at[s], PAGE_SIZE, false);
		if (s == 0)
			continue;
		assert_int_equal((at[s] + 390 * PAGE_SIZE) % HUGE_SIZE, 0);
		assert_true(shared_tables_has(space[s], at[s]));
		/* What comes next stays out of its block, and uses the room behind it. */
		assert_in_range(vmspace_map(space[s], 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
				at[s] + 400 * PAGE_SIZE, at[s] + 390 * PAGE_SIZE + HUGE_SIZE);
		assert_true(vmspace_map(space[s], 0, HUGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) > 0);
		assert_true(shared_tables_has(space[s], at[s]));
	}
	/* The same table; and one who patches code gets a page of its own, which the other does not see. */
	space[3] = vmspace_fork(space[2]);
	assert_true(shared_tables_has(space[3], at[2]));
	*(uint32_t *)vmspace_patch_alias(space[2], at[2], 4) = 77;
	assert_false(shared_tables_has(space[2], at[2]));
	assert_true(shared_tables_has(space[3], at[2]));
	assert_int_equal(*(uint32_t *)(void *)file_pages, 1);
	put_all();
}

static void test_not_shared(void **state)
{
	(void)state;
	boot();
	space[0] = vmspace_create();
	space[1] = vmspace_create();
	map_file(0, 0, 10, PROT_READ, 0); /* too little */
	check(0, 0);
	assert_false(shared_tables_has(space[0], BASE));
	file_counted = true; /* not the host's */
	map_file(1, 0, 200, PROT_READ, 0);
	check(1, 0);
	assert_false(shared_tables_has(space[1], BASE));
	file_counted = false;
	sb.dcache_stable = false;
	map_file(0, BLOCK, 200, PROT_READ, 0);
	check(0, BLOCK);
	assert_false(shared_tables_has(space[0], BASE + BLOCK * PAGE_SIZE));
	sb.dcache_stable = true;
	/* All tables there may be are in use, and one of them is given up when nobody has it. */
	for (unsigned i = 0; i < 64; i++) {
		assert_true(vmspace_map(space[0], BASE + (i + 2) * HUGE_SIZE, 200 * PAGE_SIZE, PROT_READ,
					MAP_PRIVATE | MAP_FIXED, &file, i * PAGE_SIZE) > 0);
		assert_true(shared_tables_join(space[0], BASE + (i + 2) * HUGE_SIZE));
	}
	map_file(1, 2 * BLOCK, 200, PROT_READ, 500);
	assert_false(shared_tables_join(space[1], BASE + 2 * HUGE_SIZE));
	assert_int_equal(vmspace_unmap(space[0], BASE + 2 * HUGE_SIZE, HUGE_SIZE), 0);
	assert_true(shared_tables_join(space[1], BASE + 2 * HUGE_SIZE));
	assert_ptr_not_equal(table_at(1, 2 * BLOCK), NULL);
	put_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_not_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
