/* SPDX-License-Identifier: MIT */
/*
 * Wait queues and mutexes against a scheduler made of paper: sched_block runs a script of what "the others" do
 * meanwhile, so that wakes arrive before, between and after the steps of a sleeper.
 */
// SOURCES: kernel/sched/wait.c kernel/sched/mutex.c kernel/time/timer.c lib/pheap.c shim/clock.c shim/events.c shim/log.c shim/klock.c
#include "unit.h"

#include <errno.h>

#include "kernel/sched/wait.h"
#include "kernel/time/clock.h"
#include "shim.h"

static struct thread me, others[4];
static struct thread *running = &me;
static struct thread *woken[16];
static int nr_woken, nr_blocks;
static void (*meanwhile)(void);

struct thread *thread_current(void)
{
	return running;
}

unsigned cpu_id(void)
{
	return 0;
}

void sched_prepare(void)
{
	running->state = THREAD_RUNNABLE;
}

void sched_wake(struct thread *t)
{
	t->state = THREAD_WOKEN;
	if (nr_woken < 16)
		woken[nr_woken++] = t;
}

void sched_block(void)
{
	nr_blocks++;
	assert_in_range(nr_blocks, 1, 50); /* otherwise it would sleep for ever */
	if (running->state != THREAD_WOKEN && meanwhile != NULL)
		meanwhile();
	running->state = THREAD_RUNNABLE;
}

void sched_resume_timers(void)
{
}

static struct waitq wq;
static bool condition;

static int setup(void **state)
{
	(void)state;
	memset(&me, 0, sizeof(me));
	running = &me;
	waitq_init(&wq);
	condition = false;
	nr_woken = nr_blocks = 0;
	meanwhile = NULL;
	shim_clock_set(1000);
	ktimer_subsystem_init();
	return 0;
}

static void make_true_and_wake(void)
{
	condition = true;
	waitq_wake(&wq, 0);
}

static void test_woken_by_another(void **state)
{
	(void)state;
	meanwhile = make_true_and_wake;
	assert_int_equal(wait_event_interruptible(&wq, condition), 0);
	assert_int_equal(nr_blocks, 1);
	assert_true(list_empty(&wq.waiters));
}

static void test_condition_already_true_does_not_block(void **state)
{
	(void)state;
	condition = true;
	assert_int_equal(wait_event_interruptible(&wq, condition), 0);
	assert_int_equal(nr_blocks, 0);
}

static bool false_but_woken_meanwhile(void)
{
	if (!condition) {
		make_true_and_wake();
		return false; /* read before the other made it true */
	}
	return true;
}

static void test_wake_between_condition_and_block_is_not_lost(void **state)
{
	(void)state;
	assert_int_equal(wait_event_interruptible(&wq, false_but_woken_meanwhile()), 0);
	assert_int_equal(nr_blocks, 1);
}

static void wake_for_nothing_thrice(void)
{
	condition = nr_blocks == 3;
	waitq_wake(&wq, 0);
}

static void test_spurious_wakes_are_harmless(void **state)
{
	(void)state;
	meanwhile = wake_for_nothing_thrice;
	assert_int_equal(wait_event_interruptible(&wq, condition), 0);
	assert_int_equal(nr_blocks, 3);
}

static void time_passes(void)
{
	shim_clock_set(ktimer_next_deadline());
	ktimer_run_expired();
}

static void test_deadline(void **state)
{
	(void)state;
	meanwhile = time_passes;
	assert_int_equal(wait_event_deadline(&wq, condition, 5000, true), -ETIMEDOUT);
	assert_int_equal(clock_monotonic_ns(), 5000);
	assert_int_equal(ktimer_next_deadline(), UINT64_MAX);
	assert_int_equal(wait_event_deadline(&wq, condition, 4000, true), -ETIMEDOUT);
	assert_int_equal(nr_blocks, 1);
}

static void signal_comes(void)
{
	me.work |= THREAD_WORK_SIGNAL;
	sched_wake(&me);
}

static void test_signals_interrupt_only_who_allows_it(void **state)
{
	(void)state;
	meanwhile = signal_comes;
	assert_int_equal(wait_event_interruptible(&wq, condition), -EINTR);
	nr_blocks = 0;
	meanwhile = make_true_and_wake;
	wait_event(&wq, condition);
	assert_int_equal(nr_blocks, 1);
	condition = false;
	assert_int_equal(wait_event_interruptible(&wq, condition), -EINTR);
	assert_int_equal(nr_blocks, 1);
}

static void test_exclusive_waiters_take_turns(void **state)
{
	struct waiter w[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		w[i] = (struct waiter){.thread = &others[i], .exclusive = i > 0};
		waitq_add(&wq, &w[i]);
	}
	waitq_wake_one(&wq, 0); /* the one that is not exclusive, and one that is */
	assert_int_equal(nr_woken, 2);
	assert_ptr_equal(woken[0], &others[0]);
	assert_ptr_equal(woken[1], &others[1]);
	waitq_wake_one(&wq, 0);
	assert_ptr_equal(woken[nr_woken - 1], &others[2]);
	nr_woken = 0;
	waitq_wake(&wq, 0);
	assert_int_equal(nr_woken, 3);
	for (int i = 0; i < 3; i++)
		waitq_remove(&w[i]);
	waitq_remove(&w[0]);
	waitq_wake(&wq, 0);
	assert_int_equal(nr_woken, 3);
}

static struct mutex m;

static void owner_unlocks(void)
{
	running = &others[0];
	mutex_unlock(&m);
	running = &me;
}

static void test_mutex(void **state)
{
	(void)state;
	mutex_init(&m);
	running = &others[0];
	mutex_lock(&m);
	running = &me;
	meanwhile = owner_unlocks;
	mutex_lock(&m);
	assert_ptr_equal(m.owner, &me);
	assert_int_equal(nr_blocks, 1);
	mutex_unlock(&m);
	assert_true(mutex_trylock(&m));
	assert_false(mutex_trylock(&m));
}

static void test_mutex_is_not_recursive(void **state)
{
	(void)state;
	mutex_init(&m);
	mutex_lock(&m);
	assert_true(SHIM_PANICS(mutex_lock(&m)));
}

static void test_only_the_owner_unlocks(void **state)
{
	(void)state;
	mutex_init(&m);
	assert_true(SHIM_PANICS(mutex_unlock(&m)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_woken_by_another, setup),
		cmocka_unit_test_setup(test_condition_already_true_does_not_block, setup),
		cmocka_unit_test_setup(test_wake_between_condition_and_block_is_not_lost, setup),
		cmocka_unit_test_setup(test_spurious_wakes_are_harmless, setup),
		cmocka_unit_test_setup(test_deadline, setup),
		cmocka_unit_test_setup(test_signals_interrupt_only_who_allows_it, setup),
		cmocka_unit_test_setup(test_exclusive_waiters_take_turns, setup),
		cmocka_unit_test_setup(test_mutex, setup),
		cmocka_unit_test_setup(test_mutex_is_not_recursive, setup),
		cmocka_unit_test_setup(test_only_the_owner_unlocks, setup),
	};
	return RUN_TESTS(tests);
}
