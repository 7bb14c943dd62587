/* SPDX-License-Identifier: MIT */
/*
 * debug_leak.c - see debug_leak.h. Marks what can be reached and counts the rest. A physical address reaches memory,
 * too (a device's, a page table's), but what lies there is not read for more: it is the program's, or bytes.
 */
#ifdef CAY_DEBUG
#include "kernel/mm/debug_leak.h"

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/debug_heap.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/vmspace_priv.h"
#include "lib/string.h"

#define TODO_ORDER 8 /* a MiB */
#define TODO_MAX   ((PAGE_SIZE << TODO_ORDER) / sizeof(struct piece))
#define SITES_MAX  8
#define LOOKS      3 /* another CPU may have moved a pointer past us: only what is lost each time is */
#define PAUSE_NS   1000000ull

enum { UNREACHED, REACHED, READ }; /* READ: its contents are read for pointers, or will be */

struct piece {
	const uint64_t *at;
	size_t bytes;
};

static struct {
	struct piece *todo;
	size_t nr;
	bool overflow;
} marking;

/* The block or slab that a frame is in, NULL if it is free; *first is its first frame. */
static struct page *block_of(uint64_t pfn, uint64_t *first)
{
	struct page *p = page_of_any_pfn(pfn);

	for (unsigned o = 0; p != NULL && o <= PAGE_ORDER_MAX; o++) {
		*first = ALIGN_DOWN(pfn, 1ull << o);
		p = page_of_any_pfn(*first);
		if (p != NULL && ((p->state == PAGE_USED && p->order >= o) || (p->state == PAGE_SLAB && o == 0)))
			return p;
	}
	return NULL;
}

static void *frame_va(uint64_t pfn)
{
	return pa_to_virt(PA(pfn << PAGE_SHIFT));
}

static void read_later(const void *at, size_t bytes)
{
	if (marking.nr < TODO_MAX)
		marking.todo[marking.nr++] = (struct piece){.at = at, .bytes = bytes};
	else
		marking.overflow = true;
}

static void reach_object(char *slab, size_t offset, size_t slot, unsigned how)
{
	char *object = slab + offset / slot * slot;
	struct heap_trailer *t;

	if (offset / slot >= PAGE_SIZE / slot)
		return;
	t = debug_heap_trailer(object, slot);
	if (t->state != HEAP_GIVEN || t->mark >= how)
		return;
	t->mark = how;
	if (how == READ)
		read_later(object, t->bytes);
}

static void reach(uint64_t pa, unsigned how)
{
	uint64_t first;
	struct page *p = block_of(pa >> PAGE_SHIFT, &first);

	if (p == NULL)
		return;
	if (p->state == PAGE_SLAB) {
		reach_object(frame_va(first), pa % PAGE_SIZE, kmalloc_slot_bytes(p->owner), how);
	} else if (p->owner < how) {
		p->owner = (uint8_t)how;
		if (how == READ)
			read_later(frame_va(first), PAGE_SIZE << p->order);
	}
}

static void read_word(uint64_t w)
{
	uint64_t pa = w - CAY_DIRECT_GVA;

	if (w < CAY_DIRECT_GVA) {
		reach(w & PTE_ADDR, REACHED);
		return;
	}
	reach(pa, READ);
	if (pa % PAGE_SIZE == 0)
		reach(pa - 1, READ); /* the top of a stack */
}

static void read_memory(const void *at, size_t bytes)
{
	const uint64_t *word = at;

	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		read_word(word[i]);
	while (marking.nr > 0) {
		struct piece piece = marking.todo[--marking.nr];

		for (size_t i = 0; i < piece.bytes / sizeof(*word); i++)
			read_word(piece.at[i]);
	}
}

static void reach_tables(uint64_t table_pa, unsigned level, unsigned nr)
{
	const uint64_t *t = pa_to_virt(PA(table_pa));

	reach(table_pa, REACHED);
	for (unsigned i = 0; i < nr; i++) {
		if (t[i] == 0)
			continue;
		if (level > 0 && !(t[i] & PTE_PS))
			reach_tables(t[i] & PTE_ADDR, level - 1, PTES_PER_TABLE);
		else
			reach(t[i] & PTE_ADDR, REACHED);
	}
}

/* fn for each object and each block that is handed out. */
static void for_each_given(void (*fn)(void *at, size_t bytes, uint32_t caller, unsigned mark, void *arg), void *arg)
{
	uint64_t end = page_nr_total();

	for (uint64_t pfn = 0; pfn < end; pfn++) {
		const struct page *p = page_of_any_pfn(pfn);
		size_t slot;

		if (p == NULL || (p->state != PAGE_USED && p->state != PAGE_SLAB))
			continue;
		if (p->state == PAGE_USED) {
			fn(frame_va(pfn), PAGE_SIZE << p->order, p->prev, p->owner, arg);
			continue;
		}
		slot = kmalloc_slot_bytes(p->owner);
		for (unsigned i = 0; i < PAGE_SIZE / slot; i++) {
			void *object = (char *)frame_va(pfn) + i * slot;
			const struct heap_trailer *t = debug_heap_trailer(object, slot);

			if (t->state == HEAP_GIVEN)
				fn(object, t->bytes, t->caller, t->mark, arg);
		}
	}
}

static void forget_mark(void *at, size_t bytes, uint32_t caller, unsigned mark, void *arg)
{
	uint64_t first;
	struct page *p = block_of(virt_to_pa(at).v >> PAGE_SHIFT, &first);

	(void)bytes, (void)caller, (void)mark, (void)arg;
	if (p->state == PAGE_USED)
		p->owner = UNREACHED;
	else
		debug_heap_trailer(at, kmalloc_slot_bytes(p->owner))->mark = UNREACHED;
}

static void read_again(void *at, size_t bytes, uint32_t caller, unsigned mark, void *arg)
{
	(void)caller, (void)arg;
	if (mark == READ)
		read_memory(at, bytes);
}

static void mark_all(void)
{
	extern const uint8_t __data_begin[], __image_end[];

	for_each_given(forget_mark, NULL);
	reach(virt_to_pa(marking.todo).v, REACHED);
	read_memory(__data_begin, (size_t)(__image_end - __data_begin));
	for (unsigned id = 0; id < cpu_count(); id++)
		read_memory(cpu_by_id(id), sizeof(struct cpu));
	list_for_each (vs, &vmspace_all, link, struct vmspace)
		reach_tables(vs->root.v, PT_TOP_LEVEL, PT_INDEX(CAY_USER_END, PT_TOP_LEVEL));
	while (marking.overflow) {
		marking.overflow = false;
		for_each_given(read_again, NULL);
	}
}

struct lost {
	unsigned nr, nr_sites;
	size_t bytes;
	struct site {
		uint32_t caller;
		unsigned nr;
		size_t bytes;
		const void *example;
	} sites[SITES_MAX];
};

static void count_lost(void *at, size_t bytes, uint32_t caller, unsigned mark, void *arg)
{
	struct lost *lost = arg;
	unsigned i = 0;

	if (mark != UNREACHED)
		return;
	lost->nr++;
	lost->bytes += bytes;
	while (i < lost->nr_sites && lost->sites[i].caller != caller)
		i++;
	if (i == SITES_MAX)
		return;
	if (i == lost->nr_sites)
		lost->sites[lost->nr_sites++] = (struct site){.caller = caller, .example = at};
	lost->sites[i].nr++;
	lost->sites[i].bytes += bytes;
}

bool debug_leak_check(void)
{
	struct lost lost = {.nr = 1};

	marking.todo = page_alloc(TODO_ORDER, 0);
	if (marking.todo == NULL)
		return false;
	for (int i = 0; i < LOOKS && lost.nr > 0; i++) {
		if (i > 0)
			gate_call(CAY_GATE_PAUSE, PAUSE_NS, 0, 0, 0, 0);
		lost = (struct lost){0};
		mark_all();
		for_each_given(count_lost, &lost);
	}
	for (unsigned i = 0; i < lost.nr_sites; i++) {
		uint64_t distance;
		const char *name = kernel_symbol(debug_caller(lost.sites[i].caller), &distance);

		klog("lost: %u of %zu bytes in all, asked for by %s+%#lx, for example %p", lost.sites[i].nr,
		     lost.sites[i].bytes, name, distance, lost.sites[i].example);
	}
	page_free(marking.todo, TODO_ORDER);
	if (lost.nr > 0)
		klog("the kernel has lost %u objects or pages, %zu bytes", lost.nr, lost.bytes);
	return lost.nr > 0;
}
#endif
