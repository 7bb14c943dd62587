/* SPDX-License-Identifier: MIT */
/* futex_pi.h - waiting for a lock with an owner, between futex_pi.c and futex_requeue_pi.c. Lock: the kernel lock. */
#ifndef CAY_KERNEL_LINUX_FUTEX_PI_H
#define CAY_KERNEL_LINUX_FUTEX_PI_H

#include "kernel/linux/futex_queue.h"
#include "kernel/sched/lending.h"

/*
 * One that waits for such a lock, or may be made to: on its stack. While it waits it lends its rank to the owner, so
 * the owner's list of loans is also that of the waiters for all its locks.
 */
struct pi_waiter {
	struct futex_waiter w;
	struct lending loan;
	void *ulock;             /* the lock's word, in the waiter's own memory */
	struct futex_key target; /* of the lock; of use while it is a FUTEX_CONDITION */
	bool is_heir;            /* the owner died and left it the lock: the word does not say so yet */
};

/* What to do about a lock after a look at its word. */
enum pi_look {
	PI_TAKEN, /* it was free, and is tid's now */
	PI_OWNED, /* by *owner, which knows of waiters; nothing has slept since the word was read */
	PI_AGAIN  /* the word changed meanwhile, or was changed */
};
/* Takes the lock for tid, or finds its owner, or -EDEADLK (tid is it), -ESRCH (no such thread), -EINVAL (the word names
 * another one than its waiters know), -EFAULT. May sleep. */
int pi_look(void *ulock, const struct futex_key *key, uint32_t tid, struct thread **owner);

/* Sleeps until it is given the lock. r: what to return if it was not, when that is sure already; else 0. Returns 0 with
 * the lock, r, -ETIMEDOUT, -EINTR or -EFAULT. w is not queued afterwards. */
int pi_wait(struct pi_waiter *w, uint64_t deadline_ns, int r);

#endif
