/* SPDX-License-Identifier: MIT */
/*
 * spin.h - a lock for a few instructions on a network table. The kernel is not preempted and takes no upcalls, so a
 * holder is never interrupted: with one CPU nobody ever spins. Nothing that may block is called under it.
 */
#ifndef CAY_KERNEL_NET_SPIN_H
#define CAY_KERNEL_NET_SPIN_H

#include <stdbool.h>

struct netspin {
	bool taken;
};

static inline bool netspin_try(struct netspin *l)
{
	return !__atomic_exchange_n(&l->taken, true, __ATOMIC_ACQUIRE); /* pairs with netspin_unlock */
}

static inline void netspin_lock(struct netspin *l)
{
	while (!netspin_try(l))
		while (__atomic_load_n(&l->taken, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}

static inline void netspin_unlock(struct netspin *l)
{
	__atomic_store_n(&l->taken, false, __ATOMIC_RELEASE);
}

#endif
