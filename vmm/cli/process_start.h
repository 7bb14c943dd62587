/* SPDX-License-Identifier: MIT */
/* process_start.h - when this process was started, for --timing. */
#ifndef CAY_VMM_CLI_PROCESS_START_H
#define CAY_VMM_CLI_PROCESS_START_H

#include <stdint.h>

/*
 * CLOCK_MONOTONIC ns of the exec of cay, as near as Linux tells without privileges; 0 if it does not tell.
 * /proc/self/stat counts in 10 ms ticks, too coarse. The process's CPU clock is exact and has run since the fork: subtracting
 * it from now gives the latest time at which the process can have begun, off by the time it waited for a CPU.
 */
uint64_t process_start_ns(void);

#endif
