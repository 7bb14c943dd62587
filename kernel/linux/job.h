/* SPDX-License-Identifier: MIT */
/* job.h - process groups and sessions: which group is orphaned, and what the end of a process means to them. */
#ifndef CAY_KERNEL_LINUX_JOB_H
#define CAY_KERNEL_LINUX_JOB_H

#include <stdbool.h>

#include "kernel/sched/thread.h"

/*
 * Nobody outside the group, but in its session, is a parent of a member: nobody could continue it when it stops. Such a
 * group ignores SIGTSTP, SIGTTIN and SIGTTOU by default (POSIX 2.4.3). `without` is taken for gone already, or NULL.
 */
bool job_group_is_orphaned(int pgid, const struct process *without);

/* A member of session sid is in the group. */
bool job_group_is_in_session(int pgid, int sid);

/* To each process of the group. 0; -ESRCH: there is none. Never blocks. */
int job_signal_group(int pgid, const siginfo_t *info);

/* p is a zombie now: groups that it keeps from being orphaned, its session, its terminal. */
void job_process_ended(struct process *p);

#endif
