/* SPDX-License-Identifier: MIT */
/* clone.h - between clone.c (what is asked for, new threads) and fork.c (new processes). */
#ifndef CAY_KERNEL_LINUX_CLONE_H
#define CAY_KERNEL_LINUX_CLONE_H

#include <stdint.h>

#include "lib/compiler.h"

struct thread;
struct process;

struct clone_request {
	uint64_t flags;     /* CLONE_*, without the signal */
	int exit_signal;    /* 0: none */
	uint64_t stack_top; /* 0: the caller's stack pointer */
	uint64_t tls;
	void *parent_tid, *child_tid, *pidfd;
};

/* A thread of p, not started, with the caller's files or copies of them as flags say. NULL without memory. */
MUST_CHECK struct thread *clone_thread(struct process *p, uint64_t flags);
/* The new thread's registers and what of rq is its own: it may be started then. */
void clone_set_up_thread(struct thread *t, const struct clone_request *rq);
/* RLIMIT_NPROC, and what the machine can take. 0 or -EAGAIN. */
long clone_check_limits(void);
/* The new process's id, or -ENOMEM. */
long fork_process(const struct clone_request *rq);

#endif
