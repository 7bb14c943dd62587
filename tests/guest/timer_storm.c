/* SPDX-License-Identifier: MIT */
/* Very many timers with periods of nothing: the program that made them, and others, go on. A hang is the failure. */
#include "report.h"

#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_TIMERS   1500
#define NR_CHILDREN 15

static void compute(void)
{
	for (volatile long i = 0; i < 500000; i++)
		;
}

/* Returns how many timers there were at its end. */
static int storm(clockid_t clock, int notify, int signo)
{
	struct sigevent ev = {.sigev_notify = notify, .sigev_signo = signo};
	const struct itimerspec v = {{0, 1}, {0, 1}};
	static timer_t timers[NR_TIMERS];
	struct itimerspec left;
	int nr = 0, there = 0;

	while (nr < NR_TIMERS && timer_create(clock, &ev, &timers[nr]) == 0)
		timer_settime(timers[nr++], 0, &v, NULL);
	compute();
	for (int i = 0; i < nr; i++) {
		there += timer_gettime(timers[i], &left) == 0 && left.it_interval.tv_nsec == 1;
		timer_delete(timers[i]);
	}
	return nr == NR_TIMERS ? there : -1;
}

static void storm_of_processes(void)
{
	const struct itimerval v = {{0, 1}, {0, 1}};
	int good = 0;

	for (int i = 0; i < NR_CHILDREN; i++) {
		if (fork() == 0) {
			setitimer(ITIMER_REAL, &v, NULL); /* SIGALRM is ignored */
			setitimer(ITIMER_PROF, &v, NULL);
			compute();
			_exit(3);
		}
	}
	for (int i = 0; i < NR_CHILDREN; i++) {
		int status;

		good += wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 3;
	}
	report(good == NR_CHILDREN, "interval timers of many processes");
}

int main(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGRTMIN + 1, SIG_IGN);
	signal(SIGALRM, SIG_IGN);
	signal(SIGPROF, SIG_IGN);
	report_eq(storm(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN), NR_TIMERS);
	report_eq(storm(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 1), NR_TIMERS);
	report_eq(storm(CLOCK_MONOTONIC, SIGEV_NONE, 0), NR_TIMERS);
	report_eq(storm(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGRTMIN), NR_TIMERS);
	storm_of_processes();
	return report_summary();
}
