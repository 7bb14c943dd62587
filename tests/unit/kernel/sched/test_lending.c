/* SPDX-License-Identifier: MIT */
/* Who runs at whose rank: several lenders, chains, changes in the middle of one, circles. */
// SOURCES: kernel/sched/lending.c kernel/sched/runqueue.c lib/pheap.c
#include "unit.h"

#include <errno.h>
#include <linux/sched.h>

#include "kernel/sched/lending.h"
#include "kernel/sched/runqueue.h"

#define MANY (LENDING_DEPTH_MAX + 10)

static struct thread t[MANY];
static struct lending loan[MANY];

void sched_set_rank(struct thread *who, int rank)
{
	who->rank = rank;
}

static int make_threads(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++) {
		t[i] = (struct thread){0};
		list_init(&t[i].lenders);
		loan[i] = (struct lending){0};
	}
	return 0;
}

static void set_fifo(struct thread *who, int priority)
{
	who->policy = SCHED_FIFO;
	who->rt_priority = priority;
	lending_own_changed(who);
}

static void lend(int from, int to)
{
	assert_int_equal(lending_start(&loan[from], &t[from], &t[to]), 0);
}

static void test_the_highest_of_several_lenders_counts(void **state)
{
	(void)state;
	t[1].nice = -7;
	lending_own_changed(&t[1]);
	set_fifo(&t[2], 5);
	set_fifo(&t[3], 9);
	lend(1, 0);
	assert_int_equal(t[0].rank, 7);
	lend(3, 0);
	lend(2, 0);
	assert_int_equal(t[0].rank, RANK_REALTIME + 9);
	assert_ptr_equal(list_first(&t[0].lenders, struct lending, link), &loan[3]);
	lending_stop(&loan[3]);
	assert_int_equal(t[0].rank, RANK_REALTIME + 5);
	lending_stop(&loan[2]);
	lending_stop(&loan[2]);
	assert_int_equal(t[0].rank, 7);
	lending_stop(&loan[1]);
	assert_int_equal(t[0].rank, 0);
	assert_null(t[1].lends);
}

static void test_nobody_is_made_slower(void **state)
{
	(void)state;
	set_fifo(&t[0], 50);
	lend(1, 0);
	t[2].policy = SCHED_IDLE;
	lending_own_changed(&t[2]);
	assert_int_equal(t[2].rank, RANK_IDLE);
	lend(2, 0);
	assert_int_equal(t[0].rank, RANK_REALTIME + 50);
}

static void test_a_chain_follows_its_last(void **state)
{
	(void)state;
	lend(1, 0);
	lend(2, 1);
	set_fifo(&t[3], 3);
	lend(3, 2);
	assert_int_equal(t[0].rank, RANK_REALTIME + 3);
	set_fifo(&t[3], 8);
	assert_int_equal(t[0].rank, RANK_REALTIME + 8);
	set_fifo(&t[1], 20);
	assert_int_equal(t[0].rank, RANK_REALTIME + 20);
	assert_int_equal(t[2].rank, RANK_REALTIME + 8);
	lending_stop(&loan[2]);
	set_fifo(&t[1], 1);
	assert_int_equal(t[0].rank, RANK_REALTIME + 1);
	assert_int_equal(t[1].rank, RANK_REALTIME + 1);
}

static void test_those_of_one_rank_keep_their_order(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++)
		lend(i, 0);
	set_fifo(&t[3], 1);
	const int order[] = {3, 1, 2, 4};
	int i = 0;

	list_for_each (l, &t[0].lenders, link, struct lending)
		assert_ptr_equal(l, &loan[order[i++]]);
}

static void test_who_waits_goes_with_the_lock(void **state)
{
	(void)state;
	set_fifo(&t[2], 6);
	lend(1, 0);
	lend(2, 0);
	lending_stop(&loan[1]); /* it is given the lock */
	lending_move(&loan[2], &t[1]);
	assert_int_equal(t[0].rank, 0);
	assert_int_equal(t[1].rank, RANK_REALTIME + 6);
	assert_ptr_equal(t[2].lends->borrower, &t[1]);
}

static void test_circles_are_refused(void **state)
{
	(void)state;
	assert_int_equal(lending_start(&loan[0], &t[0], &t[0]), -EDEADLK);
	lend(1, 0);
	lend(2, 1);
	assert_int_equal(lending_start(&loan[0], &t[0], &t[2]), -EDEADLK);
	assert_null(t[0].lends);
	assert_true(list_empty(&t[2].lenders));
}

static void test_chains_have_an_end(void **state)
{
	(void)state;
	for (int i = 0; i < LENDING_DEPTH_MAX; i++)
		lend(i + 1, i);
	assert_int_equal(lending_start(&loan[MANY - 1], &t[MANY - 1], &t[LENDING_DEPTH_MAX]), -EDEADLK);
	set_fifo(&t[LENDING_DEPTH_MAX], 2);
	assert_int_equal(t[0].rank, RANK_REALTIME + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_highest_of_several_lenders_counts, make_threads),
		cmocka_unit_test_setup(test_nobody_is_made_slower, make_threads),
		cmocka_unit_test_setup(test_a_chain_follows_its_last, make_threads),
		cmocka_unit_test_setup(test_those_of_one_rank_keep_their_order, make_threads),
		cmocka_unit_test_setup(test_who_waits_goes_with_the_lock, make_threads),
		cmocka_unit_test_setup(test_circles_are_refused, make_threads),
		cmocka_unit_test_setup(test_chains_have_an_end, make_threads),
	};
	return RUN_TESTS(tests);
}
