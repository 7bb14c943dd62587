/* SPDX-License-Identifier: MIT */
/*
 * refs.h - counts of references that several CPUs change at once. With one CPU they are plain numbers. Who takes one
 * has one already, or knows otherwise that the thing lives; the last one that goes frees it. Any context.
 */
#ifndef CAY_KERNEL_SCHED_REFS_H
#define CAY_KERNEL_SCHED_REFS_H

#include <stdbool.h>

#include "kernel/sched/spinlock.h"
#include "lib/compiler.h"

static inline void refs_get(unsigned *refs)
{
	if (SPIN_NEEDS_ATOMIC)
		__atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
	else
		(*refs)++;
}

/* For those who only know that the memory is there: false when the last reference is gone. */
MUST_CHECK static inline bool refs_try_get(unsigned *refs)
{
	unsigned n = __atomic_load_n(refs, __ATOMIC_RELAXED);

	if (!SPIN_NEEDS_ATOMIC) {
		*refs += n != 0;
		return n != 0;
	}
	while (n != 0)
		if (__atomic_compare_exchange_n(refs, &n, n + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* True: it was the last one, and all that others did with the thing has been done. */
MUST_CHECK static inline bool refs_put(unsigned *refs)
{
	if (SPIN_NEEDS_ATOMIC)
		return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
	return --*refs == 0;
}

/* Gives one back unless it may be the last: then false, and nothing is done. */
MUST_CHECK static inline bool refs_put_unless_last(unsigned *refs)
{
	unsigned n = __atomic_load_n(refs, __ATOMIC_RELAXED);

	if (!SPIN_NEEDS_ATOMIC) {
		*refs -= n > 1;
		return n > 1;
	}
	while (n > 1)
		if (__atomic_compare_exchange_n(refs, &n, n - 1, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	return false;
}

#endif
