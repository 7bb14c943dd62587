/* SPDX-License-Identifier: MIT */
/* threads.c - what threads cost: `threads NAME` prints one figure, whose unit bench/threads.py knows. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

/* --- two threads in turns, by futex --- */

static _Atomic int turn;
static int rounds;
static unsigned cpu_of[2];

static void *player(void *arg)
{
	int me = (int)(intptr_t)arg;

	pin(cpu_of[me]);
	for (int i = 0; i < rounds; i++) {
		while (turn != me)
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !me, NULL, NULL, 0);
		turn = !me;
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

/* ns from one thread's wake to the other's answer. */
static double ping_pong(int n)
{
	pthread_t t[2];
	double begin;

	rounds = n;
	begin = now_ns();
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, player, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return (now_ns() - begin) / (2.0 * n);
}

static double futex_switch(void)
{
	return ping_pong(200000);
}

static double wake_across(void)
{
	cpu_of[1] = 1;
	return ping_pong(20000);
}

/* --- sched_yield between two --- */

static void *yielder(void *arg)
{
	(void)arg;
	pin(0);
	for (int i = 0; i < 300000; i++)
		sched_yield();
	return NULL;
}

static double yield_switch(void)
{
	pthread_t t[2];
	double begin = now_ns();

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, yielder, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return (now_ns() - begin) / 600000;
}

/* --- a byte to and fro through two pipes --- */

#define PIPE_ROUNDS 100000
static int there[2], back[2];

static void *echo(void *arg)
{
	char c;

	(void)arg;
	pin(0);
	for (int i = 0; i < PIPE_ROUNDS; i++)
		if (read(there[0], &c, 1) != 1 || write(back[1], &c, 1) != 1)
			exit(1);
	return NULL;
}

static double pipe_one_way(void)
{
	pthread_t t;
	double begin;
	char c = 'x';

	if (pipe(there) != 0 || pipe(back) != 0)
		exit(1);
	pin(0);
	pthread_create(&t, NULL, echo, NULL);
	begin = now_ns();
	for (int i = 0; i < PIPE_ROUNDS; i++)
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			exit(1);
	begin = now_ns() - begin;
	pthread_join(t, NULL);
	return begin / (2.0 * PIPE_ROUNDS);
}

/* --- threads come and go --- */

static void *nothing(void *arg)
{
	return arg;
}

static double create_join(void)
{
	enum { N = 20000 };
	pthread_t t;
	double begin;

	for (int i = 0; i < 100; i++) {
		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
	}
	begin = now_ns();
	for (int i = 0; i < N; i++) {
		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
	}
	return (now_ns() - begin) / N;
}

/* --- mutexes --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int stop;
static uint64_t counts[64];

static void *locker(void *arg)
{
	uint64_t n = 0;

	while (!stop) {
		pthread_mutex_lock(&mutex);
		counts[63]++;
		pthread_mutex_unlock(&mutex);
		n++;
	}
	*(uint64_t *)arg = n;
	return NULL;
}

static double run_for(int ms, int nr, void *(*fn)(void *))
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	pthread_t t[32];
	uint64_t sum = 0;
	const struct sched_param none = {0};
	double begin;

	/* Under chrt -f they would never let go of their CPUs. */
	sched_setscheduler(0, SCHED_OTHER, &none);
	begin = now_ns();
	for (int i = 0; i < nr; i++)
		pthread_create(&t[i], NULL, fn, &counts[i]);
	nanosleep(&ts, NULL);
	stop = 1;
	for (int i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < nr; i++)
		sum += counts[i];
	return (double)sum / ((now_ns() - begin) * 1e-3);
}

/* Locks per us. */
static double mutex_contended(void)
{
	return run_for(300, 4, locker);
}

static double mutex_free(void)
{
	enum { N = 5000000 };
	double begin = now_ns();

	for (int i = 0; i < N; i++) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
	return (now_ns() - begin) / N;
}

/* --- a signal to oneself --- */

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
	(void)signo;
	caught++;
}

static double own_signal(void)
{
	enum { N = 100000 };
	double begin;

	signal(SIGUSR1, on_signal);
	begin = now_ns();
	for (int i = 0; i < N; i++)
		raise(SIGUSR1);
	return caught == N ? (now_ns() - begin) / N : -1;
}

/* --- timers --- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* How late the 99th of 100 sleeps of 1 ms ends, us. */
static double sleep_p99(void)
{
	enum { N = 300 };
	static double late[N];

	for (int i = 0; i < N; i++) {
		struct timespec ts = {.tv_nsec = 1000000};
		double begin = now_ns();

		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
		late[i] = (now_ns() - begin - 1e6) * 1e-3;
	}
	qsort(late, N, sizeof(late[0]), by_size);
	return late[N * 99 / 100];
}

/* --- sharing CPUs --- */

static void *counter(void *arg)
{
	uint64_t n = 0;

	while (!stop)
		n++;
	*(uint64_t *)arg = n;
	return NULL;
}

static double counted(int nr)
{
	stop = 0;
	memset(counts, 0, sizeof(counts));
	return run_for(100, nr, counter);
}

/* Work of two threads against one thread's: the best of several turns of each, because who else uses the host's CPUs at
 * that moment would count against either. */
static double scale(void)
{
	double one = 0, two = 0;

	for (int i = 0; i < 8; i++) {
		double now = counted(1);

		one = now > one ? now : one;
		now = counted(2);
		two = now > two ? now : two;
	}
	return two / one;
}

/* Both CPUs busy for two seconds; and the same for a moment, to be taken off. */
static double busy(void)
{
	return run_for(2010, 2, counter);
}

static double busy_start(void)
{
	return run_for(10, 2, counter);
}

static void *timed(void *arg)
{
	struct timespec t;

	while (!stop)
		;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	*(uint64_t *)arg = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	return NULL;
}

/* The largest difference among 8 equal threads, % of their mean. */
static double share(void)
{
	uint64_t least = UINT64_MAX, most = 0, sum = 0;

	run_for(2000, 8, timed);
	for (int i = 0; i < 8; i++) {
		least = counts[i] < least ? counts[i] : least;
		most = counts[i] > most ? counts[i] : most;
		sum += counts[i];
	}
	return 100.0 * (double)(most - least) / ((double)sum / 8);
}

static void *nice_timed(void *arg)
{
	pin(0);
	if (arg == &counts[1])
		setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5);
	return timed(arg);
}

/* CPU time of nice 0 to nice 5 on one CPU. */
static double nice_ratio(void)
{
	run_for(1500, 2, nice_timed);
	return (double)counts[0] / (double)counts[1];
}

static const struct {
	const char *name;
	double (*fn)(void);
} figures[] = {
	{"futex_switch", futex_switch},
	{"yield", yield_switch},
	{"wake_across", wake_across},
	{"pipe", pipe_one_way},
	{"create", create_join},
	{"mutex_free", mutex_free},
	{"mutex", mutex_contended},
	{"own_signal", own_signal},
	{"sleep_p99", sleep_p99},
	{"scale", scale},
	{"share", share},
	{"nice", nice_ratio},
	{"busy", busy},
	{"busy_start", busy_start},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(figures) / sizeof(figures[0]); i++) {
		if (strcmp(argv[1], figures[i].name) == 0) {
			printf("%.3f\n", figures[i].fn());
			return 0;
		}
	}
	return 2;
}
