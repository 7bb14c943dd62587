/* SPDX-License-Identifier: MIT */
/* The account of all connections' memory: sums over CPUs, the levels and where they begin and end, how often to
 * reclaim. */
// SOURCES: kernel/net/tcp_mem.c shim/ram.c
#include "unit.h"

#include "kernel/mm/percpu.h"
#include "kernel/net/tcp_mem.h"

#define MIB (1 << 20)

static void test_sum(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		shim_cpu = i % CAY_VCPU_MAX;
		tcp_mem_charge(1000);
	}
	assert_int_equal(tcp_mem_used(), 100000000);
	/* What one CPU took another gives back. */
	shim_cpu = 0;
	for (unsigned i = 0; i < 100000; i++)
		tcp_mem_charge(-1000);
	assert_int_equal(tcp_mem_used(), 0);
}

static void test_levels(void **state)
{
	(void)state;
	tcp_mem_init(512 * MIB);
	assert_int_equal(tcp_mem_limits.low, 48 * MIB);
	assert_int_equal(tcp_mem_limits.pressure, 64 * MIB);
	assert_int_equal(tcp_mem_limits.full, 96 * MIB);
	tcp_mem_charge(64 * MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_ENOUGH);
	tcp_mem_charge(MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_PRESSURE);
	tcp_mem_charge(32 * MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_FULL);
	tcp_mem_charge(-MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_PRESSURE);
	tcp_mem_charge(-48 * MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_PRESSURE); /* until there is less than low */
	tcp_mem_charge(-MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_ENOUGH);
	tcp_mem_charge(10 * MIB);
	assert_int_equal(tcp_mem_level(), TCP_MEM_ENOUGH);
	tcp_mem_charge(-57 * MIB);
	assert_int_equal(tcp_mem_used(), 0);
}

static void test_reclaim(void **state)
{
	(void)state;
	assert_true(tcp_mem_reclaim_due(1000000000));
	assert_false(tcp_mem_reclaim_due(1099999999));
	assert_true(tcp_mem_reclaim_due(1100000000));
	assert_false(tcp_mem_reclaim_due(1100000001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels), /* before the CPUs' parts, which levels leave out, are not zero */
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_reclaim),
	};
	return RUN_TESTS(tests);
}
