/* SPDX-License-Identifier: MIT */
/* clock.h - time, from the TSC and the scale in the vCPU page: no exit. And timers, by a single deadline the VMM
 * watches. */
#ifndef CAY_KERNEL_TIME_CLOCK_H
#define CAY_KERNEL_TIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/pheap.h"

#define NSEC_PER_SEC 1000000000ull

uint64_t clock_monotonic_ns(void); /* host's CLOCK_MONOTONIC */
uint64_t clock_realtime_ns(void);
uint64_t clock_boot_ns(void); /* since this VM started */

/*
 * One-shot timer. fn runs in upcall or scheduler context, under the kernel lock unless the timer is an unlocked one: it
 * may wake, re-arm, cancel, not block. Arming and cancelling one timer is for one caller at a time, or for its fn.
 */
struct ktimer {
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	void (*fn)(struct ktimer *t);
	void *arg;
	struct pheap_node node; /* private to timer.c */
	unsigned cpu;           /* in whose heap */
	bool unlocked;          /* fn needs no kernel lock */
};
void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t), void *arg);
void ktimer_init_unlocked(struct ktimer *t, void (*fn)(struct ktimer *t), void *arg);
void ktimer_arm(struct ktimer *t, uint64_t deadline_ns); /* re-arms when armed */
/* Harmless when not armed. Afterwards fn neither runs nor will; so not under a spin lock that fn takes. */
void ktimer_cancel(struct ktimer *t);
static inline bool ktimer_armed(const struct ktimer *t)
{
	return pheap_queued(&t->node);
}
bool ktimer_run_expired(void);       /* by events and the idle loop; true if there was any */
uint64_t ktimer_next_deadline(void); /* UINT64_MAX if none */
/* The CPU goes back to work after events_wait: tells the VMM about the earliest deadline again if it must know. */
void ktimer_resume(void);
void ktimer_subsystem_init(void); /* once, before the first arm */

#endif
