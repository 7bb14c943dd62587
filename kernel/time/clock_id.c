/* SPDX-License-Identifier: MIT */
/* clock_id.c - see clock_id.h. */
#include <errno.h>
#include <time.h>

#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/clock_id.h"

#define CPUCLOCK_WHICH(id) ((id)&3) /* 0 prof, 1 virt, 2 sched */
#define CPUCLOCK_THREAD    4
#define CPUCLOCK_PID(id)   ((int)(~(unsigned)(id) >> 3)) /* the sign bit is the mark of these clocks */

static int cpu_clock_ref(int clockid, struct clock_ref *ref)
{
	int pid = CPUCLOCK_PID(clockid);
	struct thread *t = pid == 0 ? thread_current() : thread_find(pid);

	if (CPUCLOCK_WHICH(clockid) == 3 || t == NULL || t->proc != process_current())
		return -EINVAL;
	if (clockid & CPUCLOCK_THREAD)
		*ref = (struct clock_ref){CLOCK_KIND_CPU_THREAD, t->tid};
	else if (pid == 0 || pid == t->proc->pid)
		*ref = (struct clock_ref){
			CPUCLOCK_WHICH(clockid) == 1 ? CLOCK_KIND_USER_PROCESS : CLOCK_KIND_CPU_PROCESS, 0};
	else
		return -EINVAL;
	return 0;
}

int clock_ref_of(int clockid, struct clock_ref *ref)
{
	*ref = (struct clock_ref){CLOCK_KIND_MONOTONIC, 0};
	if (clockid < 0)
		return cpu_clock_ref(clockid, ref);
	switch (clockid) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* without a leap second table TAI - UTC is 0, as on Linux before ntpd sets it */
		ref->kind = CLOCK_KIND_REALTIME;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		ref->kind = CLOCK_KIND_CPU_PROCESS;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ref = (struct clock_ref){CLOCK_KIND_CPU_THREAD, thread_current()->tid};
		return 0;
	default:
		return -EINVAL;
	}
}

int clock_ref_read(const struct clock_ref *ref, uint64_t *ns)
{
	struct thread *t;

	switch (ref->kind) {
	case CLOCK_KIND_MONOTONIC:
		*ns = clock_monotonic_ns();
		return 0;
	case CLOCK_KIND_REALTIME:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_KIND_CPU_PROCESS:
		*ns = process_cpu_ns(process_current());
		return 0;
	case CLOCK_KIND_USER_PROCESS:
		*ns = process_cpu_time(process_current()).user_ns;
		return 0;
	case CLOCK_KIND_CPU_THREAD:
		t = thread_find(ref->tid);
		if (t == NULL)
			return -EINVAL;
		*ns = thread_cpu_ns(t);
		return 0;
	}
	return -EINVAL;
}
