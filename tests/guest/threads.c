/* SPDX-License-Identifier: MIT */
/* Threads: creation, joining, locks, thread-local storage, cancellation, fair sharing of a CPU between threads that
 * never yield. */
#include "report.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR 64

static __thread int tls = 7;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, turn;

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *add_many(void *arg)
{
	bool fresh = tls == 7;

	tls = (int)(intptr_t)arg;
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
		if (i % 100 == 0)
			sched_yield();
	}
	return (void *)(intptr_t)(fresh && tls == (int)(intptr_t)arg ? gettid() : 0);
}

static void test_many_threads(void)
{
	pthread_t th[NR];
	bool ok = true;
	void *tid;

	for (intptr_t i = 0; i < NR; i++)
		ok &= pthread_create(&th[i], NULL, add_many, (void *)(i + 100)) == 0;
	report(ok, "64 threads start");
	for (int i = 0; i < NR; i++) {
		pthread_join(th[i], &tid);
		ok &= tid != NULL && (intptr_t)tid != getpid();
	}
	report(ok, "each has its own id and thread-local storage");
	report_eq(counter, NR * 1000);
}

static void *return_it(void *arg)
{
	return arg;
}

static void test_create_and_join_again_and_again(void)
{
	bool ok = true;
	pthread_t th;
	void *r;

	for (intptr_t i = 0; i < 2000; i++) {
		ok &= pthread_create(&th, NULL, return_it, (void *)i) == 0;
		ok &= pthread_join(th, &r) == 0 && r == (void *)i;
	}
	report(ok, "2000 threads, one after another");
}

static void *ping(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&lock);
		while (turn != me)
			pthread_cond_wait(&cond, &lock);
		turn = !me;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void test_ping_pong(void)
{
	pthread_t a, b;

	pthread_create(&a, NULL, ping, (void *)0);
	pthread_create(&b, NULL, ping, (void *)1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	report(turn == 0, "two threads take 5000 turns each");
}

static volatile bool stop;

static void *spin(void *arg)
{
	volatile int64_t *cpu = arg;

	while (!stop)
		for (volatile int i = 0; i < 1000; i++)
			;
	*cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* Pinned to one CPU, so that the host's several CPUs do not make it easy. Whether each got half as much as any other.
 */
static bool share_fairly(useconds_t us)
{
	pthread_attr_t attr;
	pthread_t th[3];
	int64_t cpu[3], most = 0, least = INT64_MAX;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	stop = false;
	for (int i = 0; i < 3; i++)
		pthread_create(&th[i], &attr, spin, (void *)&cpu[i]);
	usleep(us);
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(th[i], NULL);
		most = cpu[i] > most ? cpu[i] : most;
		least = cpu[i] < least ? cpu[i] : least;
	}
	return least > 0 && most < 2 * least;
}

/* On a busy machine it takes longer to show. */
static void test_fairness(void)
{
	useconds_t us = 300000;

	while (!share_fairly(us) && us < 5000000)
		us *= 2;
	report(us < 5000000, "three spinning threads share a CPU");
}

static void *count_sleeps(void *arg)
{
	volatile int *n = arg;

	while (!stop) {
		usleep(2000);
		++*n;
	}
	return NULL;
}

static void test_sleeper_is_not_starved(void)
{
	pthread_t a, b;
	int64_t cpu;
	volatile int wakes = 0;

	stop = false;
	pthread_create(&a, NULL, spin, (void *)&cpu);
	pthread_create(&b, NULL, count_sleeps, (void *)&wakes);
	for (int i = 0; i < 100 && wakes < 5; i++)
		usleep(50000);
	report(wakes >= 5, "a thread that sleeps 2 ms at a time runs beside one that spins");
	stop = true;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

static void *sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		sleep(1000);
	return NULL;
}

static void *spin_cancellable(void *arg)
{
	(void)arg;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		;
	return NULL;
}

static void test_cancellation(void)
{
	pthread_t th;
	void *r;

	pthread_create(&th, NULL, sleep_for_ever, NULL);
	usleep(2000);
	pthread_cancel(th);
	pthread_join(th, &r);
	report(r == PTHREAD_CANCELED, "a sleeping thread can be cancelled");
	pthread_create(&th, NULL, spin_cancellable, NULL);
	usleep(2000);
	pthread_cancel(th);
	pthread_join(th, &r);
	report(r == PTHREAD_CANCELED, "a spinning thread can be cancelled");
}

static sem_t sem;
static pthread_barrier_t barrier;

static void *use_semaphore(void *arg)
{
	(void)arg;
	sem_wait(&sem);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void test_other_primitives(void)
{
	struct timespec ts;
	pthread_t th[4];
	int r;

	sem_init(&sem, 0, 0);
	pthread_barrier_init(&barrier, NULL, 5);
	for (int i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, use_semaphore, NULL);
	for (int i = 0; i < 4; i++)
		sem_post(&sem);
	r = pthread_barrier_wait(&barrier);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	report(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD, "semaphores and barriers");
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 10000000;
	if (ts.tv_nsec >= 1000000000)
		ts.tv_sec++, ts.tv_nsec -= 1000000000;
	report_errno(sem_timedwait(&sem, &ts), ETIMEDOUT);
	pthread_mutex_lock(&lock);
	report_eq(pthread_cond_timedwait(&cond, &lock, &ts), ETIMEDOUT);
	pthread_mutex_unlock(&lock);
}

static void test_identity(void)
{
	char name[16];
	cpu_set_t set;
	struct sched_param sp;
	struct rlimit rl;
	unsigned cpu = 99;

	report_true(gettid() == getpid());
	report_true(getpgrp() == getpgid(0) && getsid(0) > 0);
	report_eq(prctl(PR_SET_NAME, "a name that is too long"), 0);
	report_eq(prctl(PR_GET_NAME, name), 0);
	report_eq(strcmp(name, "a name that is "), 0);
	report_true(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	report_eq(sched_getscheduler(0), SCHED_OTHER);
	report_eq(sched_getparam(0, &sp), 0);
	report_eq(sp.sched_priority, 0);
	report_eq(sched_get_priority_max(SCHED_FIFO), 99);
	report_eq(sched_get_priority_min(SCHED_RR), 1);
	report_errno(sched_get_priority_max(77), EINVAL);
	report_true(syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && cpu < 99);
	report_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	report_true(rl.rlim_cur <= rl.rlim_max);
	rl.rlim_cur = rl.rlim_max + 1;
	report_errno(setrlimit(RLIMIT_STACK, &(struct rlimit){2, 1}), EINVAL);
	report_errno(getrlimit(99, &rl), EINVAL);
	report_errno(waitpid(-1, NULL, 0), ECHILD);
	report_errno(waitpid(-1, NULL, 1 << 20), EINVAL);
	report_true(getuid() == geteuid() && getgid() == getegid());
	report_errno(getpriority(99, 0), EINVAL);
	report_eq(getpriority(PRIO_PROCESS, 0), 0);
	report_eq(setpriority(PRIO_PROCESS, 0, 3), 0);
	report_eq(getpriority(PRIO_PROCESS, 0), 3);
	report_errno(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	report_errno(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

static void *exit_by_syscall(void *arg)
{
	(void)arg;
	syscall(SYS_exit, 3);
	return NULL;
}

static void test_raw_exit_ends_one_thread(void)
{
	pthread_t th;

	pthread_create(&th, NULL, exit_by_syscall, NULL);
	report_eq(pthread_join(th, NULL), 0);
}

static long folders_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long)st.st_nlink - 2 : -1;
}

static void *count_folders(void *arg)
{
	*(long *)arg = folders_of("/proc/self/task");
	return NULL;
}

/* Chromium's zygote looks there whether it is alone and may fork. */
static void test_link_count_of_task_folder(void)
{
	pthread_t t;
	long nr = 0;

	report_eq(folders_of("/proc/self/task"), 1);
	pthread_create(&t, NULL, count_folders, &nr);
	pthread_join(t, NULL);
	report_eq(nr, 2);
}

int main(void)
{
	test_link_count_of_task_folder();
	test_many_threads();
	test_create_and_join_again_and_again();
	test_ping_pong();
	test_fairness();
	test_sleeper_is_not_starved();
	test_cancellation();
	test_other_primitives();
	test_identity();
	test_raw_exit_ends_one_thread();
	return report_summary();
}
