/* SPDX-License-Identifier: MIT */
/* smp.h - several CPUs: bringing them up, telling one to look, keeping them out of the program. All under the kernel
 * lock. */
#ifndef CAY_KERNEL_SCHED_SMP_H
#define CAY_KERNEL_SCHED_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"
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
 * Has each other CPU that has the tables with this root loaded (0: each CPU) see to what `leave` leaves for it in its
 * struct cpu (NULL: nothing) before it executes the program or touches its memory again, and waits until it has, or is
 * out. Costs an interruption (50 us without VT-x) for each that executes the program, nothing for those that are idle
 * or wait. No lock needed; may be called under spin locks.
 */
void smp_tell_others(uint64_t cr3, void (*leave)(struct cpu *cpu, const void *arg), const void *arg);

/* The same with nothing left but that each executes a serializing instruction, and so a barrier (membarrier). */
void smp_serialize_others(uint64_t cr3);

/*
 * Waits until no other CPU executes program code of the tables with this root (0: any), and keeps all others from going
 * there until smp_release_others, or until this CPU switches to another thread. They may be in the kernel meanwhile.
 * Each executes a serializing instruction before it goes on. Kernel lock.
 */
void smp_hold_others(uint64_t cr3);
void smp_release_others(void);
/* On the way to the program, when `pending` said that there is something: waits while others hold it, and sees to what
 * they have left. No locks held. */
void smp_before_program(void);

/*
 * Quiet: a CPU that had no reader of rcu.h since smp_quiet_begin, because it was idle, or in the program, or looked
 * what others ask of it. smp_was_quiet says whether all others had such a moment by now. It is asked again and again;
 * nobody is interrupted for it. Any context.
 */
struct smp_quiet {
	uint64_t ticket[CAY_VCPU_MAX];
	uint64_t busy; /* CPUs that had none yet, a bit each */
	uint64_t begun_ns;
};
void smp_quiet_begin(struct smp_quiet *q);
bool smp_was_quiet(struct smp_quiet *q);

#endif
