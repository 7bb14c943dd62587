/* SPDX-License-Identifier: MIT */
/* Who a futex wake reaches: urgency, order, bitsets, keys that share a bucket, requeueing, lock waiters apart from
 * plain ones. */
#include "unit.h"

#include <errno.h>

#include "kernel/linux/futex_queue.h"

static intptr_t woken[64];
static int nr_woken;

static void wake(struct thread *t)
{
	woken[nr_woken++] = (intptr_t)t;
}

static void wait_on(struct futex_waiter *w, intptr_t who, struct futex_key key, uint32_t bits)
{
	*w = (struct futex_waiter){.key = key, .thread = (struct thread *)who, .bits = bits};
	futex_queue_add(w);
}

static const struct futex_key A = {1, 0x1000}, B = {1, 0x1004}, A_elsewhere = {2, 0x1000};

static int requeue(struct futex_key to, int nr_wake, int nr_move)
{
	struct futex_requeue r = {.from = A, .to = to, .nr_wake = nr_wake, .nr_move = nr_move, .wake = wake};

	return futex_queue_requeue(&r);
}

static int answer(void *arg)
{
	return *(int *)arg;
}

static void test_nothing_is_done_where_the_look_says_no(void **state)
{
	struct futex_waiter w, late = {.key = A, .thread = (struct thread *)2, .bits = FUTEX_ANY_BITS};
	struct futex_requeue r = {.from = A, .to = B, .nr_wake = 1, .nr_move = 1, .wake = wake, .look = answer};
	int no = -EAGAIN, go_on = 0;

	(void)state;
	nr_woken = 0;
	wait_on(&w, 1, A, FUTEX_ANY_BITS);
	assert_int_equal(futex_queue_add_if(&late, answer, &no), -EAGAIN);
	assert_false(futex_is_queued(&late));
	r.arg = &no;
	assert_int_equal(futex_queue_requeue(&r), -EAGAIN);
	assert_int_equal(nr_woken, 0);
	assert_int_equal(futex_queue_add_if(&late, answer, &go_on), 0);
	r.arg = &go_on;
	assert_int_equal(futex_queue_requeue(&r), 2);
	assert_int_equal(nr_woken, 1);
	assert_int_equal(woken[0], 1);
	assert_int_equal(futex_queue_wake(&B, 9, FUTEX_ANY_BITS, wake), 1);
	assert_int_equal(woken[1], 2);
}

/* Whoever gives up waiting learns that a wake was spent on him. */
static void test_removing_tells_whether_it_was_woken(void **state)
{
	struct futex_waiter w[2];

	(void)state;
	nr_woken = 0;
	wait_on(&w[0], 1, A, FUTEX_ANY_BITS);
	wait_on(&w[1], 2, A, FUTEX_ANY_BITS);
	assert_int_equal(futex_queue_wake(&A, 1, FUTEX_ANY_BITS, wake), 1);
	assert_false(futex_queue_remove(&w[0]));
	assert_true(futex_queue_remove(&w[1]));
}

static void test_oldest_first_and_no_more_than_asked(void **state)
{
	struct futex_waiter w[4];

	(void)state;
	nr_woken = 0;
	for (intptr_t i = 0; i < 4; i++)
		wait_on(&w[i], i + 1, A, FUTEX_ANY_BITS);
	assert_int_equal(futex_queue_wake(&A, 2, FUTEX_ANY_BITS, wake), 2);
	assert_int_equal(woken[0], 1);
	assert_int_equal(woken[1], 2);
	assert_true(list_empty(&w[0].link));
	assert_false(list_empty(&w[2].link));
	assert_int_equal(futex_queue_wake(&A, 0, FUTEX_ANY_BITS, wake), 0);
	assert_int_equal(futex_queue_wake(&A, 99, FUTEX_ANY_BITS, wake), 2);
	assert_int_equal(futex_queue_wake(&A, 99, FUTEX_ANY_BITS, wake), 0);
}

static void test_keys_do_not_mix(void **state)
{
	struct futex_waiter w[3], many[40];

	(void)state;
	nr_woken = 0;
	wait_on(&w[0], 1, A, FUTEX_ANY_BITS);
	wait_on(&w[1], 2, B, FUTEX_ANY_BITS);
	wait_on(&w[2], 3, A_elsewhere, FUTEX_ANY_BITS);
	for (intptr_t i = 0; i < 40; i++)
		wait_on(&many[i], 100 + i, (struct futex_key){0, 0x4000 + 4 * (uint64_t)i}, FUTEX_ANY_BITS);
	assert_int_equal(futex_queue_wake(&A, 99, FUTEX_ANY_BITS, wake), 1);
	assert_int_equal(woken[0], 1);
	futex_queue_remove(&w[1]);
	futex_queue_remove(&w[1]);
	futex_queue_remove(&w[2]);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(futex_queue_wake(&many[i].key, 99, FUTEX_ANY_BITS, wake), 1);
		assert_int_equal(woken[nr_woken - 1], 100 + i);
	}
}

static void test_bitset_selects(void **state)
{
	struct futex_waiter w[3];

	(void)state;
	nr_woken = 0;
	wait_on(&w[0], 1, A, 1);
	wait_on(&w[1], 2, A, 2);
	wait_on(&w[2], 3, A, 3);
	assert_int_equal(futex_queue_wake(&A, 99, 2, wake), 2);
	assert_int_equal(woken[0], 2);
	assert_int_equal(woken[1], 3);
	futex_queue_remove(&w[0]);
}

static void test_requeue_keeps_order_behind_those_there(void **state)
{
	struct futex_waiter w[4];

	(void)state;
	nr_woken = 0;
	wait_on(&w[0], 1, B, FUTEX_ANY_BITS);
	wait_on(&w[1], 2, A, FUTEX_ANY_BITS);
	wait_on(&w[2], 3, A, FUTEX_ANY_BITS);
	wait_on(&w[3], 4, A, FUTEX_ANY_BITS);
	assert_int_equal(requeue(B, 0, 2), 2);
	assert_int_equal(requeue(A, 0, 5), 1); /* stays, and counts, as on Linux */
	assert_int_equal(futex_queue_wake(&B, 99, FUTEX_ANY_BITS, wake), 3);
	assert_int_equal(woken[0], 1);
	assert_int_equal(woken[1], 2);
	assert_int_equal(woken[2], 3);
	assert_int_equal(futex_queue_wake(&A, 99, FUTEX_ANY_BITS, wake), 1);
}

static void test_wakes_refuse_what_waits_for_a_lock(void **state)
{
	struct futex_waiter lock, plain;

	(void)state;
	wait_on(&plain, 1, A, FUTEX_ANY_BITS);
	wait_on(&lock, 2, A, FUTEX_ANY_BITS);
	lock.kind = FUTEX_LOCK;
	nr_woken = 0;
	assert_int_equal(futex_queue_wake(&A, 1, FUTEX_ANY_BITS, wake), 1);
	assert_int_equal(futex_queue_wake(&A, 1, FUTEX_ANY_BITS, wake), -EINVAL);
	assert_int_equal(requeue(B, 0, 1), -EINVAL);
	assert_int_equal(nr_woken, 1);
	assert_ptr_equal(futex_queue_first_for_lock(&A), &lock);
	futex_queue_remove(&lock);
	assert_null(futex_queue_first_for_lock(&A));
}

static void test_a_condition_waiter_becomes_a_lock_waiter(void **state)
{
	struct futex_waiter w, plain, *found = &plain;

	(void)state;
	assert_int_equal(futex_queue_first_condition(&A, &found), 0);
	assert_null(found);
	wait_on(&w, 1, A, FUTEX_ANY_BITS);
	w.kind = FUTEX_CONDITION;
	wait_on(&plain, 2, A, FUTEX_ANY_BITS);
	assert_int_equal(futex_queue_first_condition(&A, &found), 0);
	assert_ptr_equal(found, &w);
	assert_null(futex_queue_first_for_lock(&A));
	futex_queue_move(&w, &B, FUTEX_LOCK);
	assert_ptr_equal(futex_queue_first_for_lock(&B), &w);
	assert_int_equal(futex_queue_first_condition(&A, &found), -EINVAL);
	futex_queue_remove(&w);
	futex_queue_remove(&plain);
}

static void test_the_urgent_go_first(void **state)
{
	static const int urgency[] = {0, 5, 0, 99, 5}, order[] = {4, 2, 5, 1, 3};
	struct futex_waiter w[5];

	(void)state;
	nr_woken = 0;
	for (intptr_t i = 0; i < 5; i++) {
		w[i] = (struct futex_waiter){
			.key = A, .thread = (struct thread *)(i + 1), .bits = 1, .urgency = urgency[i]};
		futex_queue_add(&w[i]);
	}
	assert_int_equal(requeue(B, 0, 2), 2);
	assert_int_equal(futex_queue_wake(&B, 9, FUTEX_ANY_BITS, wake), 2);
	assert_int_equal(futex_queue_wake(&A, 9, FUTEX_ANY_BITS, wake), 3);
	for (int i = 0; i < 5; i++)
		assert_int_equal(woken[i], order[i]);
}

static void test_waitv_remembers_the_first(void **state)
{
	struct futex_waiter w[2];
	int index = -1;

	(void)state;
	nr_woken = 0;
	wait_on(&w[0], 1, A, FUTEX_ANY_BITS);
	wait_on(&w[1], 1, B, FUTEX_ANY_BITS);
	w[0].woken_ref = w[1].woken_ref = &index;
	w[1].index = 1;
	futex_queue_wake(&B, 1, FUTEX_ANY_BITS, wake);
	futex_queue_wake(&A, 1, FUTEX_ANY_BITS, wake);
	assert_int_equal(index, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_done_where_the_look_says_no),
		cmocka_unit_test(test_removing_tells_whether_it_was_woken),
		cmocka_unit_test(test_oldest_first_and_no_more_than_asked),
		cmocka_unit_test(test_keys_do_not_mix),
		cmocka_unit_test(test_bitset_selects),
		cmocka_unit_test(test_requeue_keeps_order_behind_those_there),
		cmocka_unit_test(test_wakes_refuse_what_waits_for_a_lock),
		cmocka_unit_test(test_a_condition_waiter_becomes_a_lock_waiter),
		cmocka_unit_test(test_the_urgent_go_first),
		cmocka_unit_test(test_waitv_remembers_the_first),
	};
	return RUN_TESTS(tests);
}
