/* SPDX-License-Identifier: MIT */
/*
 * Locks with an owner (FUTEX_LOCK_PI and kin, PTHREAD_PRIO_INHERIT): who waits lends its priority, over chains of
 * waiters; deadlocks; owners that die; condition variables that requeue. Nothing here depends on time: a thread's
 * priority, and that it sleeps, are read in /proc.
 */
#include "report.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#define PRIVATE(op) ((op) | FUTEX_PRIVATE_FLAG)

static long futex(uint32_t *word, int op, uint32_t val, const void *timeout, uint32_t *word2, uint32_t val3)
{
	return syscall(SYS_futex, word, op, val, timeout, word2, val3);
}

static long lock_pi(uint32_t *word)
{
	return futex(word, PRIVATE(FUTEX_LOCK_PI), 0, NULL, NULL, 0);
}

static long unlock_pi(uint32_t *word)
{
	return futex(word, PRIVATE(FUTEX_UNLOCK_PI), 0, NULL, NULL, 0);
}

static long requeue_pi(uint32_t *word, int nr_wake, long nr_requeue, uint32_t *lock, uint32_t val)
{
	return futex(word, PRIVATE(FUTEX_CMP_REQUEUE_PI), (uint32_t)nr_wake, (void *)nr_requeue, lock, val);
}

static struct timespec in_ms(int clock, int ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* --- what /proc says about a thread --- */

/* Its state letter, and its priority: 20 + nice, or -1 - the real-time one, with what is lent to it. */
static char look_at(pid_t pid, pid_t tid, int *priority)
{
	char path[64], line[512], *after;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	after = strrchr(line, ')');
	if (after == NULL)
		return 0;
	if (priority != NULL)
		sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", priority);
	return after[2];
}

static void until_asleep(pid_t pid, pid_t tid)
{
	while (look_at(pid, tid, NULL) != 'S')
		usleep(500);
}

/* It becomes that, soon: lending comes a moment after the lender was seen to sleep. */
static bool priority_becomes(pid_t tid, int want)
{
	int now = 0;

	for (int i = 0; i < 20000; i++) {
		look_at(getpid(), tid, &now);
		if (now == want)
			return true;
		usleep(500);
	}
	fprintf(stderr, "priority %d, wanted %d\n", now, want);
	return false;
}

static bool set_fifo(pid_t tid, int priority)
{
	struct sched_param p = {.sched_priority = priority};

	return sched_setscheduler(tid, priority > 0 ? SCHED_FIFO : SCHED_OTHER, &p) == 0;
}

/* --- threads that do one thing --- */

struct actor {
	pthread_t th;
	_Atomic pid_t tid;
	int fifo, nice;
	uint32_t *hold, *want; /* locks; NULL: none */
	uint32_t *condition;   /* waits for it, with `want` as the lock, in place of locking */
	const struct timespec *timeout;
	_Atomic bool holds, let_go, done;
	long result;
	int error, order;
	uint32_t word; /* of `want`, when it had it */
};

static _Atomic int arrivals;

static void *act(void *arg)
{
	struct actor *a = arg;

	if (a->fifo > 0)
		set_fifo(0, a->fifo);
	if (a->nice != 0)
		setpriority(PRIO_PROCESS, (id_t)gettid(), a->nice);
	if (a->hold != NULL)
		lock_pi(a->hold);
	a->tid = gettid();
	a->holds = true;
	if (a->want != NULL) {
		a->result = a->condition != NULL
				    ? futex(a->condition, PRIVATE(FUTEX_WAIT_REQUEUE_PI), 0, a->timeout, a->want, 0)
				    : futex(a->want, PRIVATE(FUTEX_LOCK_PI), 0, a->timeout, NULL, 0);
		a->error = errno;
		a->order = ++arrivals;
		if (a->result == 0)
			a->word = *(volatile uint32_t *)a->want;
	}
	a->done = true;
	while (!a->let_go)
		usleep(500);
	if (a->want != NULL && a->result == 0)
		unlock_pi(a->want);
	if (a->hold != NULL)
		unlock_pi(a->hold);
	return NULL;
}

static void start(struct actor *a)
{
	pthread_create(&a->th, NULL, act, a);
	while (!a->holds)
		usleep(500);
	if (a->want != NULL && a->timeout == NULL)
		until_asleep(getpid(), a->tid);
}

static void until_done(struct actor *a)
{
	while (!a->done)
		usleep(500);
}

static void finish(struct actor *a)
{
	a->let_go = true;
	pthread_join(a->th, NULL);
}

/* --- errors, deadlocks --- */

static void test_errors(void)
{
	uint32_t word = 0, lock = 0, other = 0;
	struct timespec past = {.tv_nsec = 1};

	word = 0x3ffffff0;
	report_errno(lock_pi(&word), ESRCH);
	word = 0;
	report_eq(futex(&word, PRIVATE(FUTEX_LOCK_PI2), 0, &past, NULL, 0), 0);
	report_eq(unlock_pi(&word), 0);
	report_eq(futex(&word, PRIVATE(FUTEX_TRYLOCK_PI), 0, NULL, NULL, 0), 0);
	report_errno(futex(&word, PRIVATE(FUTEX_TRYLOCK_PI), 0, NULL, NULL, 0), EDEADLK);
	report_eq(unlock_pi(&word), 0);
	report_errno(unlock_pi(&word), EPERM);

	report_errno(futex(&word, PRIVATE(FUTEX_WAIT_REQUEUE_PI), 0, NULL, &word, 0), EINVAL);
	report_errno(futex(&word, PRIVATE(FUTEX_WAIT_REQUEUE_PI), 1, NULL, &lock, 0), EAGAIN);
	report_errno(futex(&word, PRIVATE(FUTEX_WAIT_REQUEUE_PI), 0, &past, &lock, 0), ETIMEDOUT);
	report_errno(futex((uint32_t *)((char *)&word + 1), PRIVATE(FUTEX_WAIT_REQUEUE_PI), 0, NULL, &lock, 0), EINVAL);
	report_errno(requeue_pi(&word, 0, 1, &lock, 0), EINVAL);
	report_errno(requeue_pi(&word, 2, 1, &lock, 0), EINVAL);
	report_errno(requeue_pi(&word, 1, 1, &word, 0), EINVAL);
	report_errno(requeue_pi(&word, 1, 1, &lock, 1), EAGAIN);
	report_eq(requeue_pi(&word, 1, 1, &lock, 0), 0);

	struct actor w = {.condition = &word, .want = &lock};

	start(&w);
	report_errno(requeue_pi(&word, 1, 1, &other, 0), EINVAL);
	report_errno(futex(&word, PRIVATE(FUTEX_WAKE), 1, NULL, NULL, 0), EINVAL);
	report_errno(futex(&word, PRIVATE(FUTEX_CMP_REQUEUE), 1, (void *)1, &other, 0), EINVAL);
	report_eq(requeue_pi(&word, 1, 0, &lock, 0), 1);
	until_done(&w);
	report(w.result == 0 && (w.word & FUTEX_TID_MASK) == (uint32_t)w.tid, "requeueing gives a free lock at once");
	struct actor l = {.want = &lock};

	start(&l);
	report_errno(futex(&lock, PRIVATE(FUTEX_WAKE), 1, NULL, NULL, 0), EINVAL);
	finish(&w);
	finish(&l);
	report_eq(lock & FUTEX_TID_MASK, 0);
}

static void test_deadlocks(void)
{
	uint32_t a = 0, b = 0, c = 0;
	struct actor first = {.hold = &b, .want = &a}, second = {.hold = &c, .want = &b};

	lock_pi(&a);
	start(&first);
	report_errno(lock_pi(&b), EDEADLK);
	start(&second);
	report_errno(lock_pi(&c), EDEADLK);
	report_eq(unlock_pi(&a), 0);
	until_done(&first);
	finish(&first);
	until_done(&second);
	finish(&second);
	report(first.result == 0 && second.result == 0 && lock_pi(&c) == 0 && unlock_pi(&c) == 0,
	       "a refused deadlock harms nobody");
}

/* --- lending --- */

static void test_lending(void)
{
	uint32_t lock = 0;
	struct timespec soon;
	struct actor owner = {.hold = &lock}, ten = {.want = &lock, .fifo = 10}, nicer = {.want = &lock, .nice = -5},
		     twenty = {.want = &lock, .fifo = 20, .timeout = &soon};

	start(&owner);
	report(priority_becomes(owner.tid, 20), "an owner nobody waits for has its own priority");
	start(&nicer);
	report(priority_becomes(owner.tid, 15), "a nicer waiter lends its nice level");
	start(&ten);
	report(priority_becomes(owner.tid, -11), "a real-time waiter lends its priority");
	soon = in_ms(CLOCK_REALTIME, 100);
	start(&twenty);
	until_done(&twenty);
	report(twenty.result == -1 && twenty.error == ETIMEDOUT, "LOCK_PI's timeout");
	report(priority_becomes(owner.tid, -11), "who waits no longer lends no longer");
	set_fifo(ten.tid, 30);
	report(priority_becomes(owner.tid, -31), "the priority of a waiter changes");
	report(sched_getscheduler(owner.tid) == SCHED_OTHER, "what is lent is not the owner's own");
	set_fifo(owner.tid, 40);
	report(priority_becomes(owner.tid, -41), "the owner's own priority may be higher");
	set_fifo(owner.tid, 0);
	report(priority_becomes(owner.tid, -31), "and lower again");
	owner.let_go = true;
	until_done(&ten);
	report(ten.order < nicer.order || !nicer.done, "the most urgent waiter gets the lock");
	pthread_join(owner.th, NULL);
	finish(&ten);
	finish(&nicer);
	finish(&twenty);
}

static void test_lending_over_a_chain(void)
{
	uint32_t lock[4] = {0};
	struct actor a = {.hold = &lock[0]}, b = {.hold = &lock[1], .want = &lock[0]},
		     c = {.hold = &lock[2], .want = &lock[1]}, d = {.want = &lock[2], .fifo = 7};

	start(&a);
	start(&b);
	start(&c);
	start(&d);
	report(priority_becomes(a.tid, -8) && priority_becomes(b.tid, -8) && priority_becomes(c.tid, -8),
	       "all of a chain run at the last one's priority");
	set_fifo(d.tid, 9);
	report(priority_becomes(a.tid, -10), "and follow it");
	a.let_go = true;
	pthread_join(a.th, NULL);
	until_done(&b);
	report(b.result == 0 && priority_becomes(b.tid, -10), "the next one keeps what is lent to it");
	finish(&b);
	until_done(&c);
	finish(&c);
	until_done(&d);
	report(d.result == 0 && priority_becomes(d.tid, -10), "the last one has its own");
	finish(&d);
}

/* --- an owner between two real-time threads, on one CPU --- */

static pthread_mutex_t inherit;
static _Atomic bool low_has_it, high_started, middle_ran, high_saw_middle;

static void *low(void *arg)
{
	pthread_mutex_lock(&inherit);
	low_has_it = true;
	while (!high_started)
		sched_yield();
	pthread_mutex_unlock(&inherit);
	return arg;
}

static void *middle(void *arg)
{
	middle_ran = true;
	return arg;
}

static void *high(void *arg)
{
	high_started = true;
	pthread_mutex_lock(&inherit);
	high_saw_middle = middle_ran;
	pthread_mutex_unlock(&inherit);
	return arg;
}

static pthread_t start_fifo(void *(*fn)(void *arg), int priority)
{
	struct sched_param p = {.sched_priority = priority};
	pthread_attr_t attr;
	pthread_t th;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, priority > 0 ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &p);
	pthread_create(&th, &attr, fn, NULL);
	return th;
}

static void test_inversion(void)
{
	cpu_set_t one, before;
	pthread_mutexattr_t attr;
	pthread_t l, m, h;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inherit, &attr);
	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	l = start_fifo(low, 0);
	while (!low_has_it)
		sched_yield();
	set_fifo(0, 30);
	m = start_fifo(middle, 10);
	h = start_fifo(high, 20);
	pthread_join(h, NULL); /* high waits for low; now middle would run, were it not for what low is lent */
	report(!high_saw_middle, "no priority inversion");
	pthread_join(m, NULL);
	pthread_join(l, NULL);
	set_fifo(0, 0);
	sched_setaffinity(0, sizeof(before), &before);
}

/* --- condition variables --- */

static void nothing(int sig)
{
	(void)sig;
}

static void test_requeue(void)
{
	uint32_t word = 0, lock = 0;
	struct timespec late;
	struct actor w[4] = {0}, t = {.condition = &word, .want = &lock, .timeout = &late};

	lock_pi(&lock);
	for (int i = 0; i < 4; i++) {
		w[i].condition = &word;
		w[i].want = &lock;
		start(&w[i]);
	}
	report_eq(requeue_pi(&word, 1, 1, &lock, 0), 2);
	report_eq(requeue_pi(&word, 1, INT32_MAX, &lock, 0), 2);
	report(!w[0].done && !w[1].done && !w[2].done && !w[3].done, "those that were requeued wait for the lock");
	/* A signal ends the wait of one that was requeued: its condition came already. */
	pthread_kill(w[2].th, SIGUSR1);
	until_done(&w[2]);
	report(w[2].result == -1 && w[2].error == EAGAIN, "a signal after requeueing -> EAGAIN");
	late = in_ms(CLOCK_MONOTONIC, 50);
	start(&t);
	report_sometime(requeue_pi(&word, 1, INT32_MAX, &lock, 0) == 1 || t.done);
	until_done(&t);
	report(t.result == -1 && t.error == ETIMEDOUT, "the timeout goes on after requeueing");
	unlock_pi(&lock);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		until_done(&w[i]);
		report(w[i].result == 0 && (w[i].word & FUTEX_TID_MASK) == (uint32_t)w[i].tid,
		       "waiter %d was given the lock", i);
		finish(&w[i]);
	}
	finish(&w[2]);
	finish(&t);
	report_eq(lock & FUTEX_TID_MASK, 0);
	/* Before it is requeued a signal restarts the wait. */
	struct actor s = {.condition = &word, .want = &lock};

	start(&s);
	pthread_kill(s.th, SIGUSR1);
	until_asleep(getpid(), s.tid);
	report_sometime(requeue_pi(&word, 1, 0, &lock, 0) == 1);
	until_done(&s);
	report(s.result == 0, "a signal before requeueing changes nothing");
	finish(&s);
	/* One that would wait for itself. */
	uint32_t own = 0;
	struct actor d = {.hold = &own, .condition = &word, .want = &lock}, o = {.hold = &lock, .want = &own};

	start(&d);
	start(&o);
	report_errno(requeue_pi(&word, 1, 1, &lock, 0), EDEADLK);
	word = 1;
	pthread_kill(d.th, SIGUSR1); /* restarted, it finds another value */
	until_done(&d);
	report(d.result == -1 && d.error == EAGAIN, "a refused deadlock leaves the waiter where it was");
	finish(&d);
	until_done(&o);
	finish(&o);
}

static void test_requeue_lends(void)
{
	uint32_t word = 0, lock = 0;
	struct actor owner = {.hold = &lock}, w[3] = {{.fifo = 3}, {.fifo = 5}, {.fifo = 4}};

	start(&owner);
	for (int i = 0; i < 3; i++) {
		w[i].condition = &word;
		w[i].want = &lock;
		start(&w[i]);
	}
	report_eq(requeue_pi(&word, 1, 0, &lock, 0), 1);
	report(priority_becomes(owner.tid, -6), "the most urgent is requeued first, and lends");
	report_eq(requeue_pi(&word, 1, 5, &lock, 0), 2);
	arrivals = 0;
	for (int i = 0; i < 3; i++)
		w[i].let_go = true;
	finish(&owner);
	for (int i = 0; i < 3; i++)
		pthread_join(w[i].th, NULL);
	report(w[1].order == 1 && w[2].order == 2 && w[0].order == 3, "the lock goes round by priority");
}

static void test_signal_while_locking(void)
{
	uint32_t lock = 0;
	struct actor w = {.want = &lock};

	lock_pi(&lock);
	start(&w);
	pthread_kill(w.th, SIGUSR1);
	usleep(2000);
	until_asleep(getpid(), w.tid);
	report(!w.done, "LOCK_PI goes on after a signal");
	unlock_pi(&lock);
	until_done(&w);
	report_eq(w.result, 0);
	finish(&w);
}

/* --- owners that die --- */

static void *die_owning(void *arg)
{
	struct actor *a = arg;

	lock_pi(a->hold);
	a->holds = true;
	while (!a->let_go)
		usleep(500);
	return NULL;
}

static void test_owner_dies(void)
{
	uint32_t lock = 0;
	struct actor owner = {.hold = &lock}, w = {.want = &lock}, v = {.want = &lock};

	pthread_create(&owner.th, NULL, die_owning, &owner);
	while (!owner.holds)
		usleep(500);
	start(&w);
	start(&v);
	finish(&owner);
	until_done(&w);
	report(w.result == 0 && (w.word & ~(uint32_t)FUTEX_WAITERS) == ((uint32_t)w.tid | FUTEX_OWNER_DIED),
	       "the first waiter inherits, and is told");
	report(!v.done, "the second waits on");
	finish(&w);
	until_done(&v);
	report_eq(v.result, 0);
	finish(&v);
}

struct in_shared {
	pthread_mutex_t robust;
	uint32_t plain;
	_Atomic bool held, die;
};

static pid_t start_owner(struct in_shared *s, bool robust)
{
	pid_t pid;

	s->held = s->die = false;
	pid = fork();
	if (pid == 0) {
		if (robust)
			pthread_mutex_lock(&s->robust);
		else
			futex(&s->plain, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		s->held = true;
		for (;;)
			pause();
	}
	while (!s->held)
		usleep(500);
	return pid;
}

struct shared_waiter {
	struct in_shared *s;
	_Atomic pid_t tid;
	bool robust;
	long result;
};

static void *wait_shared(void *arg)
{
	struct shared_waiter *w = arg;

	w->tid = gettid();
	w->result =
		w->robust ? pthread_mutex_lock(&w->s->robust) : futex(&w->s->plain, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	return NULL;
}

/* The owner, another process, is killed while a thread of this one waits. */
static long wait_for_killed(struct in_shared *s, bool robust)
{
	struct shared_waiter w = {.s = s, .robust = robust};
	pid_t pid = start_owner(s, robust);
	pthread_t th;

	pthread_create(&th, NULL, wait_shared, &w);
	while (w.tid == 0)
		usleep(500);
	until_asleep(getpid(), w.tid);
	kill(pid, SIGKILL);
	pthread_join(th, NULL);
	waitpid(pid, NULL, 0);
	return w.result;
}

static void test_owner_is_killed(void)
{
	struct in_shared *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->robust, &attr);
	report_eq(wait_for_killed(s, true), EOWNERDEAD);
	report_eq(wait_for_killed(s, false), 0);
	report_true((s->plain & FUTEX_OWNER_DIED) != 0);
	munmap(s, 4096);
}

/* --- many at once --- */

#define HAMMERS 4
static pthread_mutex_t hammered;
static pthread_cond_t turned;
static uint64_t counter;
static int turn;

static void *hammer(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < 3000; i++) {
		struct timespec now = in_ms(CLOCK_REALTIME, 0);

		if (i % 16 != 0 || pthread_mutex_timedlock(&hammered, &now) != 0)
			pthread_mutex_lock(&hammered);
		counter++;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&hammered);
	}
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&hammered);
		while (turn % HAMMERS != me)
			pthread_cond_wait(&turned, &hammered);
		turn++;
		pthread_cond_broadcast(&turned);
		pthread_mutex_unlock(&hammered);
	}
	return NULL;
}

static void test_many(void)
{
	pthread_mutexattr_t attr;
	pthread_t th[HAMMERS];

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&hammered, &attr);
	pthread_cond_init(&turned, NULL);
	for (intptr_t i = 0; i < HAMMERS; i++)
		pthread_create(&th[i], NULL, hammer, (void *)i);
	for (int i = 0; i < HAMMERS; i++)
		pthread_join(th[i], NULL);
	report(counter == HAMMERS * 3000 && turn == HAMMERS * 100, "threads that all want one lock");
	report_eq(pthread_mutex_trylock(&hammered), 0);
}

/* May this user give threads priorities? On Linux as in a VM it may not without CAP_SYS_NICE. */
static bool may_raise(void)
{
	bool may = set_fifo(0, 1) && setpriority(PRIO_PROCESS, 0, -5) == 0;

	set_fifo(0, 0);
	return setpriority(PRIO_PROCESS, 0, 0) == 0 && may;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = nothing};

	sigaction(SIGUSR1, &sa, NULL);
	test_errors();
	test_deadlocks();
	test_requeue();
	test_signal_while_locking();
	test_owner_dies();
	test_owner_is_killed();
	test_many();
	if (may_raise()) {
		test_lending();
		test_lending_over_a_chain();
		test_requeue_lends();
		test_inversion();
	} else {
		report_skip("lending", "this user may not raise priorities");
	}
	return report_summary();
}
