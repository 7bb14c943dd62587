/* SPDX-License-Identifier: MIT */
/*
 * test_mmu.c - the stub's mappings are a TLB: whatever the guest does to its page tables (flushing as it must), no page
 * is ever mapped otherwise than its entry says, also after a switch to other tables, and what the tables allow becomes
 * possible by one fault. The test is the host: it keeps a model of the mappings.
 */
// SOURCES: vmm/backend/process/stub/mmu.c vmm/backend/process/stub/known.c vmm/backend/process/stub/stint.c
#include "unit.h"

#include <asm/unistd_64.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"
#include "x86/pte.h"

#define RAM_BYTES (32ull << 20)
#define ROOT      0x1000ull
#define ROOT_2    0x2000ull
#define BASE      0x40000000ull /* the part of the address space that is used: 8 MiB */
#define PAGES     2048u

static struct {
	uint64_t pa;
	int prot; /* 0: not mapped */
} model[PAGES];
static uint64_t next_table;
static unsigned mappings_left; /* then ENOMEM, once */

struct stub stub;

bool window_update(void)
{
	return false;
}

void gate_crash(enum stub_crash reason, uint64_t detail)
{
	fail_msg("crash %u (%llx)", reason, (unsigned long long)detail);
	abort();
}

long host_call(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)d;
	(void)e;
	if (nr == __NR_mmap && mappings_left == 0) {
		mappings_left = 50;
		return -ENOMEM;
	}
	if (nr == __NR_mmap)
		mappings_left--;
	else
		assert_int_equal(nr, __NR_munmap);
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t va = BASE + i * CAY_PAGE_BYTES, at = va - (uint64_t)a;

		if (at >= (uint64_t)b)
			continue;
		model[i].prot = nr == __NR_mmap ? (int)c : 0;
		model[i].pa = (uint64_t)f + at;
	}
	return nr == __NR_mmap ? a : 0;
}

static uint64_t *table(uint64_t gpa)
{
	return (uint64_t *)(CAY_DIRECT_GVA + gpa);
}

static uint64_t *entry_of(uint64_t va, unsigned level)
{
	uint64_t *t = table(stub.root_gpa);

	for (unsigned l = PT_TOP_LEVEL; l > level; l--) {
		uint64_t *e = &t[PT_INDEX(va, l)];

		if (*e == 0 || (*e & PTE_PS)) {
			*e = next_table | PTE_P | PTE_W | PTE_U;
			next_table += CAY_PAGE_BYTES;
			assert_true(next_table < RAM_BYTES / 2);
		}
		t = table(*e & PTE_ADDR);
	}
	return &t[PT_INDEX(va, level)];
}

/* What the tables say of page i. */
static int allowed(unsigned i, uint64_t *pa)
{
	uint64_t va = BASE + i * CAY_PAGE_BYTES, e = *entry_of(va, 1);

	if (e & PTE_PS)
		*pa = (e & PTE_ADDR) + va % CAY_HUGE_BYTES;
	else if (e != 0)
		e = *entry_of(va, 0), *pa = e & PTE_ADDR;
	if (!(e & PTE_P))
		return 0;
	return PROT_READ | (e & PTE_W ? PROT_WRITE : 0) | (e & PTE_NX ? 0 : PROT_EXEC);
}

static void check_all(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t pa = 0;
		int may = allowed(i, &pa);

		if (model[i].prot == 0)
			continue;
		assert_int_equal(model[i].prot & ~may, 0);
		assert_int_equal(model[i].pa, pa);
	}
}

static uint64_t some_bits(void)
{
	return PTE_P | PTE_U | (rand() % 2 ? PTE_W : 0) | (rand() % 2 ? PTE_NX : 0);
}

/* Entries of [first, first + nr) become a run of pages, or nothing; flushed where something was taken away. */
static void set_run(unsigned first, unsigned nr)
{
	uint64_t pa = RAM_BYTES / 2 + (unsigned)rand() % 3000 * CAY_PAGE_BYTES, bits = rand() % 4 ? some_bits() : 0;

	for (unsigned i = first; i < first + nr && i < PAGES; i++, pa += CAY_PAGE_BYTES) {
		uint64_t va = BASE + i * CAY_PAGE_BYTES, *e, old;

		if (*entry_of(va, 1) & PTE_PS)
			continue;
		e = entry_of(va, 0);
		old = *e;
		*e = bits ? pa | bits : 0;
		if (old != 0 && (bits == 0 || ((old ^ *e) & PTE_ADDR) || (old & ~*e & PTE_W) || (~old & *e & PTE_NX)))
			mmu_flush(va, 0);
	}
}

/* A block becomes a huge page, or a huge page nothing. */
static void toggle_huge(unsigned i)
{
	uint64_t block = (BASE + i * CAY_PAGE_BYTES) & ~(CAY_HUGE_BYTES - 1), *e = entry_of(block, 1);

	if (!(*e & PTE_PS)) {
		set_run((unsigned)((block - BASE) / CAY_PAGE_BYTES), 0);
		for (unsigned p = 0; *e != 0 && p < PTES_PER_TABLE; p++)
			table(*e & PTE_ADDR)[p] = 0;
		*e = 0;
		mmu_flush(0, stub.root_gpa);
		*e = (RAM_BYTES / 2 + (uint64_t)(rand() % 4) * CAY_HUGE_BYTES) | PTE_PS | some_bits();
	} else {
		*e = 0;
		mmu_flush(block + (unsigned)rand() % 512 * CAY_PAGE_BYTES, 0);
	}
}

static void touch(unsigned i)
{
	bool write = rand() % 2, exec = !write && rand() % 2, present;
	int need = PROT_READ | (write ? PROT_WRITE : 0) | (exec ? PROT_EXEC : 0);
	uint64_t pa, va = BASE + i * CAY_PAGE_BYTES + (unsigned)rand() % CAY_PAGE_BYTES;
	int may = allowed(i, &pa);

	if ((model[i].prot & need) == need)
		return;
	if ((may & need) == need) {
		assert_int_equal(mmu_fault(va, write, exec, &present), MMU_MAPPED);
		assert_int_equal(model[i].prot & need, need);
	} else {
		assert_int_equal(mmu_fault(va, write, exec, &present), MMU_EXCEPTION);
		assert_int_equal(present, may != 0);
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (unsigned n = 0; n < 20000; n++) {
		unsigned i = (unsigned)rand() % PAGES, what = (unsigned)rand() % 100;

		if (what < 30)
			set_run(i, 1u << rand() % 8);
		else if (what < 31)
			toggle_huge(i);
		else if (what < 40)
			mmu_fill(BASE + i * CAY_PAGE_BYTES);
		else if (what < 41)
			mmu_flush(0, stub.root_gpa);
		else if (what < 43)
			mmu_flush(0, stub.root_gpa ^ ROOT ^ ROOT_2);
		else
			touch(i);
		if (n % 10 == 0)
			check_all();
	}
}

/* Two address spaces in turns: what each touched is mapped when it is back, as its own tables say by then. */
static void test_switch(void **state)
{
	uint64_t *e[2][3];
	bool present;

	(void)state;
	for (unsigned s = 0; s < 2; s++) {
		mmu_flush(0, s == 0 ? ROOT_2 : ROOT);
		for (unsigned i = 0; i < 3; i++) {
			e[s][i] = entry_of(BASE + 8 * i * CAY_PAGE_BYTES, 0);
			*e[s][i] = (RAM_BYTES / 2 + (8 * s + 2 * i) * CAY_PAGE_BYTES) | PTE_P | PTE_W | PTE_U;
			if (i < 2)
				assert_int_equal(mmu_fault(BASE + 8 * i * CAY_PAGE_BYTES, true, false, &present),
						 MMU_MAPPED);
		}
	}
	*e[0][1] = 0; /* while the other is current: nothing to flush */
	mmu_flush(0, ROOT_2);
	assert_int_equal(model[0].prot, PROT_READ | PROT_WRITE | PROT_EXEC);
	assert_int_equal(model[0].pa, RAM_BYTES / 2);
	assert_int_equal(model[8].prot, 0);  /* not there any more */
	assert_int_equal(model[16].prot, 0); /* there, but was not touched */
	mmu_flush(0, ROOT_2);
	assert_int_equal(model[0].prot, 0); /* a flush of all is no switch */
	mmu_flush(0, ROOT);
	assert_int_equal(model[8].pa, RAM_BYTES / 2 + 10 * CAY_PAGE_BYTES);
	check_all();
}

/* Tables that point outside RAM, and addresses that are no program's: never a mapping. */
static void test_refuses(void **state)
{
	bool present;

	(void)state;
	*entry_of(BASE, 1) = RAM_BYTES | PTE_P | PTE_W;
	assert_int_equal(mmu_fault(BASE, false, false, &present), MMU_EXCEPTION);
	*entry_of(BASE, 1) = 0;
	stub.root_gpa = RAM_BYTES;
	assert_int_equal(mmu_fault(BASE, false, false, &present), MMU_EXCEPTION);
	stub.root_gpa = ROOT;
	assert_int_equal(mmu_fault(CAY_USER_MIN - 1, false, false, &present), MMU_EXCEPTION);
	assert_int_equal(mmu_fault(CAY_STUB_GVA, true, false, &present), MMU_EXCEPTION);
	assert_int_equal(mmu_fault(CAY_DIRECT_GVA, true, false, &present), MMU_EXCEPTION);
	assert_int_equal(mmu_fault(~0ull, true, false, &present), MMU_EXCEPTION);
}

static int setup(void **state)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	void *ram = mmap((void *)CAY_DIRECT_GVA, RAM_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);

	(void)state;
	memset(model, 0, sizeof(model));
	mappings_left = 50;
	mmu_forget_all();
	next_table = ROOT_2 + CAY_PAGE_BYTES;
	stub.ram_bytes = RAM_BYTES;
	stub.root_gpa = ROOT;
	return ram == (void *)CAY_DIRECT_GVA ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return munmap((void *)CAY_DIRECT_GVA, RAM_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
