/* SPDX-License-Identifier: MIT */
/*
 * Copies of address spaces: a few of them, forked from each other in random order, written, cut and dropped, against
 * a plain model of what each must contain; and nothing is lost at the end.
 */
// SOURCES: @memory kernel/mm/fork.c shim/kmalloc.c shim/oom.c shim/sched.c shim/tlb.c
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "abi/boot_info.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/log.h"
#include "kernel/mm/kept_tables.h"
#include "kernel/mm/oom.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/plat/cay/boot.h"
#include "shim.h"

#define BASE   0x6f0000000000ull
#define PAGES  10500u /* twenty blocks that may be huge pages: more than are cut up at once */
#define SPACES 4

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

static struct vmspace *space[SPACES];
static uint32_t model[SPACES][PAGES]; /* UINT32_MAX: not mapped */

static void boot(uint64_t ram)
{
	struct cay_boot_info info = {.ram_bytes = ram,
				     .first_free_gpa = 2 << 20,
				     .pt_pool_gpa = 1 << 20,
				     .pt_pool_bytes = 256 << 10,
				     .cr3_gpa = 0xff000};

	shim_ram(ram);
	page_init(&info);
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		init_process->rlimit[i].cur = init_process->rlimit[i].max = RLIM_INFINITY;
	space[0] = vmspace_create();
	assert_true(vmspace_map(space[0], BASE, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) > 0);
	memset(model, 0, sizeof(model));
}

/* The first word of page p as the program sees it; NULL when it may not be touched. */
static uint32_t *word(unsigned s, unsigned p, bool write)
{
	uint64_t va = BASE + p * PAGE_SIZE, mask;
	unsigned level;
	uint64_t *e = paging_find(space[s]->root, va, &level);
	int signo;

	if (e == NULL || !(*e & PTE_P) || (write && !(*e & PTE_W))) {
		if (vmspace_fault(space[s], va, write, false, false, &signo) != 0)
			return NULL;
		e = paging_find(space[s]->root, va, &level);
	}
	mask = (1ull << PT_LEVEL_SHIFT(level)) - 1;
	return pa_to_virt(PA((*e & PTE_ADDR & ~mask) + (va & mask)));
}

static void check(unsigned s, unsigned p)
{
	uint32_t *w = word(s, p, false);

	if (model[s][p] == UINT32_MAX)
		assert_null(w);
	else
		assert_int_equal(*w, model[s][p]);
}

static void set(unsigned s, unsigned p, uint32_t v)
{
	if (model[s][p] == UINT32_MAX)
		return;
	*word(s, p, true) = v;
	model[s][p] = v;
}

static void fork_to(unsigned from, unsigned to)
{
	if (space[to] != NULL)
		vmspace_put(space[to]);
	space[to] = vmspace_fork(space[from]);
	assert_non_null(space[to]);
	memcpy(model[to], model[from], sizeof(model[to]));
}

static void cut(unsigned s, unsigned p, unsigned nr)
{
	nr = MIN(nr, PAGES - p);
	assert_int_equal(vmspace_unmap(space[s], BASE + p * PAGE_SIZE, nr * PAGE_SIZE), 0);
	for (unsigned i = p; i < p + nr; i++)
		model[s][i] = UINT32_MAX;
}

static void test_random_families(void **state)
{
	size_t free_before;

	(void)state;
	boot(256 << 20);
	free_before = page_nr_free();
	srand(1);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned s = (unsigned)rand() % SPACES, p = (unsigned)rand() % PAGES;

		if (space[s] == NULL || rand() % 100 == 0) {
			unsigned from = (unsigned)rand() % SPACES;

			if (space[from] != NULL && from != s)
				fork_to(from, s);
			continue;
		}
		switch (rand() % 8) {
		case 0:
			for (unsigned i = p; i < PAGES && i < p + 300; i++)
				set(s, i, step + i);
			break;
		case 1:
			if (rand() % 8 == 0)
				cut(s, p, (unsigned)rand() % 20 + 1);
			break;
		case 2:
			(void)vmspace_protect(space[s], BASE + p * PAGE_SIZE, PAGE_SIZE, PROT_READ);
			(void)vmspace_protect(space[s], BASE + p * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE);
			break;
		case 3:
			(void)vmspace_advise(space[s], BASE, PAGES / 2 * PAGE_SIZE, MADV_HUGEPAGE);
			break;
		default:
			set(s, p, step);
		}
		for (unsigned i = 0; i < SPACES; i++)
			if (space[i] != NULL)
				check(i, (unsigned)rand() % PAGES);
	}
	for (unsigned i = 0; i < SPACES; i++) {
		if (space[i] == NULL)
			continue;
		for (unsigned p = 0; p < PAGES; p++)
			check(i, p);
		assert_int_equal(ptes_count(space[i], 0, CAY_USER_END), space[i]->rss);
		vmspace_put(space[i]);
		space[i] = NULL;
	}
	kept_tables_drop();
	assert_true(stats->counter[CAY_C_COW] > 0 && stats->counter[CAY_C_PAGES_2M] > 0);
	assert_in_range(free_before - page_nr_free(), 0, 768); /* a block of page tables, and descriptors of pages */
}

static void test_no_memory(void **state)
{
	size_t left;

	(void)state;
	boot(128 << 20);
	for (unsigned p = 0; p < PAGES; p++)
		set(0, p, p + 1);
	/* However early it fails, nothing is lost and the parent is as it was. */
	left = page_nr_free();
	for (long n = 0; n < 12; n++) {
		shim_kmalloc_fail_after(n);
		space[1] = vmspace_fork(space[0]);
		shim_kmalloc_fail_after(-1);
		if (space[1] != NULL)
			break;
		assert_in_range(left - page_nr_free(), 0, 512);
	}
	assert_non_null(space[1]);
	vmspace_put(space[1]);
	for (unsigned p = 0; p < PAGES; p++)
		check(0, p);
	vmspace_put(space[0]);
	space[0] = space[1] = NULL;
	kept_tables_drop();
}

static void test_what_is_not_copied(void **state)
{
	unsigned char resident;

	(void)state;
	boot(64 << 20);
	for (unsigned p = 0; p < 8; p++)
		set(0, p, 9);
	assert_int_equal(vmspace_advise(space[0], BASE, PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(vmspace_advise(space[0], BASE + PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
	fork_to(0, 1);
	assert_null(word(1, 0, false));
	assert_int_equal(*word(1, 1, false), 0);
	assert_int_equal(*word(1, 2, false), 9);
	assert_int_equal(vmspace_resident(space[0], BASE, 1, &resident), 0);
	assert_int_equal(*word(0, 0, false), 9);
	/* A transfer to the page goes on: it stays the parent's. */
	pa_t pa = virt_to_pa(word(0, 3, true));
	page_pin(pa);
	fork_to(0, 2);
	assert_ptr_equal(word(0, 3, true), pa_to_virt(pa));
	assert_ptr_not_equal(word(2, 3, false), pa_to_virt(pa));
	page_unpin(pa);
	for (unsigned i = 0; i < 3; i++) {
		vmspace_put(space[i]);
		space[i] = NULL;
	}
	kept_tables_drop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_families),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_what_is_not_copied),
	};
	return RUN_TESTS(tests);
}
