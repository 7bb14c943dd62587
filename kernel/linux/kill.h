/* SPDX-License-Identifier: MIT */
/* kill.h - sending a signal on behalf of the program, with its rights. */
#ifndef CAY_KERNEL_LINUX_KILL_H
#define CAY_KERNEL_LINUX_KILL_H

#include "kernel/sched/thread.h"

/*
 * As rt_sigqueueinfo(2), or kill(2) when uinfo is NULL. 0; -EINVAL: no such signal, or uinfo speaks of another; -ESRCH:
 * it was waited for; -EPERM: not the caller's to signal; -EAGAIN: the queue is full; -EFAULT.
 */
long kill_process(struct process *p, int sig, const void *uinfo);

#endif
