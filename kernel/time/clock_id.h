/* SPDX-License-Identifier: MIT */
/*
 * clock_id.h - clockid_t of system calls: the wall clocks, and CPU clocks of this process and its threads
 * (clock_getcpuclockid: the id's complement in the upper bits, kind and "thread" in the lower three).
 */
#ifndef CAY_KERNEL_TIME_CLOCK_ID_H
#define CAY_KERNEL_TIME_CLOCK_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct thread;

enum clock_kind {
	CLOCK_KIND_MONOTONIC, /* also BOOTTIME, RAW, COARSE: the VM does not suspend and nobody steers its clock */
	CLOCK_KIND_REALTIME,
	CLOCK_KIND_CPU_PROCESS,
	CLOCK_KIND_CPU_THREAD,
	CLOCK_KIND_USER_PROCESS /* of it what is not the kernel's */
};

struct clock_ref {
	enum clock_kind kind;
	int tid; /* CPU_THREAD: whose; looked up at each reading, because it may end */
};

/* -EINVAL: no such clock, or of a thread or process that is not there. */
MUST_CHECK int clock_ref_of(int clockid, struct clock_ref *ref);

/* Nanoseconds now. -EINVAL: the thread has ended. */
MUST_CHECK int clock_ref_read(const struct clock_ref *ref, uint64_t *ns);

static inline bool clock_is_cpu(const struct clock_ref *ref)
{
	return ref->kind >= CLOCK_KIND_CPU_PROCESS;
}

#endif
