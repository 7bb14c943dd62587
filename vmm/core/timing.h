/* SPDX-License-Identifier: MIT */
/* timing.h - marks on the timeline that --timing prints. */
#ifndef CAY_VMM_CORE_TIMING_H
#define CAY_VMM_CORE_TIMING_H

#include <time.h>

#include "vmm/core/vm.h"

static inline uint64_t timing_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline void timing_mark(struct vm *vm, enum vm_timing_point point)
{
	vm->timing[point] = timing_now_ns();
}

#endif
