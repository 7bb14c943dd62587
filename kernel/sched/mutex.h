/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - a lock that sleeps. Not recursive; who has it releases it. It never spins, and takes no other lock: threads
 * that find it taken push themselves on a stack in the lock's own word, by compare-and-exchange. Whoever releases it
 * hands it to the one that has waited longest, and it is not free in between: nobody overtakes, and a thread is woken
 * once. With or without the kernel lock, which a thread gives up while it is blocked. All zero is a free mutex.
 * Checked by tests/model/mutex.pml and, under ThreadSanitizer, tests/stress/stress_mutex.c.
 */
#ifndef CAY_KERNEL_SCHED_MUTEX_H
#define CAY_KERNEL_SCHED_MUTEX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct thread;
struct mutex_waiter; /* mutex.c; on the stack of the thread that waits */

struct mutex {
	uintptr_t state;            /* free, taken, or taken and the last that came to wait */
	struct thread *owner;       /* valid while it is taken; for assertions */
	struct mutex_waiter *first; /* in the order in which they came; the owner's */
};

#define MUTEX_INIT                                                                                                     \
	{                                                                                                              \
		0                                                                                                      \
	}
static inline void mutex_init(struct mutex *m)
{
	*m = (struct mutex)MUTEX_INIT;
}
void mutex_lock(struct mutex *m);
MUST_CHECK bool mutex_trylock(struct mutex *m); /* any context; false also when the caller has it */
void mutex_unlock(struct mutex *m);
/* A moment ago it was taken, by whomever. */
static inline bool mutex_is_taken(const struct mutex *m)
{
	return __atomic_load_n(&m->state, __ATOMIC_RELAXED) != 0;
}

#endif
