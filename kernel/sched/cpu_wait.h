/* SPDX-License-Identifier: MIT */
/*
 * cpu_wait.h - a CPU waits for another one, in the kernel, with nothing else to do: for a lock, for an answer.
 * It spins for a bounded time, then sleeps in the VMM in growing steps: whoever it waits for may have lost its host
 * CPU, and a spinner might be what keeps it from getting it back. Meanwhile it counts as out of the program
 * (CPU_WAITS).
 */
#ifndef CAY_KERNEL_SCHED_CPU_WAIT_H
#define CAY_KERNEL_SCHED_CPU_WAIT_H

#include <stdbool.h>

#include <stdint.h>

/* Until done(arg) is true; it is called often. Spins for spin_ns first. Before returning, this CPU forgets what others
 * told it to meanwhile. */
void cpu_wait_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns);

/* At most for spin_ns, and never sleeps. */
void cpu_spin_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns);

/* For what holders of locks do. */
#define CPU_WAIT_SPIN_NS 10000ull

#endif
