/* SPDX-License-Identifier: MIT */
/* futex_priv.h - between futex.c (waiting and waking), futex_pi.c (locks with an owner), futex_requeue_pi.c and
 * futex_exit.c (robust lists). */
#ifndef CAY_KERNEL_LINUX_FUTEX_PRIV_H
#define CAY_KERNEL_LINUX_FUTEX_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/linux/futex_queue.h"
#include "lib/compiler.h"

/* -EINVAL for an address that is not a multiple of 4, -EFAULT. */
MUST_CHECK int futex_key_of(const void *uaddr, bool shared, struct futex_key *key);

/* Wakes up to nr; -errno for a bad address. */
int futex_wake(void *uaddr, bool shared, int nr, uint32_t bits);

/* The priority by which its thread is woken before others. */
int futex_urgency(const struct thread *t);

/* Locks with an owner, for pthread mutexes with priority inheritance. Lock: the kernel lock, for all of these. */
long futex_lock_pi(void *uaddr, bool shared, bool try_only, uint64_t deadline_ns);
long futex_unlock_pi(void *uaddr, bool shared);
/* The calling thread t ends, or execs: what it holds goes to those that wait for it. */
void futex_pi_thread_exit(struct thread *t);

/* futex_requeue_pi.c: a condition variable whose mutex is such a lock. */
long futex_wait_requeue_pi(void *uaddr, void *ulock, bool shared, uint32_t val, uint64_t deadline_ns);
long futex_cmp_requeue_pi(void *uaddr, void *ulock, bool shared, int nr_wake, int nr_requeue, uint32_t expect);

#endif
