/* SPDX-License-Identifier: MIT */
/*
 * spinlock.h - a lock for a few instructions, between CPUs. Kernel code is not preempted and takes no upcalls, so a
 * holder is never interrupted by its own CPU: what runs under the lock must not block, fault, or touch the program's
 * memory. With one CPU it costs one test that is always taken the same way, and a plain store.
 *
 * A CPU that waits spins for a bounded time, then sleeps in the VMM in growing steps: the holder's vCPU may have lost
 * its host CPU. While it waits it counts as out of the program (CPU_WAITS), and it forgets stale translations before
 * it goes on: so a holder may flush TLBs under the lock.
 *
 * Order: the kernel lock (klock.h) before any spin lock; among spin locks whatever is seen first is the rule. A debug
 * build (make DEBUG=1) panics, naming both places, when two are taken in an order whose reverse was seen before, and
 * when a fault comes, or a thread blocks, while one is held. All zero is an unlocked lock; only named ones are checked.
 * Context: any, upcalls included.
 */
#ifndef CAY_KERNEL_SCHED_SPINLOCK_H
#define CAY_KERNEL_SCHED_SPINLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct spinlock {
	uint32_t held;
#ifdef CAY_DEBUG
	uint32_t class;   /* lock_order.c; 0 = not known yet */
	const char *name; /* all locks of one name are one class; NULL: not checked */
#endif
};

#ifdef CAY_DEBUG
#define SPINLOCK_INIT(class_name)                                                                                      \
	{                                                                                                              \
		.name = (class_name)                                                                                   \
	}
#else
#define SPINLOCK_INIT(class_name)                                                                                      \
	{                                                                                                              \
		0                                                                                                      \
	}
#endif

static inline void spin_init(struct spinlock *l, const char *class_name)
{
	*l = (struct spinlock){0};
#ifdef CAY_DEBUG
	l->name = class_name;
#else
	(void)class_name;
#endif
}

#ifdef CAY_UNIT_TEST /* on the host: threads of one process */
int sched_yield(void);
#define SPIN_NEEDS_ATOMIC true
static inline void spin_wait(struct spinlock *l)
{
	do
		sched_yield();
	while (__atomic_load_n(&l->held, __ATOMIC_RELAXED) != 0 ||
	       __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) != 0);
}
#else
extern bool smp_active;             /* klock.h */
#define SPIN_NEEDS_ATOMIC smp_active
void spin_wait(struct spinlock *l); /* somebody else has it: returns with the lock */
#endif

static inline void spin_lock_unchecked(struct spinlock *l)
{
	if (!SPIN_NEEDS_ATOMIC)
		l->held = 1;
	else if (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) != 0) /* pairs with spin_unlock_unchecked */
		spin_wait(l);
}

/* With one CPU, too, false says that the caller, or whom it interrupted, has it already. */
MUST_CHECK static inline bool spin_trylock_unchecked(struct spinlock *l)
{
	if (__atomic_load_n(&l->held, __ATOMIC_RELAXED) != 0)
		return false;
	if (!SPIN_NEEDS_ATOMIC) {
		l->held = 1;
		return true;
	}
	return __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_unlock_unchecked(struct spinlock *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

#if defined(CAY_DEBUG) && !defined(CAY_UNIT_TEST)
/* lock_order.c. place: "file:line". nested: several of the class may be held, in an order of the caller's. */
void lock_order_taking(struct spinlock *l, const char *place, bool nested);
void lock_order_taken(struct spinlock *l, const char *place);
void lock_order_released(struct spinlock *l);
void lock_order_none_held(const char *what);
/* Before what must not be done under a spin lock: a debug build panics. */
#define spin_assert_none(what) lock_order_none_held(what)
#define SPIN_PLACE_(line)      __FILE__ ":" #line
#define SPIN_PLACE(line)       SPIN_PLACE_(line)
#define spin_lock_at(l, nested)                                                                                        \
	do {                                                                                                           \
		lock_order_taking((l), SPIN_PLACE(__LINE__), (nested));                                                \
		spin_lock_unchecked(l);                                                                                \
		lock_order_taken((l), SPIN_PLACE(__LINE__));                                                           \
	} while (0)
#define spin_lock(l)        spin_lock_at(l, false)
#define spin_lock_nested(l) spin_lock_at(l, true)
#define spin_trylock(l)                                                                                                \
	({                                                                                                             \
		bool taken_ = spin_trylock_unchecked(l);                                                               \
		if (taken_)                                                                                            \
			lock_order_taken((l), SPIN_PLACE(__LINE__));                                                   \
		taken_;                                                                                                \
	})
static inline void spin_unlock(struct spinlock *l)
{
	lock_order_released(l);
	spin_unlock_unchecked(l);
}
#else
#define spin_assert_none(what) ((void)0)
static inline void spin_lock(struct spinlock *l)
{
	spin_lock_unchecked(l);
}
/* A second lock of the same class: the caller keeps an order of its own among them (of addresses, of CPU numbers). */
static inline void spin_lock_nested(struct spinlock *l)
{
	spin_lock_unchecked(l);
}
MUST_CHECK static inline bool spin_trylock(struct spinlock *l)
{
	return spin_trylock_unchecked(l);
}
static inline void spin_unlock(struct spinlock *l)
{
	spin_unlock_unchecked(l);
}
#endif

#endif
