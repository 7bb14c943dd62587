/* SPDX-License-Identifier: MIT */
/* timespec.c - see timespec.h. */
#include "kernel/mm/uaccess.h"
#include "kernel/time/timespec.h"

int timespec_from_user(const void *uts, uint64_t *ns)
{
	struct ktimespec ts;
	int err = copy_from_user(&ts, uts, sizeof(ts));

	return err != 0 ? err : timespec_to_ns(&ts, ns);
}

int timespec_to_user(void *uts, uint64_t ns)
{
	struct ktimespec ts = timespec_from_ns(ns);

	return copy_to_user(uts, &ts, sizeof(ts));
}

uint64_t deadline_after(uint64_t ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	return ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + ns;
}

uint64_t deadline_from_realtime(uint64_t real_ns)
{
	uint64_t real_now_ns = clock_realtime_ns();

	if (real_ns <= real_now_ns)
		return clock_monotonic_ns();
	return deadline_after(real_ns - real_now_ns);
}
