/* SPDX-License-Identifier: MIT */
/* test_page.c - the buddy allocator: nothing handed out twice, everything comes back, zero means zero. */
// SOURCES: kernel/mm/page.c kernel/mm/page_local.c shim/log.c shim/ram.c
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "abi/boot_info.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/mm/page.h"
#include "kernel/mm/percpu.h"
#include "shim.h"

void paging_init(const struct cay_boot_info *info)
{
	(void)info;
}

static void boot(uint64_t ram_bytes, uint64_t first_free)
{
	struct cay_boot_info info = {.ram_bytes = ram_bytes, .first_free_gpa = first_free};

	shim_ram(ram_bytes);
	page_init(&info);
}

static void test_smallest_machine(void **state)
{
	unsigned n = 0;
	size_t free0;

	(void)state;
	boot(4 << 20, 2 << 20);
	free0 = page_nr_free();
	assert_in_range(free0, 500, 512);
	while (page_alloc(0, PAGE_ZERO) != NULL)
		n++;
	assert_int_equal(n, free0);
	assert_int_equal(page_nr_free(), 0);
}

static void test_odd_sizes(void **state)
{
	(void)state;
	for (uint64_t ram = 4 << 20; ram < 12 << 20; ram += 0x35000) {
		unsigned n = 0;

		boot(ram, 0x1f3000);
		while (page_alloc(0, 0) != NULL)
			n++;
		assert_in_range(n, (ram - 0x1f3000) / 4096 - 40, (ram - 0x1f3000) / 4096);
		assert_int_equal(page_nr_free(), 0);
	}
}

/* Pages that CPUs keep for themselves count as free, are handed out, and join their neighbours when a block is needed.
 */
static void test_cpus(void **state)
{
	static void *held[300];
	size_t free0;

	(void)state;
	boot(4 << 20, 2 << 20);
	smp_active = true;
	free0 = page_nr_free();
	for (unsigned round = 0; round < 4; round++) {
		shim_cpu = 0;
		for (unsigned i = 0; i < ARRAY_SIZE(held); i++) {
			held[i] = page_alloc(0, i % 2 ? PAGE_ZERO : 0);
			assert_non_null(held[i]);
			if (i % 2)
				assert_int_equal(((char *)held[i])[i], 0);
			memset(held[i], 1, PAGE_SIZE);
		}
		assert_int_equal(page_nr_free(), free0 - ARRAY_SIZE(held));
		for (unsigned i = 0; i < ARRAY_SIZE(held); i++) {
			shim_cpu = i % 3;
			page_free(held[i], 0);
		}
		assert_int_equal(page_nr_free(), free0);
	}
	for (shim_cpu = 0; shim_cpu < 3; shim_cpu++)
		assert_null(page_alloc(PAGE_ORDER_MAX, 0)); /* there is none, but each gives back what it keeps */
	shim_cpu = 0;
	assert_non_null(page_alloc(PAGE_ORDER_MAX - 1, 0));
	smp_active = false;
}

static void test_boot_touches_little(void **state)
{
	(void)state;
	boot(1ull << 30, 2 << 20);
	assert_in_range(page_nr_free(), (1 << 18) - 600, 1 << 18);
	/* the first pages come from where the descriptors are, so that hello touches one huge page of the host */
	assert_in_range(virt_to_pa(page_alloc(0, 0)).v, 2 << 20, 4 << 20);
	/* and huge blocks are available without breaking the machine up */
	assert_non_null(page_alloc(HUGE_ORDER, PAGE_ZERO));
}

/* Small pages beside the page tables: used when all else is. */
static void test_low_memory_last(void **state)
{
	struct cay_boot_info info = {
		.ram_bytes = 6 << 20, .first_free_gpa = 3 << 20, .low_free_gpa = 1 << 20, .low_free_end_gpa = 2 << 20};
	unsigned high = 0, low = 0;
	void *p;

	(void)state;
	shim_ram(info.ram_bytes);
	page_init(&info);
	assert_in_range(page_nr_free(), (768 + 256) - 16, 768 + 256);
	while ((p = page_alloc(0, PAGE_ZERO)) != NULL) {
		if (virt_to_pa(p).v >= 3 << 20) {
			assert_int_equal(low, 0);
			high++;
			continue;
		}
		assert_in_range(virt_to_pa(p).v, 1 << 20, (2 << 20) - 1);
		low++;
	}
	assert_in_range(high, 768 - 16, 768);
	assert_in_range(low, 256 - 2, 256);
	assert_int_equal(page_nr_free(), 0);
	page_free(pa_to_virt(PA((2 << 20) - 4096)), 0);
	assert_int_equal(page_nr_free(), 1);
}

static uint64_t attached;

static bool attach(pa_t end)
{
	if (end.v > 8 << 20)
		return false;
	attached = end.v;
	return true;
}

/* No block is handed out, nor anything written, in RAM that was not asked for; and what the host refuses is not used.
 */
static void test_attach(void **state)
{
	void *p;

	(void)state;
	boot(64 << 20, 2 << 20);
	attached = 4 << 20;
	page_set_attach(attach);
	memset(pa_to_virt(PA(attached)), 0x55, 8 << 20);
	while ((p = page_alloc(0, 0)) != NULL)
		assert_true(virt_to_pa(p).v < attached);
	assert_int_equal(attached, 8 << 20);
	assert_int_equal(*(uint64_t *)pa_to_virt(PA(8 << 20)), 0x5555555555555555);
	page_set_attach(NULL);
}

static void test_references(void **state)
{
	void *p;
	size_t free0;

	(void)state;
	boot(16 << 20, 2 << 20);
	p = page_alloc(0, 0);
	free0 = page_nr_free();
	page_ref(virt_to_pa(p));
	assert_int_equal(page_refcount(virt_to_pa(p)), 2);
	page_unref(virt_to_pa(p), 0);
	assert_int_equal(page_nr_free(), free0);
	page_unref(virt_to_pa(p), 0);
	assert_int_equal(page_nr_free(), free0 + 1);
	assert_true(SHIM_PANICS(page_free(p, 0)));

	p = page_alloc(4, 0);
	page_split(virt_to_pa(p), 4);
	for (int i = 15; i >= 0; i--)
		page_unref(PA(virt_to_pa(p).v + (uint64_t)i * PAGE_SIZE), 0);
	assert_int_equal(page_nr_free(), free0 + 1);
}

static void test_pins(void **state)
{
	size_t free0;
	pa_t h;

	(void)state;
	boot(16 << 20, 2 << 20);
	h = virt_to_pa(page_alloc(HUGE_ORDER, 0));
	free0 = page_nr_free();
	page_pin(h);
	page_pin(PA(h.v + 5 * PAGE_SIZE));
	page_pin(PA(h.v + 5 * PAGE_SIZE));
	page_unref(h, HUGE_ORDER); /* unmapped: alive while pinned */
	page_unpin(PA(h.v + 5 * PAGE_SIZE));
	page_unpin(h);
	assert_int_equal(page_nr_free(), free0);
	page_unpin(PA(h.v + 5 * PAGE_SIZE));
	assert_int_equal(page_nr_free(), free0 + 512);

	h = virt_to_pa(page_alloc(HUGE_ORDER, 0));
	page_pin(PA(h.v + 7 * PAGE_SIZE));
	page_split(h, HUGE_ORDER);
	for (unsigned i = 0; i < 512; i++)
		page_unref(PA(h.v + i * PAGE_SIZE), 0);
	assert_int_equal(page_nr_free(), free0 + 511);
	page_unpin(PA(h.v + 7 * PAGE_SIZE));
	assert_int_equal(page_nr_free(), free0 + 512);
}

/* Random blocks, each filled with its own number; a naive list says what must be in them. */
static void test_random(void **state)
{
	enum { MAX = 600 };
	static struct {
		uint32_t *va;
		unsigned order;
		uint32_t stamp;
	} held[MAX];
	unsigned nr = 0;
	size_t free0, used = 0;

	(void)state;
	boot(24 << 20, 0x2a5000);
	srand(7);
	free0 = page_nr_free();
	for (uint32_t step = 1; step < 60000; step++) {
		if (nr < MAX && rand() % 100 < (step / 5000 % 2 ? 40 : 60)) {
			unsigned order = rand() % 8 ? (unsigned)rand() % 4 : (unsigned)rand() % (PAGE_ORDER_MAX + 1);
			bool zero = rand() & 1;
			uint32_t *va = page_alloc(order, zero ? PAGE_ZERO : 0);

			if (va == NULL)
				continue;
			assert_int_equal(virt_to_pa(va).v % (PAGE_SIZE << order), 0);
			assert_in_range(virt_to_pa(va).v, 0x2a5000, (24 << 20) - (PAGE_SIZE << order));
			for (unsigned i = 0; i < 1024u << order; i++) {
				if (zero)
					assert_int_equal(va[i], 0);
				va[i] = step;
				if (i % 1024 == 4)
					i += 1015; /* both ends of each page are enough */
			}
			held[nr].va = va;
			held[nr].order = order;
			held[nr++].stamp = step;
			used += 1ul << order;
		} else if (nr > 0) {
			unsigned k = (unsigned)rand() % nr;

			for (unsigned i = 0; i < 1024u << held[k].order; i += 1024)
				assert_int_equal(held[k].va[i], held[k].stamp);
			page_free(held[k].va, held[k].order);
			used -= 1ul << held[k].order;
			held[k] = held[--nr];
		}
		assert_in_range(page_nr_free() + used, free0 - 40, free0);
	}
	for (; nr > 0; nr--)
		page_free(held[nr - 1].va, held[nr - 1].order);
	/* all joined again: as many huge blocks as fit beside the descriptors */
	for (nr = 0; page_alloc(HUGE_ORDER, 0) != NULL; nr++)
		;
	assert_in_range(nr, 8, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest_machine),
		cmocka_unit_test(test_odd_sizes),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_boot_touches_little),
		cmocka_unit_test(test_low_memory_last),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_random),
	};
	return RUN_TESTS(tests);
}
