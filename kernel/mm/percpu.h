/* SPDX-License-Identifier: MIT */
/*
 * percpu.h - for what each CPU has of its own and no other touches. It needs no lock, since the kernel is not preempted
 * and takes no upcalls: what began on a CPU ends there, unless it blocks or faults in between.
 */
#ifndef CAY_KERNEL_MM_PERCPU_H
#define CAY_KERNEL_MM_PERCPU_H

#include <stdbool.h>

#include "abi/layout.h"

#ifdef CAY_UNIT_TEST /* tests/unit/shim/ram.c */
extern bool smp_active;
extern __thread unsigned shim_cpu;
static inline unsigned percpu_id(void)
{
	return shim_cpu;
}
/* All ids are below. */
static inline unsigned percpu_nr(void)
{
	return CAY_VCPU_MAX;
}
#else
#include "kernel/sched/klock.h"
static inline unsigned percpu_id(void)
{
	return (unsigned)cpu_this()->id;
}
static inline unsigned percpu_nr(void)
{
	return cpu_count();
}
#endif

#endif
