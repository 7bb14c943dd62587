/* SPDX-License-Identifier: MIT */
/*
 * family.h - parents and children: who is told what when a process ends, stops or goes on, and what it used.
 * Runs in thread context, and family_stopped and family_continued in event context, too: never blocks.
 */
#ifndef CAY_KERNEL_LINUX_FAMILY_H
#define CAY_KERNEL_LINUX_FAMILY_H

#include <stdint.h>
#include <sys/resource.h>

#include "kernel/sched/thread.h"

/*
 * p has no thread left that runs the program. Its children get another parent: the nearest ancestor that asked for it
 * (PR_SET_CHILD_SUBREAPER), or the first process, which need not wait for them. p becomes a zombie, or is reaped at
 * once when nobody will wait for it.
 */
void family_ended(struct process *p);
void family_stopped(struct process *p, int signo);
void family_continued(struct process *p);

/* What p and its threads used so far; what children it waited for used. */
struct process_usage usage_of_process(struct process *p);
struct process_usage usage_of_family(struct process *p);
void usage_add(struct process_usage *to, const struct process_usage *more);
void usage_to_rusage(const struct process_usage *u, struct rusage *ru);

#endif
