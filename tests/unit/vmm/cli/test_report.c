/* SPDX-License-Identifier: MIT */
/* test_report.c - --timing and --stats of a VM made up here. */
// SOURCES: vmm/core/counters.c vmm/cli/report_stats.c vmm/cli/report_timing.c vmm/cli/syscall_names.c
#include "unit.h"

#include <stdlib.h>

#include "vmm/cli/report.h"
#include "vmm/core/vm.h"
#include "vmm/dev/net.h"

void net_count(const struct net_device *dev, struct net_counters *sum)
{
	(void)dev;
	*sum = (struct net_counters){.tx_frames = 7, .rx_bytes = 8};
}

static struct cay_stats stats;
static struct vm vm;

static int setup(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	vm = (struct vm){.stats = &stats,
			 .clock_base = {.tsc = 1000, .mono_ns = 5000000, .mult = 1u << 31}}; /* 2 GHz */
	vm.timing[VM_T_MAIN] = 5000000;
	vm.timing[VM_T_EXITED] = 5900000;
	vm.counters.exits_gate = 3;
	vm.counters.exits_kick = 1;
	stats.timing_tsc[CAY_T_PROGRAM_ENTRY] = 1000 + 2 * 250000; /* 250 us later */
	stats.counter[CAY_C_SYSCALL_TRAPS] = 10;
	stats.syscall_count[1] = 7;
	stats.syscall_count[39] = 992;
	stats.syscall_count[511] = 1;
	stats.syscall_absent[511 / 32] = 1u << (511 % 32);
	return 0;
}

static char *text_of(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print(f);
	fclose(f);
	return text;
}

static void print_timing(FILE *to)
{
	report_timing(to, &vm);
}

static void print_table(FILE *to)
{
	report_stats(to, &vm, false);
}

static void print_json(FILE *to)
{
	report_stats(to, &vm, true);
}

static void test_timing(void **state)
{
	char *text = text_of(print_timing);
	char *first = strstr(text, "main()"), *second = strstr(text, "first instruction\n"),
	     *third = strstr(text, "program ended\n");

	(void)state;
	assert_non_null(first);
	assert_true(second > first && third > second);
	assert_non_null(strstr(text, "cay:       250       250    program's first instruction\n"));
	assert_non_null(strstr(text, "cay:       900       650  VMM told"));
	assert_null(strstr(text, "memory management")); /* did not happen */
	free(text);
}

static void test_table(void **state)
{
	char *text = text_of(print_table);

	(void)state;
	assert_non_null(strstr(text, "cay: exits: gate calls                                   3\n"));
	assert_non_null(strstr(text, "function calls, %         99.000\n"));
	assert_non_null(strstr(text, "exits per system call                           0.004\n"));
	assert_non_null(strstr(text, "cay:   write                                             7\n"));
	assert_true(strstr(text, "  getpid ") < strstr(text, "  write "));
	assert_non_null(strstr(text, "1  not available in cay\n"));
	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		assert_memory_equal(line, "cay: ", 5);
	free(text);
}

static void test_json(void **state)
{
	char *text = text_of(print_json);

	(void)state;
	assert_non_null(strstr(text, "\"exits_gate\": 3,"));
	assert_non_null(strstr(text, "\"calls\": {\"getpid\": 992, \"write\": 7, \"call_511\": 1}"));
	assert_non_null(strstr(text, "\"absent_calls\": [\"call_511\"]"));
	assert_non_null(strstr(text, "\"program_entry\": 250.000"));
	free(text);
}

/* Numbers from a hostile guest are printed, whatever they are. */
static void test_hostile_numbers(void **state)
{
	(void)state;
	memset(&stats, 0xff, sizeof(stats));
	free(text_of(print_timing));
	free(text_of(print_table));
	free(text_of(print_json));
}

static void test_vm_that_never_ran(void **state)
{
	(void)state;
	vm.stats = NULL;
	vm.clock_base.mult = 0;
	free(text_of(print_timing));
	free(text_of(print_json));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_timing, setup),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_json, setup),
		cmocka_unit_test_setup(test_hostile_numbers, setup),
		cmocka_unit_test_setup(test_vm_that_never_ran, setup),
	};

	return RUN_TESTS(tests);
}
