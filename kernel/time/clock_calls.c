/* SPDX-License-Identifier: MIT */
/* clock_calls.c - reading clocks. Setting them is refused: the time is the host's. */
#include <errno.h>
#include <string.h>
#include <sys/timex.h>

#include "kernel/mm/uaccess.h"
#include "kernel/time/clock_id.h"
#include "kernel/time/time_calls.h"
#include "kernel/time/timespec.h"

long sys_clock_gettime(int clockid, void *uts)
{
	struct clock_ref ref;
	uint64_t ns;
	int err = clock_ref_of(clockid, &ref);

	if (err == 0)
		err = clock_ref_read(&ref, &ns);
	return err != 0 ? err : timespec_to_user(uts, ns);
}

long sys_clock_getres(int clockid, void *uts)
{
	struct clock_ref ref;
	int err = clock_ref_of(clockid, &ref);

	if (err != 0 || uts == NULL)
		return err;
	return timespec_to_user(uts, 1);
}

long sys_clock_settime(int clockid, const void *uts)
{
	struct clock_ref ref;
	uint64_t ns;
	int err = clock_ref_of(clockid, &ref);

	if (err != 0 || ref.kind != CLOCK_KIND_REALTIME)
		return -EINVAL;
	err = timespec_from_user(uts, &ns);
	return err != 0 ? err : -EPERM;
}

long sys_gettimeofday(void *utv, void *utz)
{
	uint64_t ns = clock_realtime_ns();
	struct ktimeval tv = {(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
	const uint32_t utc[2] = {0, 0};

	if (utv != NULL && copy_to_user(utv, &tv, sizeof(tv)) != 0)
		return -EFAULT;
	return utz != NULL ? copy_to_user(utz, utc, sizeof(utc)) : 0;
}

long sys_settimeofday(const void *utv, const void *utz)
{
	(void)utv;
	(void)utz;
	return -EPERM;
}

long sys_time(void *ut)
{
	uint64_t sec = clock_realtime_ns() / NSEC_PER_SEC;

	if (ut != NULL && put_user_u64(ut, sec) != 0)
		return -EFAULT;
	return (long)sec;
}

/* Reading the state of the clock is allowed; it says "in step with the host, error unknown". */
long sys_adjtimex(void *utx)
{
	struct timex tx;
	uint64_t ns;

	if (copy_from_user(&tx, utx, sizeof(tx)) != 0)
		return -EFAULT;
	if (tx.modes != 0 && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	memset(&tx, 0, sizeof(tx));
	ns = clock_realtime_ns();
	tx.status = STA_UNSYNC;
	tx.maxerror = tx.esterror = 16000000; /* microseconds: Linux's "unknown" */
	tx.tick = 10000;
	tx.tolerance = 32768000;
	tx.precision = 1;
	tx.constant = 2;
	tx.time.tv_sec = (long)(ns / NSEC_PER_SEC);
	tx.time.tv_usec = (long)(ns % NSEC_PER_SEC / 1000);
	if (copy_to_user(utx, &tx, sizeof(tx)) != 0)
		return -EFAULT;
	return TIME_ERROR; /* what an unsynchronised clock returns */
}

long sys_clock_adjtime(int clockid, void *utx)
{
	struct clock_ref ref;
	int err = clock_ref_of(clockid, &ref);

	if (err != 0)
		return err;
	return ref.kind == CLOCK_KIND_REALTIME ? sys_adjtimex(utx) : -EOPNOTSUPP;
}
