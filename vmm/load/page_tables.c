/* SPDX-License-Identifier: MIT */
#include "vmm/load/page_tables.h"

#include "abi/layout.h"
#include "x86/pte.h"

struct builder {
	struct vm *vm;
	uint64_t root_gpa;
	uint64_t next_gpa, end_gpa;
	bool failed;
};

static uint64_t *table_at(struct builder *b, uint64_t gpa)
{
	return (uint64_t *)(void *)(b->vm->mem.hva + gpa);
}

/* Guest memory is zero at first, so a new table is empty. */
static uint64_t new_table(struct builder *b)
{
	uint64_t gpa = b->next_gpa;

	if (gpa + CAY_PAGE_BYTES > b->end_gpa) {
		b->failed = true;
		return 0;
	}
	b->next_gpa += CAY_PAGE_BYTES;
	return gpa;
}

/* The entry for gva in a table of `level` (0: of 4 KiB pages, 1: of 2 MiB pages), NULL when the pool is empty. */
static uint64_t *entry(struct builder *b, uint64_t gva, unsigned level)
{
	uint64_t table_gpa = b->root_gpa;

	for (unsigned l = PT_TOP_LEVEL; l > level; l--) {
		uint64_t *e = &table_at(b, table_gpa)[PT_INDEX(gva, l)];

		if (*e == 0) {
			uint64_t t = new_table(b);

			if (t == 0)
				return NULL;
			*e = t | PTE_P | PTE_W | PTE_U | PTE_A;
		}
		table_gpa = *e & PTE_ADDR;
	}
	return &table_at(b, table_gpa)[PT_INDEX(gva, level)];
}

static void map(struct builder *b, uint64_t gva, uint64_t gpa, unsigned level, uint64_t bits)
{
	uint64_t *e = entry(b, gva, level);

	if (e != NULL)
		*e = gpa | bits | PTE_P | PTE_U | PTE_A | PTE_D | (level > 0 ? PTE_PS : 0);
}

static uint64_t view_of(const struct kernel_segment *seg)
{
	return ALIGN_DOWN(seg->gva, CAY_HUGE_BYTES);
}

/* Its view of the image as one huge page, unless another segment is in the same view and has other rights. */
static void map_segment(struct builder *b, const struct kernel_image *img, const struct kernel_segment *seg)
{
	uint64_t bits = (seg->write ? PTE_W : 0) | (seg->exec ? 0 : PTE_NX);
	bool alone = true;

	for (unsigned i = 0; i < img->nr_segs; i++)
		alone = alone && (&img->seg[i] == seg || view_of(&img->seg[i]) != view_of(seg));
	if (alone) {
		map(b, view_of(seg), CAY_KERNEL_GPA, 1, bits);
		return;
	}
	for (uint64_t off = 0; off < seg->mem_bytes; off += CAY_PAGE_BYTES)
		map(b, seg->gva + off, CAY_KERNEL_GPA + CAY_KERNEL_OFFSET(seg->gva) + off, 0, bits);
}

/*
 * Empty tables where the first program and the file window will be. A KVM without VT-x traps each write to a table that
 * it has looked at, 10 us, and it looks at these tables' parents before the kernel's first instruction.
 */
static void prepare_tables(struct builder *b)
{
	(void)entry(b, CAY_USER_MIN, 2);
	(void)entry(b, CAY_USER_END - 1, 2);
	(void)entry(b, CAY_DIRECT_GVA + CAY_WINDOW_GPA, 1);
}

uint64_t page_tables_build(struct vm *vm, const struct kernel_image *img, uint64_t *pool_gpa, uint64_t pool_end_gpa)
{
	struct builder b = {.vm = vm, .next_gpa = *pool_gpa, .end_gpa = pool_end_gpa};

	b.root_gpa = new_table(&b);
	if (b.root_gpa == 0)
		return 0;
	/* The stub runs at CPL 0 and the kernel never writes here; program and kernel may read it. */
	map(&b, CAY_SYS_GVA, CAY_SYS_GPA, 0, 0);
	map(&b, CAY_GATE_GVA, CAY_GATE_GPA, 0, PTE_W | PTE_NX);
	for (unsigned i = 0; i < img->nr_segs; i++)
		map_segment(&b, img, &img->seg[i]);
	prepare_tables(&b);
	/* RAM ends where it ends: a last part smaller than a huge page is mapped in small ones. */
	for (uint64_t gpa = 0; gpa < vm->mem.bytes;) {
		bool huge = vm->mem.bytes - gpa >= CAY_HUGE_BYTES;

		map(&b, CAY_DIRECT_GVA + gpa, gpa, huge ? 1 : 0, PTE_W | PTE_NX);
		gpa += huge ? CAY_HUGE_BYTES : CAY_PAGE_BYTES;
	}
	*pool_gpa = b.next_gpa;
	return b.failed ? 0 : b.root_gpa;
}
