/* SPDX-License-Identifier: MIT */
/* process_timers.h - the timers that a process owns: three of setitimer(2), any number of timer_create(2). */
#ifndef CAY_KERNEL_TIME_PROCESS_TIMERS_H
#define CAY_KERNEL_TIME_PROCESS_TIMERS_H

#include "kernel/time/interval_timer.h"
#include "lib/list.h"

#define NR_ITIMERS 3

struct process_timers {
	struct interval_timer itimer[NR_ITIMERS]; /* [ITIMER_REAL], VIRTUAL, PROF */
	struct list posix;                        /* struct posix_timer */
	int next_id;
};

/* The caller's, created at first use; NULL without memory. */
struct process_timers *process_timers_get(void);

/* execve: POSIX timers go, interval timers stay. */
void process_timers_exec(struct process *p);

/* The end of a process: all go. */
void process_timers_free(struct process *p);

#endif
