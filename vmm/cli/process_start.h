/* SPDX-License-Identifier: MIT */
/* process_start.h - when this process was started, for --timing. */
#ifndef CAY_VMM_CLI_PROCESS_START_H
#define CAY_VMM_CLI_PROCESS_START_H

#include <stdint.h>

/* CLOCK_MONOTONIC ns. */
struct process_start {
	uint64_t exec_ns; /* 0 if Linux does not tell */
	uint64_t main_ns;
};

/*
 * The first thing main does. exec_ns is as near as Linux tells without privileges: /proc/self/stat counts in 10 ms
 * ticks, too coarse; the process's CPU clock is exact and has run since the fork. Subtracting it from now gives the
 * latest time at which the process can have begun, off by the time that it waited for a CPU or a page of its file.
 */
struct process_start process_start_now(void);

#endif
