/* SPDX-License-Identifier: MIT */
/*
 * cpu_limit.c - RLIMIT_CPU: SIGXCPU when a process has used its soft limit of CPU time, and again each second; SIGKILL
 * at the hard limit (setrlimit(2)). A limit of 0 seconds counts as 1, as on Linux.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/linux/signal.h"
#include "kernel/sched/thread.h"
#include "kernel/time/process_timers.h"

static bool is_limit(uint64_t seconds)
{
	return seconds < UINT64_MAX / NSEC_PER_SEC;
}

static void expired(struct interval_timer *it, uint64_t periods)
{
	struct process *p = it->proc;
	uint64_t hard_s = p->rlimit[RLIMIT_CPU].max;
	bool over = is_limit(hard_s) && process_cpu_ns(p) >= MAX(hard_s, (uint64_t)1) * NSEC_PER_SEC;
	siginfo_t info;

	(void)periods;
	memset(&info, 0, sizeof(info));
	info.si_signo = over ? SIGKILL : SIGXCPU;
	info.si_code = SI_KERNEL;
	(void)signal_send_process(p, &info); /* standard signals do not fail */
}

void cpu_limit_init(struct interval_timer *it, struct process *p)
{
	interval_timer_init(it, p, (struct clock_ref){CLOCK_KIND_CPU_PROCESS, 0}, expired);
}

int cpu_limit_watch(struct process *p)
{
	uint64_t soft_s = p->rlimit[RLIMIT_CPU].cur;
	struct process_timers *pt = p->timers;

	if (!is_limit(soft_s)) {
		if (pt != NULL)
			interval_timer_set(&pt->cpu_limit, 0, false, 0);
		return 0;
	}
	pt = process_timers_get(p);
	if (pt == NULL)
		return -ENOMEM;
	interval_timer_set(&pt->cpu_limit, MAX(soft_s, (uint64_t)1) * NSEC_PER_SEC, true, NSEC_PER_SEC);
	return 0;
}
