/* SPDX-License-Identifier: MIT */
/*
 * percpu.h - for what each CPU has of its own and no other touches. It needs no lock, since the kernel is not preempted
 * and takes no upcalls: what began on a CPU ends there, unless it blocks or faults in between.
 */
#ifndef CAY_KERNEL_MM_PERCPU_H
#define CAY_KERNEL_MM_PERCPU_H

#include <stdbool.h>

#ifdef CAY_UNIT_TEST /* tests/unit/shim/ram.c */
extern bool smp_active;
extern __thread unsigned shim_cpu;
static inline unsigned percpu_id(void)
{
	return shim_cpu;
}
#else
#include "kernel/sched/klock.h"
static inline unsigned percpu_id(void)
{
	return (unsigned)cpu_this()->id;
}
#endif

#endif
