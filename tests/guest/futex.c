/* SPDX-License-Identifier: MIT */
/* futex(2) by itself: waits, wakes, timeouts, requeueing, WAKE_OP, locks with an owner, robust lists, waitv. */
#include "report.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(void *uaddr, int op, uint32_t val, const void *timeout, void *uaddr2, uint32_t val3)
{
	return syscall(SYS_futex, uaddr, op, val, timeout, uaddr2, val3);
}

static uint64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct timespec in_ms(clockid_t clock, int ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void test_errors(void)
{
	struct timespec soon = {.tv_nsec = 1};
	uint32_t word = 1;

	report_errno(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &soon, NULL, 0), ENOSYS);
	report_eq(futex((void *)8, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	report_errno(futex((void *)8, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	report_errno(futex((void *)8, FUTEX_WAIT_PRIVATE, 1, &soon, NULL, 0), EFAULT);
	report_errno(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
	report_errno(futex((char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
	report_errno(futex(NULL, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EFAULT);
	report_errno(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
	report_errno(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	report_errno(futex(&word, FUTEX_WAIT, 1, &(struct timespec){0, 1000000000}, NULL, 0), EINVAL);
	report_errno(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word, 5), EAGAIN);
	report_eq(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void test_timeouts(void)
{
	uint32_t word = 1;
	struct timespec rel = {0, 20000000}, abs_mono, abs_real;
	uint64_t t0 = now_ms(CLOCK_MONOTONIC);

	report_errno(futex(&word, FUTEX_WAIT_PRIVATE, 1, &rel, NULL, 0), ETIMEDOUT);
	report_true(now_ms(CLOCK_MONOTONIC) - t0 >= 19);
	t0 = now_ms(CLOCK_MONOTONIC);
	abs_mono = in_ms(CLOCK_MONOTONIC, 20);
	report_errno(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &abs_mono, NULL, ~0u), ETIMEDOUT);
	report_true(now_ms(CLOCK_MONOTONIC) - t0 >= 19);
	report_errno(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &abs_mono, NULL, ~0u), ETIMEDOUT);
	t0 = now_ms(CLOCK_MONOTONIC);
	abs_real = in_ms(CLOCK_REALTIME, 20);
	report_errno(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &abs_real, NULL, ~0u), ETIMEDOUT);
	report_true(now_ms(CLOCK_MONOTONIC) - t0 >= 18);
}

struct sleeper {
	pthread_t th;
	uint32_t *word;
	int op;
	uint32_t bits;
	volatile long result;
	volatile bool done;
};

static void *sleep_on(void *arg)
{
	struct sleeper *s = arg;

	s->result = futex(s->word, s->op, 0, NULL, NULL, s->bits);
	s->done = true;
	return NULL;
}

/* How many sleep on the word: they are moved to another and back. */
static long sleepers(uint32_t *word, int is_private)
{
	static uint32_t side;
	long n = futex(word, FUTEX_CMP_REQUEUE | is_private, 0, (void *)1000, &side, *word);

	futex(&side, FUTEX_CMP_REQUEUE | is_private, 0, (void *)1000, word, 0);
	return n;
}

/* Returns when it sleeps. */
static void start(struct sleeper *s, uint32_t *word, int op, uint32_t bits)
{
	long before = sleepers(word, op & FUTEX_PRIVATE_FLAG);

	*s = (struct sleeper){.word = word, .op = op, .bits = bits};
	pthread_create(&s->th, NULL, sleep_on, s);
	while (sleepers(word, op & FUTEX_PRIVATE_FLAG) == before)
		usleep(1000);
}

static int nr_done(const struct sleeper s[4])
{
	int done = 0;

	for (int i = 0; i < 4; i++)
		done += s[i].done;
	return done;
}

static void test_wakes(void)
{
	static uint32_t a, b;
	struct sleeper s[4];

	for (int i = 0; i < 4; i++)
		start(&s[i], &a, FUTEX_WAIT_PRIVATE, 0);
	report_eq(futex(&b, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 0);
	report_eq(futex(&a, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
	while (nr_done(s) == 0)
		usleep(1000);
	report_eq(nr_done(s), 1);
	report_eq(futex(&a, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &b, 0), 2);
	report_eq(futex(&a, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 1);
	report_eq(futex(&b, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 1);
	for (int i = 0; i < 4; i++)
		pthread_join(s[i].th, NULL);
	report_true(s[0].result == 0 && s[3].result == 0);
	start(&s[0], &a, FUTEX_WAIT_BITSET_PRIVATE, 1);
	start(&s[1], &a, FUTEX_WAIT_BITSET_PRIVATE, 2);
	report_eq(futex(&a, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 2), 1);
	report_eq(futex(&a, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 1), 1);
	pthread_join(s[0].th, NULL);
	pthread_join(s[1].th, NULL);
	start(&s[0], &a, FUTEX_WAIT_PRIVATE, 0);
	start(&s[1], &b, FUTEX_WAIT_PRIVATE, 0);
	report_eq(futex(&a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &b, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)), 2);
	report_eq(b, 5);
	report_eq(futex(&a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &b, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_LT, 0)), 0);
	report_eq(b, 0);
	pthread_join(s[0].th, NULL);
	pthread_join(s[1].th, NULL);
}

static void test_shared_by_two_mappings(void)
{
	int fd = memfd_create("f", 0);
	uint32_t *p, *q;
	struct sleeper s;

	(void)!ftruncate(fd, 4096);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	start(&s, p, FUTEX_WAIT, 0);
	report_eq(futex(q, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	pthread_join(s.th, NULL);
	report_eq(s.result, 0);
	close(fd);
}

static uint32_t pi_word;
static volatile bool pi_owned, pi_enough;

static void *pi_owner(void *arg)
{
	(void)arg;
	futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	pi_owned = true;
	while (!pi_enough)
		usleep(1000);
	usleep(20000);
	futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void test_priority_inheritance_locks(void)
{
	pthread_t th;
	struct timespec soon;

	report_eq(futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
	report_true(pi_word == (uint32_t)gettid());
	report_errno(futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	report_eq(futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
	report_eq(pi_word, 0);
	report_errno(futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
	pthread_create(&th, NULL, pi_owner, NULL);
	while (!pi_owned)
		usleep(1000);
	report_errno(futex(&pi_word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
	soon = in_ms(CLOCK_REALTIME, 2);
	report_errno(futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, &soon, NULL, 0), ETIMEDOUT);
	pi_enough = true;
	report_eq(futex(&pi_word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
	report_true((pi_word & FUTEX_TID_MASK) == (uint32_t)gettid());
	pthread_join(th, NULL);
	futex(&pi_word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static pthread_mutex_t robust;

static void *die_with_lock(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&robust);
	return NULL;
}

static void test_robust(int protocol)
{
	pthread_mutexattr_t attr;
	pthread_t th;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&attr, protocol);
	pthread_mutex_init(&robust, &attr);
	pthread_create(&th, NULL, die_with_lock, NULL);
	pthread_join(th, NULL);
	report_eq(pthread_mutex_lock(&robust), EOWNERDEAD);
	report_eq(pthread_mutex_consistent(&robust), 0);
	report_eq(pthread_mutex_unlock(&robust), 0);
	report_eq(pthread_mutex_lock(&robust), 0);
	report_eq(pthread_mutex_unlock(&robust), 0);
	pthread_mutex_destroy(&robust);
}

static void *wake_second(void *arg)
{
	while (futex((uint32_t *)arg + 1, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0)
		usleep(1000);
	return NULL;
}

static void test_waitv(void)
{
	static uint32_t w[2];
	struct futex_waitv v[2] = {
		{.val = 0, .uaddr = (uintptr_t)&w[0], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
		{.val = 0, .uaddr = (uintptr_t)&w[1], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
	};
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 10);
	pthread_t th;

	if (syscall(SYS_futex_waitv, v, 0, 0, NULL, 0) == -1 && errno == ENOSYS) {
		report_skip("futex_waitv", "not in this kernel");
		return;
	}
	report_errno(syscall(SYS_futex_waitv, v, 2, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
	pthread_create(&th, NULL, wake_second, w);
	report_eq(syscall(SYS_futex_waitv, v, 2, 0, NULL, 0), 1);
	pthread_join(th, NULL);
	v[1].val = 1;
	report_errno(syscall(SYS_futex_waitv, v, 2, 0, NULL, 0), EAGAIN);
}

/* A word whose page was never touched is there when it is looked at, as 0; one that may not be read is an error. */
static void test_words_that_are_not_there_yet(void)
{
	struct timespec short_while = {.tv_nsec = 1000};
	uint32_t *fresh = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct futex_waitv w = {.uaddr = (uint64_t)(fresh + 2048), .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};

	report_errno(futex(fresh, FUTEX_WAIT_PRIVATE, 0, &short_while, NULL, 0), ETIMEDOUT);
	report_eq(futex(fresh + 1024, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, fresh, 0), 0);
	report_errno(syscall(SYS_futex_waitv, &w, 1, 0, &short_while, CLOCK_MONOTONIC), ETIMEDOUT);
	mprotect(fresh, 3 * 4096, PROT_NONE);
	report_errno(futex(fresh, FUTEX_WAIT_PRIVATE, 0, &short_while, NULL, 0), EFAULT);
	report_errno(futex(fresh, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, fresh + 1, 0), EFAULT);
	report_errno(syscall(SYS_futex_waitv, &w, 1, 0, &short_while, CLOCK_MONOTONIC), EFAULT);
	munmap(fresh, 3 * 4096);
}

/* --- each wake that was counted lets one waiter return 0, also one whose time is up at that moment --- */

#define SHORT_WAITS 4000
static uint32_t counted_word;
static _Atomic int waiters_left;

static void *short_waiter(void *arg)
{
	uintptr_t woken = 0;
	uint32_t random = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < SHORT_WAITS; i++) {
		struct timespec ts = {0};

		random = random * 1664525 + 1013904223;
		ts.tv_nsec = (random >> 8) % 1000;
		woken += futex(&counted_word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0) == 0;
	}
	waiters_left--;
	return (void *)woken;
}

static void test_no_wake_is_lost(void)
{
	uintptr_t told = 0, woken[2];
	pthread_t t[2];

	waiters_left = 2;
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, short_waiter, (void *)i);
	while (waiters_left > 0) {
		long n = futex(&counted_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);

		if (n > 0)
			told += (uintptr_t)n;
		else
			sched_yield();
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], (void **)&woken[i]);
	report(told == woken[0] + woken[1], "as many waiters return 0 as were woken");
}

int main(void)
{
	test_errors();
	test_timeouts();
	test_wakes();
	test_shared_by_two_mappings();
	test_priority_inheritance_locks();
	test_robust(PTHREAD_PRIO_NONE);
	test_robust(PTHREAD_PRIO_INHERIT);
	test_waitv();
	test_words_that_are_not_there_yet();
	test_no_wake_is_lost();
	return report_summary();
}
