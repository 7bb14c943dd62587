/* SPDX-License-Identifier: MIT */
/*
 * user_signals.h - how many signals wait for the processes of one user: what RLIMIT_SIGPENDING limits. POSIX timers
 * count, too: each has an entry for its signal set aside. Lock: the kernel lock.
 */
#ifndef CAY_KERNEL_LINUX_USER_SIGNALS_H
#define CAY_KERNEL_LINUX_USER_SIGNALS_H

#include <stdint.h>

#include "lib/list.h"

struct user_signals {
	struct list link;
	uint32_t uid;
	unsigned queued; /* whoever counts one here counts it down again */
};

/* NULL without memory. Valid until the next call, and as long as `queued` is not 0. */
struct user_signals *user_signals_of(uint32_t uid);

#endif
