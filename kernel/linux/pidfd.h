/* SPDX-License-Identifier: MIT */
/* pidfd.h - descriptors of processes, for clone and waitid. */
#ifndef CAY_KERNEL_LINUX_PIDFD_H
#define CAY_KERNEL_LINUX_PIDFD_H

#include <stdbool.h>

#include "kernel/sched/thread.h"

/* A new descriptor of p, close-on-exec; flags: O_NONBLOCK or 0. The number, or -EMFILE, -ENOMEM. */
MUST_CHECK int pidfd_create(struct process *p, unsigned flags);
/* The process behind fd, counted; NULL when fd is no such descriptor. nonblock may be NULL. */
MUST_CHECK struct process *pidfd_process(int fd, bool *nonblock);

#endif
