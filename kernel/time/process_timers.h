/* SPDX-License-Identifier: MIT */
/* process_timers.h - the timers that a process owns: three of setitimer(2), any number of timer_create(2), and the one
 * that watches RLIMIT_CPU. */
#ifndef CAY_KERNEL_TIME_PROCESS_TIMERS_H
#define CAY_KERNEL_TIME_PROCESS_TIMERS_H

#include "kernel/time/interval_timer.h"
#include "lib/list.h"

#define NR_ITIMERS 3

struct process_timers {
	struct interval_timer itimer[NR_ITIMERS]; /* [ITIMER_REAL], VIRTUAL, PROF */
	struct interval_timer cpu_limit;          /* RLIMIT_CPU: cpu_limit.c */
	struct list posix;                        /* struct posix_timer */
	int next_id;
};

/* p's, created at first use; NULL without memory. */
struct process_timers *process_timers_get(struct process *p);

/* p's RLIMIT_CPU is set, by setrlimit or because it was born with it. 0, -ENOMEM. */
MUST_CHECK int cpu_limit_watch(struct process *p);
/* For process_timers_get: the timer, not armed. */
void cpu_limit_init(struct interval_timer *it, struct process *p);

/* execve: POSIX timers go, interval timers stay. */
void process_timers_exec(struct process *p);

/* The end of a process: all go. */
void process_timers_free(struct process *p);

#endif
