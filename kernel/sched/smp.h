/* SPDX-License-Identifier: MIT */
/* smp.h - several CPUs: bringing them up, telling one to look, keeping them out of the program. All under the kernel
 * lock. */
#ifndef CAY_KERNEL_SCHED_SMP_H
#define CAY_KERNEL_SCHED_SMP_H

#include <stdint.h>

#include "kernel/sched/klock.h"

/* The boot CPU takes the kernel lock; with one CPU nothing. Before the first thread. */
void smp_init(void);

/* Starts the other CPUs, once; until then nothing runs there. Called before a second thread of a program exists, so
 * that a program with one thread does not pay for CPUs it cannot use. */
void smp_start_others(void);

/*
 * Interrupts another CPU so that it looks at its run queue and at its thread's `work` before it goes on. No exit if it
 * polls or is about to look anyway; else a gate call.
 */
void smp_poke(unsigned id);

/*
 * Waits until no other CPU executes program code of the address space with this CR3 (0: of any). They stay out until
 * this CPU releases the kernel lock. Costs nothing for CPUs that are idle or wait for the lock, an interruption (50 us
 * without VT-x) for those that run a program.
 */
void smp_stop_others(uint64_t cr3);

/* As smp_stop_others(0), and each of them executes a serializing instruction before it goes on (membarrier). */
void smp_serialize_others(uint64_t cr3);

#endif
