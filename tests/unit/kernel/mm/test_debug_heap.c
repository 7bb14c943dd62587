/* SPDX-License-Identifier: MIT */
/* test_debug_heap.c - the debug build's allocators catch what they promise to catch, and nothing else. */
// SOURCES: kernel/mm/page_local.c shim/log.c shim/ram.c
#define CAY_DEBUG 1
#include "unit.h"

#include "abi/boot_info.h"
#include "abi/vcpu_page.h"
#include "kernel/mm/debug_heap.c"
#include "kernel/mm/debug_leak.c"
#define pfn_of kmalloc_pfn_of
#include "kernel/mm/kmalloc.c"
#undef pfn_of
#include "kernel/mm/page.c"
#include "shim.h"

struct list vmspace_all = LIST_INIT(vmspace_all);

/* The kernel's data, in which the leak check looks for pointers. */
__asm__(".data\n.balign 64\n.globl __data_begin\n__data_begin: .space 64\n.globl __image_end\n__image_end:\n.text");
extern const uint8_t __data_begin[];
#define root ((void **)(uintptr_t)__data_begin)

void paging_init(const struct cay_boot_info *info)
{
	(void)info;
}

unsigned cpu_count(void)
{
	return 0;
}

struct cpu *cpu_by_id(unsigned id)
{
	(void)id;
	return NULL;
}

int64_t gate_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	(void)nr, (void)a0, (void)a1, (void)a2, (void)a3, (void)a4;
	return 0;
}

const char *kernel_symbol(uint64_t address, uint64_t *distance)
{
	*distance = address;
	return "test";
}

static int setup(void **state)
{
	struct cay_boot_info info = {.ram_bytes = 8 << 20, .first_free_gpa = 2 << 20};

	(void)state;
	shim_ram(8 << 20);
	memset(classes, 0, sizeof(classes));
	memset(heaps, 0, sizeof(heaps));
	memset(root, 0, 64);
	page_init(&info);
	return 0;
}

static void test_use_after_free(void **state)
{
	char *p = kmalloc(100), *page;

	(void)state;
	kfree(p);
	p[50] = 1;
	assert_true(SHIM_PANICS((void)!kmalloc(100)));
	p[50] = OBJECT_JUNK;
	kfree(kmalloc(100));
	page = page_alloc(0, 0);
	page_free(page, 0);
	page[4095]++;
	assert_true(SHIM_PANICS((void)!page_alloc(0, 0)));
}

static void test_overrun(void **state)
{
	char *p = kmalloc(100), *pages = kmalloc(5000);

	(void)state;
	p[100] = 0;
	assert_true(SHIM_PANICS(kfree(p)));
	pages[5000] = 0;
	assert_true(SHIM_PANICS(kfree(pages)));
}

static void test_double_free(void **state)
{
	char *p = kmalloc(100), *other = kmalloc(100), *page = page_alloc(2, 0);

	(void)state;
	kfree(p);
	assert_true(SHIM_PANICS(kfree(p)));
	kfree(other);
	page_free(page, 2);
	assert_true(SHIM_PANICS(page_free(page, 2)));
}

static void test_damaged_list(void **state)
{
	struct list l, a, b;

	(void)state;
	list_init(&l);
	list_push_back(&l, &a);
	list_push_back(&l, &b);
	a.prev = &b;
	assert_true(SHIM_PANICS(list_remove(&a)));
	l.prev = &a;
	assert_true(SHIM_PANICS(list_push_back(&l, &b)));
}

static void test_leak(void **state)
{
	char **owner = kzalloc(64);

	(void)state;
	root[3] = owner;
	owner[0] = kmalloc(10);
	owner[1] = (char *)page_alloc(3, PAGE_ZERO) + (PAGE_SIZE << 3); /* a stack, known by its top */
	owner[2] = (char *)virt_to_pa(page_alloc(0, 0)).v;
	owner[3] = kmalloc(3000);
	*(char **)owner[3] = (char *)kmalloc(20) + 8;
	assert_false(debug_leak_check());
	*(char **)owner[3] = NULL;
	assert_true(debug_leak_check());
	owner[0] = NULL;
	assert_true(debug_leak_check());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_use_after_free, setup), cmocka_unit_test_setup(test_overrun, setup),
		cmocka_unit_test_setup(test_double_free, setup),    cmocka_unit_test_setup(test_damaged_list, setup),
		cmocka_unit_test_setup(test_leak, setup),
	};

	return RUN_TESTS(tests);
}
