/* SPDX-License-Identifier: MIT */
/*
 * interval_timer.h - a timer on any clock of a process, once or periodic: what setitimer and timer_create are made of.
 * A timer on a CPU clock sleeps for as long as is missing (CPU time cannot pass faster than real time) and looks again.
 */
#ifndef CAY_KERNEL_TIME_INTERVAL_TIMER_H
#define CAY_KERNEL_TIME_INTERVAL_TIMER_H

#include <stdint.h>

#include "kernel/time/clock.h"
#include "kernel/time/clock_id.h"

struct process;

struct interval_timer {
	struct ktimer ktimer;
	struct clock_ref clock;
	struct process *proc;
	uint64_t expiry_ns;   /* on its clock; 0 = not armed */
	uint64_t interval_ns; /* 0 = once */
	/* Event context. periods >= 1: how many went by since the last call. */
	void (*expired)(struct interval_timer *it, uint64_t periods);
};

void interval_timer_init(struct interval_timer *it, struct process *p, struct clock_ref clock,
			 void (*expired)(struct interval_timer *it, uint64_t periods));

/* first_ns: absolute on its clock, or relative; 0 stops the timer. */
void interval_timer_set(struct interval_timer *it, uint64_t first_ns, bool absolute, uint64_t interval_ns);

/* Until the next expiry; 0 when not armed, at least 1 when armed. */
uint64_t interval_timer_left_ns(const struct interval_timer *it);

#endif
