/* SPDX-License-Identifier: MIT */
/* Pending signals: standard ones once, real-time ones in order, faults first, owned entries, no memory. */
// SOURCES: kernel/linux/sigqueue.c shim/kmalloc.c shim/log.c
#include "unit.h"

#include <errno.h>

#include "kernel/linux/sigqueue.h"
#include "shim.h"

#define RT 40

static struct user_counts user;

static siginfo_t info(int sig, int code, int value)
{
	siginfo_t i;

	memset(&i, 0, sizeof(i));
	i.si_signo = sig;
	i.si_code = code;
	i.si_value.sival_int = value;
	return i;
}

static void add(struct sigpending *p, int sig, int value)
{
	siginfo_t i = info(sig, SI_QUEUE, value);

	assert_int_equal(sigpending_add(p, &i, &user, UINT64_MAX), 0);
}

static void test_standard_signals_are_kept_once(void **state)
{
	struct sigpending p;
	siginfo_t out;

	(void)state;
	sigpending_init(&p);
	add(&p, SIGUSR1, 1);
	add(&p, SIGUSR1, 2);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGUSR1);
	assert_int_equal(out.si_value.sival_int, 1);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), 0);
}

static void test_realtime_signals_queue_in_order(void **state)
{
	struct sigpending p;
	siginfo_t out;

	(void)state;
	sigpending_init(&p);
	for (int i = 0; i < 5; i++)
		add(&p, RT, i);
	add(&p, RT - 1, 99);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), RT - 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(sigpending_take(&p, ~0ull, &out), RT);
		assert_int_equal(out.si_value.sival_int, i);
	}
	assert_int_equal(p.mask, 0);
}

static void test_faults_come_before_lower_numbers(void **state)
{
	struct sigpending p;
	siginfo_t out;

	(void)state;
	sigpending_init(&p);
	add(&p, SIGHUP, 0);
	add(&p, SIGSEGV, 0);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGSEGV);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGHUP);
}

static void test_only_allowed_ones_are_taken(void **state)
{
	struct sigpending p;
	siginfo_t out;

	(void)state;
	sigpending_init(&p);
	add(&p, SIGINT, 0);
	add(&p, SIGTERM, 0);
	assert_int_equal(sigpending_take(&p, SIGMASK(SIGTERM), &out), SIGTERM);
	assert_int_equal(sigpending_take(&p, SIGMASK(SIGTERM), &out), 0);
	sigpending_discard(&p, SIGMASK(SIGINT));
	assert_int_equal(p.mask, 0);
	assert_true(list_empty(&p.queue));
}

static void test_no_memory_loses_no_standard_signal(void **state)
{
	struct sigpending p;
	siginfo_t queued = info(RT, SI_QUEUE, 0), killed = info(SIGTERM, SI_USER, 0), out;

	(void)state;
	sigpending_init(&p);
	shim_kmalloc_fail_after(0);
	add(&p, SIGHUP, 7); /* the first has a place of its own */
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGHUP);
	assert_int_equal(out.si_value.sival_int, 7);
	add(&p, SIGHUP, 8);
	assert_int_equal(sigpending_add(&p, &queued, &user, UINT64_MAX), -EAGAIN);
	assert_int_equal(sigpending_add(&p, &killed, &user, UINT64_MAX), 0);
	shim_kmalloc_fail_after(-1);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGHUP);
	assert_int_equal(sigpending_take(&p, ~0ull, &out), SIGTERM);
	assert_int_equal(out.si_code, SI_USER);
	assert_int_equal(p.mask, 0);
}

static void test_the_limit_of_a_user(void **state)
{
	siginfo_t rt = info(RT, SI_QUEUE, 0), rt_kill = info(RT + 1, SI_USER, 9), queued = info(SIGUSR1, SI_QUEUE, 5),
		  killed = info(SIGUSR2, SI_USER, 6), out;
	struct sigpending p, other;

	(void)state;
	user.signals = 0;
	sigpending_init(&p);
	sigpending_init(&other);
	assert_int_equal(sigpending_add(&p, &rt, &user, 2), 0);
	assert_int_equal(sigpending_add(&other, &rt, &user, 2), 0);
	assert_int_equal(sigpending_add(&p, &rt, &user, 2), -EAGAIN);
	assert_int_equal(sigpending_add(&p, &rt_kill, &user, 2), 0); /* arrives, but does not say from whom */
	assert_int_equal(sigpending_add(&p, &queued, &user, 2), 0);
	assert_int_equal(user.signals, 2);
	assert_int_equal(sigpending_add(&p, &killed, &user, 2), 0); /* not limited */
	assert_int_equal(user.signals, 3);
	assert_int_equal(sigpending_take(&p, SIGMASK(SIGUSR1), &out), SIGUSR1);
	assert_int_equal(out.si_value.sival_int, 0);
	assert_int_equal(sigpending_take(&p, SIGMASK(SIGUSR2), &out), SIGUSR2);
	assert_int_equal(out.si_value.sival_int, 6);
	assert_int_equal(sigpending_take(&p, SIGMASK(RT + 1), &out), RT + 1);
	assert_int_equal(out.si_code, SI_USER);
	sigpending_discard(&p, ~0ull);
	assert_int_equal(user.signals, 1);
	assert_int_equal(sigpending_take(&other, ~0ull, &out), RT);
	assert_int_equal(user.signals, 0);
	assert_int_equal(sigpending_add(&p, &rt, NULL, 2), -EAGAIN);
	assert_int_equal(sigpending_add(&p, &killed, NULL, 2), 0);
}

static int taken;

static void on_taken(struct sigitem *item)
{
	taken++;
	item->info.si_overrun = 17;
}

static void test_owned_items_queue_once_and_are_not_freed(void **state)
{
	struct sigpending p;
	struct sigitem item = {.owned = true, .taken = on_taken, .info = info(RT, SI_TIMER, 0)};
	siginfo_t out;

	(void)state;
	sigpending_init(&p);
	list_init(&item.link);
	assert_true(sigpending_add_item(&p, &item));
	assert_false(sigpending_add_item(&p, &item));
	assert_int_equal(sigpending_take(&p, ~0ull, &out), RT);
	assert_int_equal(out.si_overrun, 17);
	assert_int_equal(taken, 1);
	assert_true(sigpending_add_item(&p, &item));
	add(&p, RT, 5);
	sigpending_remove_item(&p, &item);
	sigpending_remove_item(&p, &item);
	assert_int_equal(p.mask, SIGMASK(RT));
	sigpending_discard(&p, ~0ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard_signals_are_kept_once),
		cmocka_unit_test(test_realtime_signals_queue_in_order),
		cmocka_unit_test(test_faults_come_before_lower_numbers),
		cmocka_unit_test(test_only_allowed_ones_are_taken),
		cmocka_unit_test(test_no_memory_loses_no_standard_signal),
		cmocka_unit_test(test_the_limit_of_a_user),
		cmocka_unit_test(test_owned_items_queue_once_and_are_not_freed),
	};
	return RUN_TESTS(tests);
}
