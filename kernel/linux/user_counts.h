/* SPDX-License-Identifier: MIT */
/*
 * user_counts.h - what the processes of one user have together, where a limit counts by user and not by process:
 * signals that wait (RLIMIT_SIGPENDING; POSIX timers count, too: each has an entry for its signal set aside) and bytes
 * of POSIX message queues (RLIMIT_MSGQUEUE). Lock: the kernel lock. Whoever counts up here counts down again.
 */
#ifndef CAY_KERNEL_LINUX_USER_COUNTS_H
#define CAY_KERNEL_LINUX_USER_COUNTS_H

#include <stdint.h>

#include "lib/list.h"

struct user_counts {
	struct list link;
	uint32_t uid;
	unsigned signals;
	uint64_t mqueue_bytes;
};

/* NULL without memory. Valid until the next call, and as long as something is counted. */
struct user_counts *user_counts_of(uint32_t uid);

#endif
