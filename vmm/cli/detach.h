/* SPDX-License-Identifier: MIT */
/*
 * detach.h - `cay run -d`: the VM goes on in a process of a session of its own, and its output goes to a log
 * (vmm/control/log_files.h). In order: detach, detach_named, detach_started, detach_ended.
 */
#ifndef CAY_VMM_CLI_DETACH_H
#define CAY_VMM_CLI_DETACH_H

#include <stdbool.h>

#include "lib/compiler.h"

struct detached;

/*
 * Divides the process; while there is one thread, and only the first three descriptors matter. remove: --rm.
 * In the parent: waits until the VM runs, prints its name, and returns the exit status; or prints what the VM said why
 * it does not run, and returns its status. In the child returns -1: it goes on as the VM, with stdin from /dev/null,
 * stdout and stderr to the log, and *out, which lives as long as the process.
 */
MUST_CHECK int detach(bool remove, struct detached **out);

/* ---- in the VM; all of these accept NULL: in the foreground */

/* It has a name, which nobody else has: the log gets it. Before the sandbox. 0, or -errno after a message. */
MUST_CHECK int detach_named(struct detached *d, const char *name);
/* The folder in which the sandbox must let us remove files; NULL: none. */
const char *detach_folder_path(const struct detached *d);
/* The guest is about to run: the parent may go. */
void detach_started(struct detached *d);
/* The end: leaves the status; with --rm, or if it never ran, nothing. */
void detach_ended(struct detached *d, int status);

#endif
