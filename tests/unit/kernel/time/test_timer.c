/* SPDX-License-Identifier: MIT */
/* Timers: order, re-arming and cancelling from inside callbacks, and how rarely the VMM is told. */
// SOURCES: kernel/time/timer.c lib/pheap.c shim/clock.c shim/events.c shim/klock.c
#include "unit.h"

#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "shim.h"

static int fired[8], nr_fired;

/* kernel/sched: the tests call ktimer_resume themselves. */
void sched_resume_timers(void)
{
}

unsigned cpu_id(void)
{
	return 0;
}

static void note(struct ktimer *t)
{
	fired[nr_fired++] = (int)(intptr_t)t->arg;
}

static int setup(void **state)
{
	(void)state;
	nr_fired = 0;
	shim_clock_set(1000);
	ktimer_subsystem_init();
	return 0;
}

static void test_fire_in_order_and_only_when_due(void **state)
{
	struct ktimer t[3];

	(void)state;
	for (intptr_t i = 0; i < 3; i++)
		ktimer_init(&t[i], note, (void *)i);
	ktimer_arm(&t[0], 3000);
	ktimer_arm(&t[1], 2000);
	ktimer_arm(&t[2], 9000);
	assert_int_equal(ktimer_next_deadline(), 2000);
	assert_false(ktimer_run_expired());
	shim_clock_set(3000);
	assert_true(ktimer_run_expired());
	assert_int_equal(nr_fired, 2);
	assert_int_equal(fired[0], 1);
	assert_int_equal(fired[1], 0);
	assert_false(ktimer_armed(&t[0]));
	assert_true(ktimer_armed(&t[2]));
	ktimer_cancel(&t[2]);
	ktimer_cancel(&t[2]);
	assert_int_equal(ktimer_next_deadline(), UINT64_MAX);
}

static void again(struct ktimer *t)
{
	note(t);
	ktimer_arm(t, t->deadline_ns + 10);
}

static void test_rearm_from_callback_fires_once_per_due_time(void **state)
{
	struct ktimer t;

	(void)state;
	ktimer_init(&t, again, NULL);
	ktimer_arm(&t, 1010);
	shim_clock_set(1035);
	ktimer_run_expired();
	assert_int_equal(nr_fired, 3);
	assert_int_equal(ktimer_next_deadline(), 1040);
	ktimer_cancel(&t);
}

static struct ktimer victim;

static void cancel_victim(struct ktimer *t)
{
	note(t);
	ktimer_cancel(&victim);
}

static void test_cancelled_by_an_earlier_one_does_not_fire(void **state)
{
	struct ktimer t;

	(void)state;
	ktimer_init(&t, cancel_victim, NULL);
	ktimer_init(&victim, note, (void *)7);
	ktimer_arm(&t, 2000);
	ktimer_arm(&victim, 2001);
	shim_clock_set(5000);
	ktimer_run_expired();
	assert_int_equal(nr_fired, 1);
}

static void test_vmm_hears_of_earlier_deadlines_only(void **state)
{
	struct ktimer a, b;
	unsigned before = shim_timer_arms(NULL);
	uint64_t last;

	(void)state;
	ktimer_init(&a, note, NULL);
	ktimer_init(&b, note, NULL);
	ktimer_arm(&a, 5000);
	ktimer_resume();
	assert_int_equal(shim_timer_arms(&last), before + 1);
	assert_int_equal(last, 5000);
	ktimer_arm(&b, 8000);
	ktimer_resume();
	ktimer_arm(&a, 6000); /* later: the VMM's interruption at 5000 will find nothing */
	ktimer_resume();
	assert_int_equal(shim_timer_arms(NULL), before + 1);
	ktimer_arm(&b, 4000);
	ktimer_resume();
	assert_int_equal(shim_timer_arms(&last), before + 2);
	assert_int_equal(last, 4000);
	shim_clock_set(4000);
	shim_timer_event();
	assert_int_equal(nr_fired, 1);
	ktimer_resume();
	assert_int_equal(shim_timer_arms(&last), before + 3);
	assert_int_equal(last, 6000);
	ktimer_cancel(&a);
	shim_clock_set(7000);
	shim_timer_event();
	assert_int_equal(nr_fired, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fire_in_order_and_only_when_due, setup),
		cmocka_unit_test_setup(test_rearm_from_callback_fires_once_per_due_time, setup),
		cmocka_unit_test_setup(test_cancelled_by_an_earlier_one_does_not_fire, setup),
		cmocka_unit_test_setup(test_vmm_hears_of_earlier_deadlines_only, setup),
	};
	return RUN_TESTS(tests);
}
