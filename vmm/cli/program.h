/* SPDX-License-Identifier: MIT */
/*
 * program.h - finding the program that `cay run` was asked for.
 * A name with a slash is a path from the current folder, as in a shell; a bare name is looked for in PATH, first in the
 * folders that the guest has anyway, then in the host's others (~/.cargo/bin), whose folder is then shared too.
 */
#ifndef CAY_VMM_CLI_PROGRAM_H
#define CAY_VMM_CLI_PROGRAM_H

#include "lib/compiler.h"
#include "vmm/cli/run_options.h"

/*
 * Sets opt->program (path in the guest) and opt->program_host; may add a share. The tree is built, PATH is from the
 * request or host_env. Returns 0; 127 nothing there, 126 there but not executable, 125 otherwise; the reason was said.
 * The check is a service to the user, not a guard: the guest's exec decides.
 */
MUST_CHECK int program_find(struct run_options *opt, char **host_env);

/*
 * Looks at the first bytes of a file. Returns NULL if it may be a program for this machine, or why it cannot be one.
 */
const char *program_header_problem(const unsigned char *head, size_t len);

#endif
