/* SPDX-License-Identifier: MIT */
/* process_start.c - estimating the time of exec from the CPU time used since. */
#include "vmm/cli/process_start.h"

#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) == 0 ? (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec : 0;
}

struct process_start process_start_now(void)
{
	uint64_t used = clock_ns(CLOCK_PROCESS_CPUTIME_ID), now = clock_ns(CLOCK_MONOTONIC);

	return (struct process_start){.exec_ns = used && used < now ? now - used : 0, .main_ns = now};
}
