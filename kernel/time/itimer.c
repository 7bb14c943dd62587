/* SPDX-License-Identifier: MIT */
/* itimer.c - setitimer, getitimer, alarm. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kernel/linux/signal.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/time/process_timers.h"
#include "kernel/time/time_calls.h"
#include "kernel/time/timespec.h"

static const int itimer_signal[NR_ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

struct kitimerval {
	struct ktimeval interval, value;
};

static void itimer_expired(struct interval_timer *it, uint64_t periods)
{
	siginfo_t info;

	(void)periods; /* a standard signal says "at least once" */
	memset(&info, 0, sizeof(info));
	info.si_signo = itimer_signal[it - it->proc->timers->itimer];
	info.si_code = SI_KERNEL;
	(void)signal_send_process(it->proc, &info); /* standard signals do not fail */
}

struct process_timers *process_timers_get(struct process *p)
{
	static const enum clock_kind clocks[NR_ITIMERS] = {CLOCK_KIND_MONOTONIC, CLOCK_KIND_USER_PROCESS,
							   CLOCK_KIND_CPU_PROCESS};
	struct process_timers *pt = p->timers;

	if (pt != NULL)
		return pt;
	pt = kzalloc(sizeof(*pt));
	if (pt == NULL)
		return NULL;
	for (int i = 0; i < NR_ITIMERS; i++)
		interval_timer_init(&pt->itimer[i], p, (struct clock_ref){clocks[i], 0}, itimer_expired);
	cpu_limit_init(&pt->cpu_limit, p);
	list_init(&pt->posix);
	p->timers = pt;
	return pt;
}

static struct ktimeval timeval_from_ns(uint64_t ns)
{
	ns += 999; /* a timer that still runs must not read as 0 */
	return (struct ktimeval){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
}

static int timeval_to_ns(const struct ktimeval *tv, uint64_t *ns)
{
	struct ktimespec ts = {tv->sec, tv->usec * 1000};

	if ((uint64_t)tv->usec >= 1000000)
		return -EINVAL;
	return timespec_to_ns(&ts, ns);
}

static struct kitimerval read_itimer(const struct interval_timer *it)
{
	return (struct kitimerval){timeval_from_ns(it->interval_ns), timeval_from_ns(interval_timer_left_ns(it))};
}

long sys_getitimer(int which, void *ucurr)
{
	struct process_timers *pt = process_timers_get(process_current());
	struct kitimerval v;

	if (which < 0 || which >= NR_ITIMERS)
		return -EINVAL;
	if (pt == NULL)
		return -ENOMEM;
	v = read_itimer(&pt->itimer[which]);
	return copy_to_user(ucurr, &v, sizeof(v));
}

long sys_setitimer(int which, const void *unew, void *uold)
{
	struct process_timers *pt = process_timers_get(process_current());
	struct kitimerval new = {0}, old;
	uint64_t value_ns, interval_ns;

	if (which < 0 || which >= NR_ITIMERS)
		return -EINVAL;
	if (pt == NULL)
		return -ENOMEM;
	if (unew != NULL && copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if (timeval_to_ns(&new.value, &value_ns) != 0 || timeval_to_ns(&new.interval, &interval_ns) != 0)
		return -EINVAL;
	old = read_itimer(&pt->itimer[which]);
	interval_timer_set(&pt->itimer[which], value_ns, false, interval_ns);
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

long sys_alarm(unsigned seconds)
{
	struct process_timers *pt = process_timers_get(process_current());
	uint64_t left_ns;

	if (pt == NULL)
		return 0; /* alarm(2) has no errors; without memory for a timer there was none either */
	left_ns = interval_timer_left_ns(&pt->itimer[0]);
	interval_timer_set(&pt->itimer[0], seconds * NSEC_PER_SEC, false, 0);
	if (left_ns != 0 && left_ns < NSEC_PER_SEC)
		return 1;
	return (long)((left_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}
