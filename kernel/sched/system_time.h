/* SPDX-License-Identifier: MIT */
/*
 * system_time.h - which part of the CPU time was the kernel's: utime and stime of getrusage(2), times(2), /proc, and
 * the clock of ITIMER_VIRTUAL. A look at the clock costs as much as a short system call. So calls are sampled, two in a
 * row now and then: they tell how kernel and program share the time, and the CPU time that goes by until the next two
 * is split like that. The gap follows what calls cost: each one of 4 us and more is timed, two in 256 of the shortest.
 * What is always long (page faults, fork, exec) is timed each time. The sum of user and system time is exact. Context:
 * thread, no lock: a thread changes its own figures only.
 */
#ifndef CAY_KERNEL_SCHED_SYSTEM_TIME_H
#define CAY_KERNEL_SCHED_SYSTEM_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct thread;
struct process;

struct cpu_time {
	uint64_t user_ns, system_ns;
};

/* Of a thread; times are its CPU time. */
struct system_time {
	uint64_t exact_ns;                 /* faults, fork, exec */
	uint64_t sampled_ns;               /* calls: an estimate */
	uint64_t left_ns;                  /* end of the call that was timed last, without exact_ns */
	uint64_t in_kernel_ns, in_user_ns; /* of what was timed, the older the less */
	struct cpu_time shown;
};

/* Around work of the kernel for the current thread that is always timed. It may block in between. */
uint64_t system_time_begin(void);
void system_time_end(uint64_t began_ns);

/* Around a call that is sampled. follows: the thread's call before was timed, too. */
uint64_t system_time_enter(struct system_time *st, uint64_t cpu_ns, bool follows);
/* Returns what the call took. */
uint64_t system_time_leave(struct system_time *st, uint64_t cpu_ns, uint64_t entered_ns, bool follows);
/* How many calls go by until the next two are timed, when the last one took ns and they came after `gap`. At least 1.
 */
unsigned system_time_next_gap(uint64_t ns, unsigned gap);

/* CPU time in two. The estimate may waver; what a program was shown before (*shown, and the answer) never goes back. */
void cpu_time_split(struct cpu_time *shown, uint64_t total_ns, uint64_t system_ns);

/* Up to now. Lock: the kernel lock. */
struct cpu_time thread_cpu_time(struct thread *t);
struct cpu_time process_cpu_time(struct process *p);

#endif
