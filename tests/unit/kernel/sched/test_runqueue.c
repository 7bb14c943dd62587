/* SPDX-License-Identifier: MIT */
/* Fairness of the run queue, by simulation: equal shares, nice levels, sleepers, no starvation. */
// SOURCES: kernel/sched/runqueue.c lib/pheap.c
#include "unit.h"

#include <linux/sched.h>
#include <string.h>

#include "kernel/sched/runqueue.h"

/* Runs whoever is due for a slice, `slices` times, and counts the time each got. */
static void simulate(struct runqueue *rq, struct thread *threads, uint64_t *got_ns, int slices)
{
	for (int i = 0; i < slices; i++) {
		struct thread *t = rq_take(rq, 0);

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
	struct thread t[2] = {{.rank = 0}, {.rank = -5}};
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
	struct thread t[2] = {{.rank = 20}, {.rank = -19}};
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
	assert_true(rq_preempts(&t[1], &t[0], t[0].vruntime_ns));
	got[0] = got[1] = 0;
	simulate(&rq, t, got, 100);
	assert_in_range(got[1], 49 * RQ_SLICE_NS, 52 * RQ_SLICE_NS);
}

static void test_scale(void **state)
{
	(void)state;
	const struct thread zero = {0}, plus1 = {.rank = -1}, minus1 = {.rank = 1}, top = {.rank = -19},
			    low = {.rank = 20};

	assert_int_equal(rq_scale(1000, &zero), 1000);
	assert_int_equal(rq_scale(1000, &plus1), 1250);
	assert_int_equal(rq_scale(1000, &minus1), 800);
	assert_true(rq_scale(RQ_SLICE_NS, &top) / RQ_SLICE_NS >= 68);
	assert_true(rq_scale(RQ_SLICE_NS, &low) > 0);
}

/* Names the threads in the order in which the queue gives them out. */
static void assert_order(struct runqueue *rq, const struct thread *t, const char *expect)
{
	for (; *expect != '\0'; expect++)
		assert_int_equal(rq_take(rq, 0) - t, *expect - '0');
	assert_null(rq_take(rq, 0));
}

static void test_realtime_goes_first_by_priority_then_arrival(void **state)
{
	struct thread t[5] = {
		{.vruntime_ns = 0},           {.rank = RANK_REALTIME + 1},  {.rank = RANK_REALTIME + 50},
		{.rank = RANK_REALTIME + 50}, {.rank = RANK_REALTIME + 99},
	};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	for (int i = 0; i < 5; i++)
		rq_add(&rq, &t[i], true);
	assert_order(&rq, t, "42310");
}

static void test_fifo_keeps_its_turn_when_preempted_and_loses_it_by_yield(void **state)
{
	struct thread t[2] = {{.rank = RANK_REALTIME + 5}, {.rank = RANK_REALTIME + 5}};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	rq_add(&rq, &t[1], true);
	assert_ptr_equal(rq_take(&rq, 0), &t[0]);
	rq_add(&rq, &t[0], false); /* somebody more urgent came */
	assert_ptr_equal(rq_take(&rq, 0), &t[0]);
	rq_step_back(&rq, &t[0]);
	rq_add(&rq, &t[0], false);
	assert_order(&rq, t, "10");
}

static void test_who_preempts_whom(void **state)
{
	const struct thread normal = {0}, late = {.vruntime_ns = 10 * RQ_SLICE_NS}, idle = {.rank = RANK_IDLE},
			    batch = {.policy = SCHED_BATCH}, low = {.rank = RANK_REALTIME + 1},
			    high = {.rank = RANK_REALTIME + 2};

	(void)state;
	assert_true(rq_preempts(&low, &normal, 0));
	assert_true(rq_preempts(&high, &low, 0));
	assert_false(rq_preempts(&low, &high, 0));
	assert_false(rq_preempts(&low, &low, 0));
	assert_false(rq_preempts(&normal, &low, UINT64_MAX));
	assert_true(rq_preempts(&normal, &late, late.vruntime_ns));
	assert_true(rq_preempts(&normal, &idle, 0));
	assert_false(rq_preempts(&batch, &late, late.vruntime_ns));
	assert_false(rq_preempts(&idle, &late, late.vruntime_ns));
}

static void test_realtime_leaves_a_twentieth(void **state)
{
	struct thread t[2] = {{.rank = RANK_REALTIME + 99}, {0}};
	uint64_t got[2] = {0}, now_ns = 5 * RQ_RT_PERIOD_NS, end_ns = now_ns + 20 * RQ_RT_PERIOD_NS;
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	rq_add(&rq, &t[1], true);
	while (now_ns < end_ns) {
		struct thread *next = rq_take(&rq, now_ns);

		got[next - t] += RQ_SLICE_NS;
		now_ns += RQ_SLICE_NS;
		rq_charge(&rq, next, RQ_SLICE_NS);
		rq_add(&rq, next, false);
	}
	assert_in_range(got[1], 19 * 50 * 1000000ull, 21 * 50 * 1000000ull);
	/* alone it has all */
	rq_remove(&rq, &t[1]);
	rq.rt_ran_ns = RQ_RT_PERIOD_NS;
	assert_ptr_equal(rq_take(&rq, now_ns), &t[0]);
}

static void test_idle_policy_gets_what_is_left(void **state)
{
	struct thread t[2] = {{0}, {.rank = RANK_IDLE}};
	uint64_t got[2] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	rq_add(&rq, &t[1], true);
	simulate(&rq, t, got, 40000);
	assert_in_range(got[0] / got[1], 330, 350); /* 1024 / 3 */
}

static void test_a_thread_from_another_cpu_neither_starves_nor_starves_others(void **state)
{
	struct thread t[3] = {{0}, {.vruntime_ns = 1}, {.vruntime_ns = 1000 * RQ_SLICE_NS}};
	uint64_t got[3] = {0};
	struct runqueue rq;

	(void)state;
	rq_init(&rq);
	rq_add(&rq, &t[0], true);
	simulate(&rq, t, got, 500);
	for (int i = 1; i < 3; i++) {
		rq_adopt(&rq, &t[i]);
		rq_add(&rq, &t[i], false);
	}
	memset(got, 0, sizeof(got));
	simulate(&rq, t, got, 300);
	for (int i = 0; i < 3; i++)
		assert_in_range(got[i], 90 * RQ_SLICE_NS, 110 * RQ_SLICE_NS);
}

static void test_rank_follows_policy_and_nice(void **state)
{
	(void)state;
	assert_int_equal(rq_own_rank(&(struct thread){.nice = 5}), -5);
	assert_int_equal(rq_own_rank(&(struct thread){.nice = -20}), RANK_REALTIME);
	assert_int_equal(rq_own_rank(&(struct thread){.policy = SCHED_IDLE, .nice = -20}), RANK_IDLE);
	assert_int_equal(rq_own_rank(&(struct thread){.policy = SCHED_RR, .rt_priority = 1, .nice = 9}),
			 RANK_REALTIME + 1);
	assert_int_equal(rq_own_rank(&(struct thread){.policy = SCHED_FIFO, .rt_priority = 99}), RANK_MAX);
	assert_false(rq_is_realtime(&(struct thread){.rank = RANK_REALTIME}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_threads_get_equal_time),
		cmocka_unit_test(test_rank_follows_policy_and_nice),
		cmocka_unit_test(test_nice_levels_divide_time_by_weight),
		cmocka_unit_test(test_lowest_priority_is_not_starved),
		cmocka_unit_test(test_long_sleeper_preempts_once_but_does_not_monopolise),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_realtime_goes_first_by_priority_then_arrival),
		cmocka_unit_test(test_fifo_keeps_its_turn_when_preempted_and_loses_it_by_yield),
		cmocka_unit_test(test_who_preempts_whom),
		cmocka_unit_test(test_realtime_leaves_a_twentieth),
		cmocka_unit_test(test_idle_policy_gets_what_is_left),
		cmocka_unit_test(test_a_thread_from_another_cpu_neither_starves_nor_starves_others),
	};
	return RUN_TESTS(tests);
}
