/* SPDX-License-Identifier: MIT */
/* Fairness of the run queue, by simulation: equal shares, nice levels, sleepers, no starvation. */
// SOURCES: kernel/sched/runqueue.c lib/pheap.c
#include "unit.h"

#include "kernel/sched/runqueue.h"

/* Runs whoever is due for a slice, `slices` times, and counts the time each got. */
static void simulate(struct runqueue *rq, struct thread *threads, uint64_t *got_ns, int slices)
{
	for (int i = 0; i < slices; i++) {
		struct thread *t = rq_take(rq);

		assert_non_null(t);
		got_ns[t - threads] += RQ_SLICE_NS;
		rq_charge(rq, t, RQ_SLICE_NS);
		rq_add(rq, t, false);
	}
}

static void test_equal_threads_get_equal_time(void **state)
{
	struct thread t[5] = {0};
	uint64_t got[5] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	for (int i = 0; i < 5; i++)
		rq_add(&rq, &t[i], true);
	simulate(&rq, t, got, 5000);
	for (int i = 0; i < 5; i++)
		assert_in_range(got[i], 999 * RQ_SLICE_NS, 1001 * RQ_SLICE_NS);
}

static void test_nice_levels_divide_time_by_weight(void **state)
{
	struct thread t[2] = {{.nice = 0}, {.nice = 5}};
	uint64_t got[2] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	rq_add(&rq, &t[1], true);
	simulate(&rq, t, got, 4000);
	/* 1.25^5 = 3.05 */
	assert_in_range(got[0] * 100 / got[1], 295, 315);
}

static void test_lowest_priority_is_not_starved(void **state)
{
	struct thread t[2] = {{.nice = -20}, {.nice = 19}};
	uint64_t got[2] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	rq_add(&rq, &t[1], true);
	simulate(&rq, t, got, 20000);
	assert_true(got[1] >= RQ_SLICE_NS);
}

static void test_long_sleeper_preempts_once_but_does_not_monopolise(void **state)
{
	struct thread t[2] = {0};
	uint64_t got[2] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	simulate(&rq, t, got, 10000); /* 40 s of CPU for t[0] alone */
	rq_add(&rq, &t[1], true);
	assert_true(rq_preempts(&t[1], &t[0]));
	got[0] = got[1] = 0;
	simulate(&rq, t, got, 100);
	assert_in_range(got[1], 49 * RQ_SLICE_NS, 52 * RQ_SLICE_NS);
}

static void test_scale(void **state)
{
	(void)state;
	assert_int_equal(rq_scale(1000, 0), 1000);
	assert_int_equal(rq_scale(1000, 1), 1250);
	assert_int_equal(rq_scale(1000, -1), 800);
	assert_true(rq_scale(RQ_SLICE_NS, 19) / RQ_SLICE_NS >= 68);
	assert_true(rq_scale(RQ_SLICE_NS, -20) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_threads_get_equal_time),
		cmocka_unit_test(test_nice_levels_divide_time_by_weight),
		cmocka_unit_test(test_lowest_priority_is_not_starved),
		cmocka_unit_test(test_long_sleeper_preempts_once_but_does_not_monopolise),
		cmocka_unit_test(test_scale),
	};
	return RUN_TESTS(tests);
}
