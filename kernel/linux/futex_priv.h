/* SPDX-License-Identifier: MIT */
/* futex_priv.h - between futex.c (waiting and waking), futex_pi.c (locks with an owner) and futex_exit.c (robust
 * lists). */
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

/* Locks with an owner, for pthread mutexes with priority inheritance (the owner is known; priorities are not lent). */
long futex_lock_pi(void *uaddr, bool shared, bool try_only, uint64_t deadline_ns);
long futex_unlock_pi(void *uaddr, bool shared);
/* The owner died: hands the lock to a waiter. True when there was one. */
bool futex_pi_owner_died(void *uaddr);

#endif
