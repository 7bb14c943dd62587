/* SPDX-License-Identifier: MIT */
/* run.h - `cay run`. */
#ifndef CAY_VMM_CLI_RUN_H
#define CAY_VMM_CLI_RUN_H

#include <stdint.h>

/* argv[0] is "run"; main_ns is when main() began (CLOCK_MONOTONIC). Returns the exit status. */
int command_run(int argc, char **argv, uint64_t main_ns);

#endif
