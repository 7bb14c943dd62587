/* SPDX-License-Identifier: MIT */
/* timespec.h - seconds and nanoseconds of the program, checked, as nanoseconds (saturating: 584 years are for ever). */
#ifndef CAY_KERNEL_TIME_TIMESPEC_H
#define CAY_KERNEL_TIME_TIMESPEC_H

#include <stdint.h>

#include "kernel/time/clock.h"
#include "lib/compiler.h"

/* The 64-bit layout that the kernel ABI has everywhere on x86-64. */
struct ktimespec {
	int64_t sec;
	int64_t nsec;
};
struct ktimeval {
	int64_t sec;
	int64_t usec;
};

/* -EINVAL for a negative or not normalised time. */
static inline int timespec_to_ns(const struct ktimespec *ts, uint64_t *ns)
{
	if (ts->sec < 0 || (uint64_t)ts->nsec >= NSEC_PER_SEC)
		return -22;
	if ((uint64_t)ts->sec >= UINT64_MAX / NSEC_PER_SEC)
		*ns = UINT64_MAX;
	else
		*ns = (uint64_t)ts->sec * NSEC_PER_SEC + (uint64_t)ts->nsec;
	return 0;
}

static inline struct ktimespec timespec_from_ns(uint64_t ns)
{
	return (struct ktimespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

/* As timespec_to_ns from the program's memory; -EFAULT. */
MUST_CHECK int timespec_from_user(const void *uts, uint64_t *ns);
MUST_CHECK int timespec_to_user(void *uts, uint64_t ns);

/* Now + ns on CLOCK_MONOTONIC; UINT64_MAX (WAIT_FOREVER) when that does not fit. */
uint64_t deadline_after(uint64_t ns);
/* The CLOCK_MONOTONIC moment at which CLOCK_REALTIME will show real_ns. */
uint64_t deadline_from_realtime(uint64_t real_ns);

#endif
