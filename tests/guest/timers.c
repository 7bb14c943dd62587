/* SPDX-License-Identifier: MIT */
/*
 * Clocks, sleeping, interval timers and POSIX timers. Lower bounds are exact; upper ones must hold in one try of many,
 * because a machine may be busy.
 */
#include "report.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static volatile sig_atomic_t hits;
static siginfo_t last_si;

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	last_si = *si;
	hits++;
}

static void handle(int sig)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigaction(sig, &sa, NULL);
	hits = 0;
}

static int64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int64_t raw_ns(clockid_t clock)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void burn_ms(int ms)
{
	int64_t end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

	while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void test_clocks(void)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME,         CLOCK_MONOTONIC,       CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
		CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME_COARSE, CLOCK_TAI};
	struct timespec ts;
	struct timeval tv;
	bool forward = true;
	int64_t last, a, b, c;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		a = read_ns(clocks[i]);
		b = raw_ns(clocks[i]);
		c = read_ns(clocks[i]);
		report(a <= b && b <= c && a > 0, "clock %d: vDSO and system call agree", clocks[i]);
	}
	last = read_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < 200000; i++) {
		int64_t now = read_ns(CLOCK_MONOTONIC);

		forward &= now >= last;
		last = now;
	}
	report(forward, "CLOCK_MONOTONIC never goes back");
	gettimeofday(&tv, NULL);
	report_true(llabs(tv.tv_sec - time(NULL)) <= 1);
	report_errno(clock_gettime(99, &ts), EINVAL);
	report_errno(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)8), EFAULT);
	report_eq(clock_getres(CLOCK_MONOTONIC, &ts), 0);
	report_true(ts.tv_sec == 0 && ts.tv_nsec >= 1 && ts.tv_nsec <= 10 * MS);
	report_errno(clock_settime(CLOCK_MONOTONIC, &ts), EINVAL);
	report_true(times(NULL) > 0);
}

static void *just_end(void *arg)
{
	return arg;
}

static int64_t cpu_used_by_sleeping(useconds_t us)
{
	int64_t t0 = read_ns(CLOCK_THREAD_CPUTIME_ID);

	usleep(us);
	return read_ns(CLOCK_THREAD_CPUTIME_ID) - t0;
}

static void test_cpu_clocks(void)
{
	int64_t thread0 = read_ns(CLOCK_THREAD_CPUTIME_ID), process0 = read_ns(CLOCK_PROCESS_CPUTIME_ID), wall0;
	struct rusage ru;
	clockid_t id;
	pthread_t th;

	wall0 = read_ns(CLOCK_MONOTONIC);
	burn_ms(30);
	report_true(read_ns(CLOCK_THREAD_CPUTIME_ID) - thread0 >= 30 * MS);
	report_true(read_ns(CLOCK_PROCESS_CPUTIME_ID) - process0 >= 30 * MS);
	report_true(read_ns(CLOCK_MONOTONIC) - wall0 >= 30 * MS);
	report_sometime(cpu_used_by_sleeping(30000) < 15 * MS);
	getrusage(RUSAGE_SELF, &ru);
	report_true(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_sec * 1000000 +
			    ru.ru_stime.tv_usec >=
		    29000);
	report_true(ru.ru_maxrss > 0);
	report_eq(clock_getcpuclockid(0, &id), 0);
	report_true(read_ns(id) >= process0);
	report_eq(pthread_getcpuclockid(pthread_self(), &id), 0);
	report_sometime(llabs(read_ns(id) - read_ns(CLOCK_THREAD_CPUTIME_ID)) < 50 * MS);
	pthread_create(&th, NULL, just_end, NULL);
	pthread_join(th, NULL);
}

static int64_t twenty_sleeps_of_1_ms(void)
{
	int64_t t0 = read_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < 20; i++)
		usleep(1000);
	return read_ns(CLOCK_MONOTONIC) - t0;
}

static void test_sleeping(void)
{
	struct timespec ts = {0, 20 * MS};
	int64_t t0 = read_ns(CLOCK_MONOTONIC);

	report_eq(nanosleep(&ts, NULL), 0);
	report_true(read_ns(CLOCK_MONOTONIC) - t0 >= 20 * MS);
	t0 = read_ns(CLOCK_MONOTONIC);
	ts.tv_sec = (t0 + 20 * MS) / 1000000000;
	ts.tv_nsec = (t0 + 20 * MS) % 1000000000;
	report_eq(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
	report_true(read_ns(CLOCK_MONOTONIC) - t0 >= 20 * MS);
	report_eq(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
	t0 = read_ns(CLOCK_REALTIME);
	ts.tv_sec = (t0 + 20 * MS) / 1000000000;
	ts.tv_nsec = (t0 + 20 * MS) % 1000000000;
	report_eq(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL), 0);
	report_true(read_ns(CLOCK_REALTIME) - t0 >= 19 * MS);
	report_errno(nanosleep(&(struct timespec){0, 1000000000}, NULL), EINVAL);
	report_errno(nanosleep(&(struct timespec){-1, 0}, NULL), EINVAL);
	report_eq(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
	report_sometime(twenty_sleeps_of_1_ms() < 400 * MS);
}

/* A timer of CPU time, set to 20 ms: no signal by the end of 40 ms of sleep. */
static bool prof_timer_ignores_sleep(void)
{
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {0, 20000}}, NULL);
	hits = 0;
	usleep(40000);
	return hits == 0;
}

static bool cpu_timer_ignores_sleep(timer_t t)
{
	timer_settime(t, 0, &(struct itimerspec){.it_value = {0, 20 * MS}}, NULL);
	hits = 0;
	usleep(40000);
	return hits == 0;
}

static int64_t ns_of(struct timeval tv)
{
	return tv.tv_sec * 1000000000LL + tv.tv_usec * 1000LL;
}

/* Work for the kernel, with hardly a user instruction. */
static void burn_in_kernel_ms(int ms)
{
	int64_t end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;
	int fd = open("/dev/zero", O_RDONLY);
	static char buf[65536];

	while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		for (int i = 0; i < 20; i++)
			(void)!read(fd, buf, sizeof(buf));
	}
	close(fd);
}

/* What of it was user time, as far as getrusage knows: in percent. */
static int user_share(void (*burn)(int ms), int who)
{
	struct rusage a, b;
	int64_t user, system;

	getrusage(who, &a);
	burn(150);
	getrusage(who, &b);
	user = ns_of(b.ru_utime) - ns_of(a.ru_utime);
	system = ns_of(b.ru_stime) - ns_of(a.ru_stime);
	return user + system > 0 ? (int)(100 * user / (user + system)) : -1;
}

static void burn_cheap_calls_ms(int ms)
{
	int64_t end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

	while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		for (int i = 0; i < 10000; i++)
			syscall(SYS_getppid);
	}
}

static void touch_pages_ms(int ms)
{
	int64_t end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;
	const size_t bytes = 256 * 4096;

	while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (size_t i = 0; i < bytes; i += 4096)
			p[i] = 1;
		munmap(p, bytes);
	}
}

static void burn_busy_ms(int ms)
{
	int64_t end = read_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

	do {
		for (volatile int i = 0; i < 1000000; i++)
			;
	} while (read_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

static bool times_tells_system_time(void)
{
	struct tms before, after;

	times(&before);
	burn_in_kernel_ms(100);
	times(&after);
	return after.tms_stime > before.tms_stime && after.tms_utime >= before.tms_utime;
}

static int64_t user_and_system_ns(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ns_of(ru.ru_utime) + ns_of(ru.ru_stime);
}

static bool virtual_timer_ignores_the_kernel(void)
{
	struct itimerval it = {.it_value.tv_usec = 80000};

	hits = 0;
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	burn_in_kernel_ms(100);
	return hits == 0;
}

static bool child_has_system_time(void)
{
	struct rusage before, after;
	pid_t pid;

	getrusage(RUSAGE_CHILDREN, &before);
	pid = fork();
	if (pid == 0) {
		burn_in_kernel_ms(100);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	getrusage(RUSAGE_CHILDREN, &after);
	return ns_of(after.ru_stime) - ns_of(before.ru_stime) >= 20 * MS;
}

static void test_system_time(void)
{
	int64_t known, cpu;

	report_sometime(user_share(burn_in_kernel_ms, RUSAGE_SELF) < 35);
	report_sometime(user_share(burn_in_kernel_ms, RUSAGE_THREAD) < 35);
	report_sometime(user_share(burn_busy_ms, RUSAGE_SELF) > 65);
	report_sometime(user_share(touch_pages_ms, RUSAGE_SELF) < 90);
	report_sometime(user_share(burn_cheap_calls_ms, RUSAGE_SELF) < 95);
	report_sometime(times_tells_system_time());
	known = user_and_system_ns();
	cpu = read_ns(CLOCK_PROCESS_CPUTIME_ID);
	report(known <= cpu && cpu <= user_and_system_ns() + 2000, "user and system time are all CPU time");
	handle(SIGVTALRM);
	report_sometime(virtual_timer_ignores_the_kernel());
	while (hits == 0)
		burn_busy_ms(20);
	report(hits == 1, "ITIMER_VIRTUAL counts the program's");
	report_sometime(child_has_system_time());
}

/* What is left is a moment less than what was asked for, rounded to seconds. */
static bool alarm_rounds_what_is_left(void)
{
	alarm(100);
	return alarm(0) == 100;
}

static void test_interval_timers(void)
{
	struct itimerval v = {.it_value = {0, 10000}, .it_interval = {0, 10000}}, old;

	handle(SIGALRM);
	report_eq(setitimer(ITIMER_REAL, &v, NULL), 0);
	while (hits < 3)
		usleep(1000);
	report_true(last_si.si_code == SI_KERNEL);
	report_eq(getitimer(ITIMER_REAL, &old), 0);
	report_true(old.it_interval.tv_usec == 10000 && old.it_value.tv_usec <= 10000 &&
		    (old.it_value.tv_usec > 0 || old.it_value.tv_sec > 0));
	memset(&v, 0, sizeof(v));
	report_eq(setitimer(ITIMER_REAL, &v, &old), 0);
	getitimer(ITIMER_REAL, &old);
	report_true(old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
	handle(SIGPROF);
	v.it_value.tv_usec = 20000;
	report_eq(setitimer(ITIMER_PROF, &v, NULL), 0);
	report_sometime(prof_timer_ignores_sleep());
	burn_ms(40);
	report_eq(hits, 1);
	handle(SIGVTALRM);
	setitimer(ITIMER_VIRTUAL, &v, NULL);
	for (int i = 0; i < 50 && !hits; i++)
		for (volatile int j = 0; j < 3000000; j++)
			;
	report_eq(hits, 1);
	v.it_value.tv_usec = 1000000;
	report_errno(setitimer(ITIMER_REAL, &v, NULL), EINVAL);
	report_errno(setitimer(3, &v, NULL), EINVAL);
	report_eq(alarm(0), 0);
	report_sometime(alarm_rounds_what_is_left());
}

static void test_posix_timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
	struct itimerspec v = {.it_value = {100, 10 * MS}}, got;
	sigset_t s;
	timer_t t;

	handle(SIGRTMIN);
	report_eq(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
	report_eq(timer_gettime(t, &got), 0);
	report_true(got.it_value.tv_sec == 0 && got.it_value.tv_nsec == 0);
	report_eq(timer_settime(t, 0, &v, NULL), 0);
	timer_gettime(t, &got);
	report_true(got.it_value.tv_sec > 0 && got.it_value.tv_sec <= 100);
	v.it_value.tv_sec = 0;
	timer_settime(t, 0, &v, NULL);
	while (!hits)
		usleep(1000);
	report_true(last_si.si_code == SI_TIMER && last_si.si_value.sival_int == 42 && last_si.si_overrun == 0);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	v.it_interval.tv_nsec = 1 * MS;
	v.it_value.tv_nsec = 1 * MS;
	timer_settime(t, 0, &v, NULL);
	usleep(30000);
	hits = 0;
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	report_true(hits >= 1 && last_si.si_overrun >= 10);
	report_true(timer_getoverrun(t) >= 0);
	report_eq(timer_delete(t), 0);
	report_eq(syscall(SYS_timer_delete, 12345), -1);
	hits = 0;
	usleep(5000);
	report_eq(hits, 0);
	ev = (struct sigevent){.sigev_notify = SIGEV_NONE};
	report_eq(timer_create(CLOCK_REALTIME, &ev, &t), 0);
	v = (struct itimerspec){.it_value = {100, 0}};
	timer_settime(t, 0, &v, NULL);
	timer_gettime(t, &got);
	report_true(got.it_value.tv_sec > 0 && got.it_value.tv_sec <= 100);
	timer_delete(t);
	ev.sigev_notify = 77;
	report_errno(timer_create(CLOCK_REALTIME, &ev, &t), EINVAL);
	report_errno(timer_create(77, NULL, &t), EINVAL);
	handle(SIGALRM);
	report_eq(timer_create(CLOCK_PROCESS_CPUTIME_ID, NULL, &t), 0);
	report_sometime(cpu_timer_ignores_sleep(t));
	burn_ms(40);
	report_eq(hits, 1);
	timer_delete(t);
}

static pthread_t timer_thread_ran;

static void in_thread(union sigval v)
{
	timer_thread_ran = pthread_self();
	hits = v.sival_int;
}

static void test_timer_in_a_thread(void)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 5};
	struct itimerspec v = {.it_value = {0, 1 * MS}};
	timer_t t;

	hits = 0;
	report_eq(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
	timer_settime(t, 0, &v, NULL);
	while (!hits)
		usleep(1000);
	report_true(hits == 5 && timer_thread_ran != 0 && timer_thread_ran != pthread_self());
	timer_delete(t);
}

static void burn_for_ever(void)
{
	for (;;)
		burn_ms(10);
}

/* RLIMIT_CPU: a child inherits it, with a clock of its own. */
static void test_cpu_limit(void)
{
	struct rlimit soft = {1, 5}, hard = {1, 1};
	pid_t told = fork();

	if (told == 0) {
		setrlimit(RLIMIT_CPU, &soft);
		pid_t child = fork();
		if (child == 0) {
			handle(SIGXCPU);
			while (hits == 0)
				burn_ms(10);
			_exit(read_ns(CLOCK_PROCESS_CPUTIME_ID) >= 500 * MS
				      ? 7
				      : 8); /* Linux counts ticks; killed at 5 s */
		}
		int status = 0;
		waitpid(child, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	pid_t killed = fork();
	if (killed == 0) {
		setrlimit(RLIMIT_CPU, &hard);
		handle(SIGXCPU);
		burn_for_ever();
	}
	int status = 0;
	waitpid(told, &status, 0);
	report(WIFEXITED(status) && WEXITSTATUS(status) == 7, "SIGXCPU comes after a second of CPU time");
	waitpid(killed, &status, 0);
	report(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "SIGKILL comes at the hard limit");
}

/* A process that stops itself, with a timer that sends signo meanwhile. Its wait status. */
static int stop_with_timer(int signo)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo};
	struct itimerspec soon = {.it_value.tv_nsec = 20 * MS};
	pid_t pid = fork();
	int status;
	timer_t t;

	if (pid == 0) {
		if (timer_create(CLOCK_MONOTONIC, &ev, &t) != 0 || timer_settime(t, 0, &soon, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(8);
	}
	for (int i = 0; i < 1000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		usleep(10000);
	if (kill(pid, SIGKILL) == 0) {
		waitpid(pid, NULL, 0);
		return -1;
	}
	return status;
}

static void test_timers_of_stopped_processes(void)
{
	report(stop_with_timer(SIGCONT) == 8 << 8, "a timer's SIGCONT lets a stopped process go on");
	report(stop_with_timer(SIGKILL) == SIGKILL, "and its SIGKILL ends one");
}

int main(void)
{
	test_clocks();
	test_cpu_clocks();
	test_sleeping();
	test_system_time();
	test_interval_timers();
	test_posix_timers();
	test_timer_in_a_thread();
	test_cpu_limit();
	test_timers_of_stopped_processes();
	return report_summary();
}
