/* SPDX-License-Identifier: MIT */
/* Clocks (vDSO and system call agree), sleeping, interval and POSIX timers, CPU time. */
#include "report.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000l + t->tv_nsec;
}

static void clocks(void)
{
	static const int ids[] = {CLOCK_REALTIME,           CLOCK_MONOTONIC,         CLOCK_MONOTONIC_RAW,
				  CLOCK_BOOTTIME,           CLOCK_REALTIME_COARSE,   CLOCK_MONOTONIC_COARSE,
				  CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_TAI};
	struct timespec a, b, c;
	struct timeval tv;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		/* Coarse clocks lag by up to a tick, so only the order of equal kinds is exact. */
		bool coarse = ids[i] == CLOCK_REALTIME_COARSE || ids[i] == CLOCK_MONOTONIC_COARSE;
		int64_t slack = coarse ? 20000000 : 0;
		bool ok = syscall(SYS_clock_gettime, ids[i], &a) == 0 && clock_gettime(ids[i], &b) == 0 &&
			  syscall(SYS_clock_gettime, ids[i], &c) == 0;

		report(ok && ns(&a) <= ns(&b) + slack && ns(&b) <= ns(&c) + slack && ns(&c) - ns(&a) < 100000000000,
		       "clock %d: vDSO and system call agree", ids[i]);
		report(clock_getres(ids[i], &a) == 0 && a.tv_sec == 0 && a.tv_nsec > 0, "clock %d has a resolution",
		       ids[i]);
	}
	report_errno(syscall(SYS_clock_gettime, 1234, &a), EINVAL);
	clock_gettime(CLOCK_REALTIME, &a);
	gettimeofday(&tv, NULL);
	report(labs(tv.tv_sec - a.tv_sec) <= 1 && labs(time(NULL) - a.tv_sec) <= 1,
	       "gettimeofday, time and clock_gettime agree");
	report(a.tv_sec > 1600000000, "the date is this century's");
	report(getauxval(AT_SYSINFO_EHDR) != 0, "there is a vDSO");
	bool monotonic = true;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 200000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &b);
		monotonic = monotonic && ns(&b) >= ns(&a);
		a = b;
	}
	report(monotonic, "200,000 readings never go back");
}

static void sleeping(void)
{
	struct timespec a, b, t = {0, 30000000}, left;

	clock_gettime(CLOCK_MONOTONIC, &a);
	report_eq(nanosleep(&t, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	report(ns(&b) - ns(&a) >= 30000000, "nanosleep sleeps its time");
	t.tv_nsec = 1000000000;
	report_errno(nanosleep(&t, NULL), EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &a);
	t = a;
	report_eq(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	t.tv_sec--;
	report_eq(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left), 0);
	report_eq(clock_nanosleep(1234, 0, &t, NULL), EINVAL);
}

static volatile sig_atomic_t rang;
static void ring(int sig)
{
	rang += sig == SIGALRM || sig == SIGVTALRM || sig == SIGPROF || sig == SIGUSR1;
}

static void interval_timers(void)
{
	struct itimerval it = {{0, 10000}, {0, 10000}}, old;
	struct sigaction sa = {.sa_handler = ring};
	struct timespec t = {100, 0}, left = {0, 0};
	sigset_t none;

	sigemptyset(&none);
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	report_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
	while (rang < 3)
		sigsuspend(&none);
	report(true, "a periodic timer rings again and again");
	report_true(getitimer(ITIMER_REAL, &old) == 0 && old.it_interval.tv_usec == 10000);
	report_errno(nanosleep(&t, &left), EINTR); /* again and again: one that comes before the sleep does not count */
	report(left.tv_sec > 0 && left.tv_sec < 100, "an interrupted sleep says how much is left");
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	report_eq(alarm(100), 0);
	report_true(alarm(0) >= 50);
	it.it_value.tv_usec = 1000000;
	report_errno(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	/* CPU time: rings while computing. */
	rang = 0;
	it = (struct itimerval){{0, 0}, {0, 20000}};
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	for (volatile long i = 0; !rang && i < 10000000000l; i++)
		;
	report_eq(rang, 1);
}

static void posix_timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec its = {.it_value.tv_nsec = 10000000};
	sigset_t usr1, none;
	timer_t timer;

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	rang = 0;
	report_eq(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
	report_eq(timer_settime(timer, 0, &its, NULL), 0);
	report_errno(sigsuspend(&none), EINTR);
	report_eq(rang, 1);
	report_true(timer_gettime(timer, &its) == 0 && its.it_value.tv_nsec == 0);
	report_eq(timer_getoverrun(timer), 0);
	report_eq(timer_delete(timer), 0);
}

static bool sleeping_uses_none(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	usleep(50000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return ns(&b) - ns(&a) < 25000000;
}

static long faults_of(int who)
{
	struct rusage u;

	return getrusage(who, &u) == 0 ? u.ru_minflt + u.ru_majflt : -1;
}

static void touch_pages(void)
{
	const size_t bytes = 8 << 20;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; at < bytes; at += 4096)
		p[at] = 1;
	munmap(p, bytes);
}

static void test_fault_counts(void)
{
	long own, thread = faults_of(RUSAGE_THREAD), children = faults_of(RUSAGE_CHILDREN);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		touch_pages();
		_exit(0);
	}
	report(waitpid(pid, &status, 0) == pid && faults_of(RUSAGE_CHILDREN) > children,
	       "page faults of children count");
	own = faults_of(RUSAGE_SELF);
	touch_pages();
	report(faults_of(RUSAGE_SELF) > own && faults_of(RUSAGE_THREAD) > thread, "page faults count");
}

static void cpu_time(void)
{
	struct rusage u;
	struct tms tms;
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (volatile int i = 0; i < 20000000; i++)
		;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	report(ns(&b) - ns(&a) > 1000000, "computing uses CPU time");
	report_sometime(sleeping_uses_none());
	report_true(getrusage(RUSAGE_SELF, &u) == 0 && u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec > 1000 &&
		    u.ru_maxrss > 0);
	report_true(times(&tms) != (clock_t)-1);
	test_fault_counts();
	report_errno(getrusage(77, &u), EINVAL);
}

int main(void)
{
	clocks();
	sleeping();
	interval_timers();
	posix_timers();
	cpu_time();
	return report_summary();
}
