/* SPDX-License-Identifier: MIT */
/*
 * environment.h - the environment of the program: a short list of the host's variables that say who and where the user
 * is, and what -e and --env-file ask for. Everything else stays outside: the host's environment is full of secrets and
 * of paths that the guest does not have.
 */
#ifndef CAY_VMM_CLI_ENVIRONMENT_H
#define CAY_VMM_CLI_ENVIRONMENT_H

#include "lib/compiler.h"
#include "vmm/cli/run_options.h"

/* -e K or K=V. Returns 0 or an exit status, the reason said. */
MUST_CHECK int environment_request(struct run_options *opt, const char *assignment);

/* --env-file: the same, one per line. */
MUST_CHECK int environment_request_file(struct run_options *opt, const char *path);

/* Fills opt->envp from host_env and the requests; opt->cwd is known (PWD) and so is the tree (PATH is cut to what
 * exists in it). */
void environment_build(struct run_options *opt, char **host_env);

/* Value of a variable in a NULL-terminated environment, or NULL. */
const char *environment_get(char *const *env, const char *name);

#endif
