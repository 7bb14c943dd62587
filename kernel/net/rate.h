/* SPDX-License-Identifier: MIT */
/* rate.h - at most so many of something a second (a token bucket that holds one second's worth). Not exact when several
 * CPUs ask at once, and need not be. */
#ifndef CAY_KERNEL_NET_RATE_H
#define CAY_KERNEL_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/time/clock.h"
#include "lib/compiler.h"

struct net_rate {
	uint32_t per_second;
	uint64_t credit_ns; /* of time not used */
	uint64_t last_ns;
};
#define NET_RATE(n)                                                                                                    \
	{                                                                                                              \
		.per_second = (n), .credit_ns = NSEC_PER_SEC                                                           \
	}

static inline bool net_rate_allows(struct net_rate *r)
{
	uint64_t now_ns = clock_monotonic_ns(), cost_ns = NSEC_PER_SEC / r->per_second;

	r->credit_ns = MIN(r->credit_ns + (now_ns > r->last_ns ? now_ns - r->last_ns : 0), NSEC_PER_SEC);
	r->last_ns = now_ns;
	if (r->credit_ns < cost_ns)
		return false;
	r->credit_ns -= cost_ns;
	return true;
}

#endif
