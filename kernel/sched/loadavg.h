/* SPDX-License-Identifier: MIT */
/*
 * loadavg.h - the load averages of /proc/loadavg and sysinfo(2): threads that run or want to, averaged over about 1, 5
 * and 15 minutes. Looked at every 5 seconds, by a timer that stops when it finds nobody and goes on when somebody runs
 * again: an idle VM is not woken for it, and its averages fall by the time that went by.
 */
#ifndef CAY_KERNEL_SCHED_LOADAVG_H
#define CAY_KERNEL_SCHED_LOADAVG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

#define LOADAVG_PERIOD_NS 5000000000ull
#define LOADAVG_SHIFT     11 /* binary places */

struct loadavg {
	uint32_t avg[3];
};

/* `periods` went by, with `running` threads each time. */
void loadavg_step(struct loadavg *l, unsigned running, uint64_t periods);

/* As they are now; the timer goes on. Context: thread. */
struct loadavg loadavg_now(void);

/* A CPU that was idle has somebody to run. */
void loadavg_start(void);
extern bool loadavg_sleeps;
static inline void loadavg_busy(void)
{
	if (READ_ONCE(loadavg_sleeps))
		loadavg_start();
}

#endif
