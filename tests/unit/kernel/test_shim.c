/* SPDX-License-Identifier: MIT */
/* The stand-ins for kernel primitives do what the headers promise, so that a test built on them means something. */
// SOURCES: shim/kmalloc.c shim/page.c shim/log.c shim/uaccess.c shim/clock.c
#include "unit.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "shim.h"

static void test_kmalloc_fails_on_demand(void **state)
{
	void *a;

	(void)state;
	shim_kmalloc_fail_after(1);
	a = kmalloc(10);
	assert_non_null(a);
	assert_null(kmalloc(10));
	shim_kmalloc_fail_after(-1);
	kfree(a);
	assert_int_equal(kmalloc_bytes_used(), 0);
}

static void test_pages_are_direct_mapped(void **state)
{
	char *p = page_alloc(HUGE_ORDER, PAGE_ZERO);

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % HUGE_SIZE, 0);
	assert_int_equal(p[HUGE_SIZE - 1], 0);
	assert_ptr_equal(pa_to_virt(virt_to_pa(p)), p);
	page_ref(virt_to_pa(p));
	page_unref(virt_to_pa(p), HUGE_ORDER);
	assert_int_equal(shim_pages_in_use(), 512);
	page_unref(virt_to_pa(p), HUGE_ORDER);
	assert_int_equal(shim_pages_in_use(), 0);
}

static void test_panic_is_caught_when_expected(void **state)
{
	(void)state;
	assert_true(SHIM_PANICS(ASSERT(1 == 2)));
	assert_non_null(strstr(shim_last_log(), "1 == 2"));
	assert_false(SHIM_PANICS(ASSERT(1 == 1)));
}

static void test_user_memory_faults_where_told(void **state)
{
	uint64_t words[2] = {1, 2}, v;

	(void)state;
	assert_int_equal(get_user_u64(&v, NULL), -EFAULT);
	assert_int_equal(get_user_u64(&v, &words[1]), 0);
	assert_int_equal(v, 2);
	shim_uaccess_fault_range((uint64_t)&words[1], (uint64_t)&words[2]);
	assert_int_equal(get_user_u64(&v, &words[1]), -EFAULT);
	assert_int_equal(get_user_u64(&v, &words[0]), 0);
	shim_uaccess_fault_range(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kmalloc_fails_on_demand),
		cmocka_unit_test(test_pages_are_direct_mapped),
		cmocka_unit_test(test_panic_is_caught_when_expected),
		cmocka_unit_test(test_user_memory_faults_where_told),
	};

	return RUN_TESTS(tests);
}
