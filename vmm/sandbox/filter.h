/* SPDX-License-Identifier: MIT */
/* filter.h - what the filter's maker (tools/seccomp_filter.c) and its loader agree on. */
#ifndef CAY_VMM_SANDBOX_FILTER_H
#define CAY_VMM_SANDBOX_FILTER_H

/* In the filter as built this stands where the process id belongs. Larger than any process id Linux gives out. */
#define SANDBOX_PID_MARK 0x7a5e0d1du

#endif
