/* SPDX-License-Identifier: MIT */
/* run.h - `cay run`. */
#ifndef CAY_VMM_CLI_RUN_H
#define CAY_VMM_CLI_RUN_H

#include "vmm/cli/process_start.h"

/* argv[0] is "run". Returns the exit status. */
int command_run(int argc, char **argv, const struct process_start *start);

#endif
