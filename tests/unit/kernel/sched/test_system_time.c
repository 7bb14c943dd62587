/* SPDX-License-Identifier: MIT */
/* How CPU time is split: simulated threads that make calls, of which only some are timed. */
#include "unit.h"

#include "kernel/sched/system_time.h"

static unsigned seed = 12345;

static uint64_t around(uint64_t ns)
{
	seed = seed * 1103515245u + 12345u;
	return ns / 2 + (seed >> 8) % (ns + 1);
}

/* What the dispatcher does, for calls of kernel_ns after user_ns each; every tenth call takes long_ns. Returns the
 * estimate in percent of the truth. */
static unsigned estimate(uint64_t kernel_ns, uint64_t user_ns, uint64_t long_ns, unsigned nr, unsigned *nr_timed)
{
	struct system_time st = {0};
	uint64_t now = 0, truth = 0, entered, ns, call;
	unsigned gap = 1, left = 1;
	bool follows = false;

	*nr_timed = 0;
	for (unsigned i = 0; i < nr; i++) {
		now += around(user_ns);
		call = around(i % 10 == 9 ? long_ns : kernel_ns);
		truth += call;
		if (--left > 0) {
			now += call;
			continue;
		}
		++*nr_timed;
		entered = system_time_enter(&st, now, follows);
		now += call;
		ns = system_time_leave(&st, now, entered, follows);
		if (follows)
			gap = system_time_next_gap(ns, gap);
		left = follows ? gap : 1;
		follows = left == 1;
	}
	assert_true(st.sampled_ns <= now);
	return (unsigned)(st.sampled_ns * 100 / truth);
}

static void test_estimates(void **state)
{
	static const struct {
		uint64_t kernel_ns, user_ns, long_ns;
	} cases[] = {{10, 10, 10},        {100, 1000, 100}, {1000, 100, 1000},
		     {100000, 5, 100000}, {50, 50, 20000},  {5000, 100000, 50}};
	unsigned nr_timed;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned percent = estimate(cases[i].kernel_ns, cases[i].user_ns, cases[i].long_ns, 200000, &nr_timed);

		assert_in_range(percent, 85, 115);
	}
}

static void test_few_looks_at_short_calls(void **state)
{
	unsigned nr_timed;

	(void)state;
	(void)estimate(10, 10, 10, 100000, &nr_timed);
	assert_in_range(nr_timed, 500, 2000);
	(void)estimate(10000, 10, 10000, 1000, &nr_timed);
	assert_int_equal(nr_timed, 1000);
}

/* A program that stops making calls: what follows the last one is its own. */
static void test_computing_is_user_time(void **state)
{
	struct system_time st = {0};
	struct cpu_time shown = {0};
	uint64_t entered = system_time_enter(&st, 1000, false);

	(void)state;
	(void)system_time_leave(&st, 1500, entered, false);
	entered = system_time_enter(&st, 1000000, true);
	(void)system_time_leave(&st, 1000500, entered, true);
	cpu_time_split(&shown, 2000000, st.exact_ns + st.sampled_ns);
	assert_int_equal(shown.user_ns + shown.system_ns, 2000000);
	assert_in_range(shown.system_ns, 1000, 1500);
}

static void test_shown_times_never_go_back(void **state)
{
	struct cpu_time shown = {0}, last = {0};

	(void)state;
	for (uint64_t total = 0; total < 1000000; total += around(1000)) {
		cpu_time_split(&shown, total, around(total));
		assert_true(shown.user_ns >= last.user_ns && shown.system_ns >= last.system_ns);
		assert_int_equal(shown.user_ns + shown.system_ns, total);
		last = shown;
	}
	cpu_time_split(&shown, 10, 5); /* the clock was corrected */
	assert_true(shown.user_ns >= last.user_ns && shown.system_ns >= last.system_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_estimates),
		cmocka_unit_test(test_few_looks_at_short_calls),
		cmocka_unit_test(test_computing_is_user_time),
		cmocka_unit_test(test_shown_times_never_go_back),
	};

	return RUN_TESTS(tests);
}
