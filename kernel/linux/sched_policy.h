/* SPDX-License-Identifier: MIT */
/* sched_policy.h - who may change how a thread is scheduled, and what its children inherit of it. */
#ifndef CAY_KERNEL_LINUX_SCHED_POLICY_H
#define CAY_KERNEL_LINUX_SCHED_POLICY_H

#include <stdbool.h>

struct thread;

/* Is t of the caller's user, or has the caller CAP_SYS_NICE? */
bool may_schedule(const struct thread *t);
/* The policy, priority and nice level of a thread that parent makes: its own, unless it asked for a reset on fork
 * (sched(7), "Resetting scheduling policy for child processes"). */
void sched_policy_inherit(struct thread *child, const struct thread *parent);

#endif
