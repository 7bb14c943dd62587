/* SPDX-License-Identifier: MIT */
/* sleep.c - nanosleep and clock_nanosleep. A sleep for a while is kept as the deadline it ends at, so signals do not
 * stretch it. */
#include <errno.h>
#include <time.h>

#include "kernel/linux/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/wait.h"
#include "kernel/time/clock_id.h"
#include "kernel/time/time_calls.h"
#include "kernel/time/timespec.h"

static int sleep_until(uint64_t deadline_ns)
{
	struct waitq nobody = WAITQ_INIT(nobody);
	int r = wait_event_deadline(&nobody, false, deadline_ns, true);

	return r == -ETIMEDOUT ? 0 : r;
}

static long sleep_relative(uint64_t deadline_ns, void *urem);

static long sleep_continue(struct restart_block *rb)
{
	return sleep_relative(rb->deadline_ns, (void *)rb->arg[0]);
}

static long sleep_relative(uint64_t deadline_ns, void *urem)
{
	uint64_t now_ns;

	if (sleep_until(deadline_ns) == 0)
		return 0;
	now_ns = clock_monotonic_ns();
	if (now_ns >= deadline_ns)
		return 0;
	if (urem != NULL && timespec_to_user(urem, deadline_ns - now_ns) != 0)
		return -EFAULT;
	return signal_restart_with(sleep_continue, deadline_ns, (uint64_t)urem, 0, 0, 0, 0);
}

/* A CPU clock advances at most as fast as the wall clock: sleep what is missing, look again. */
static long sleep_cpu_clock(const struct clock_ref *ref, uint64_t target_ns)
{
	uint64_t now_ns;

	for (;;) {
		if (clock_ref_read(ref, &now_ns) != 0)
			return -EINVAL;
		if (now_ns >= target_ns)
			return 0;
		if (sleep_until(deadline_after(target_ns - now_ns)) != 0)
			return -ERESTARTNOHAND;
	}
}

static long clock_sleep(int clockid, int flags, const void *ureq, void *urem)
{
	struct clock_ref ref;
	uint64_t ns, now_ns;
	int err;

	if (clockid == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	err = clock_ref_of(clockid, &ref);
	if (err == 0)
		err = timespec_from_user(ureq, &ns);
	if (err != 0)
		return err;
	if (clock_is_cpu(&ref)) {
		if (clock_ref_read(&ref, &now_ns) != 0)
			return -EINVAL;
		return sleep_cpu_clock(&ref, flags & TIMER_ABSTIME ? ns : now_ns + ns);
	}
	if (flags & TIMER_ABSTIME) {
		err = sleep_until(ref.kind == CLOCK_KIND_REALTIME ? deadline_from_realtime(ns) : ns);
		return err != 0 ? -ERESTARTNOHAND : 0;
	}
	return sleep_relative(deadline_after(ns), urem);
}

/* CPU clocks are of threads and processes, which the kernel lock protects. */
long sys_clock_nanosleep(int clockid, int flags, const void *ureq, void *urem)
{
	bool entered = clockid != CLOCK_MONOTONIC && clockid != CLOCK_REALTIME && kernel_enter();
	long result = clock_sleep(clockid, flags, ureq, urem);

	if (entered)
		kernel_leave();
	return result;
}

long sys_nanosleep(const void *ureq, void *urem)
{
	return clock_sleep(CLOCK_MONOTONIC, 0, ureq, urem);
}
