/* SPDX-License-Identifier: MIT */
/* landlock.h - file access limited to the shared folders by the host's kernel, without privileges. */
#ifndef CAY_VMM_SANDBOX_LANDLOCK_H
#define CAY_VMM_SANDBOX_LANDLOCK_H

#include "lib/compiler.h"
#include "vmm/sandbox/sandbox.h"

#define LANDLOCK_NONE (-1) /* in place of a rule set: the kernel has no Landlock */

/*
 * Makes the rule set of these paths; nothing is restricted yet. Any thread. *rules becomes a
 * descriptor, the caller's, or LANDLOCK_NONE (`cay doctor` tells). Returns 0, or -errno, also when a path cannot be
 * opened.
 */
MUST_CHECK int landlock_rules(const struct sandbox_path *paths, unsigned nr_paths, bool may_signal, int *rules);

/* The same, but TCP stays as free as it was; signals to processes that were there before are not. */
MUST_CHECK int landlock_rules_files(const struct sandbox_path *paths, unsigned nr_paths, int *rules);

/*
 * From now on the calling thread and those it makes open files only below the paths of the rule set, which is closed;
 * what is open stays open. No new privileges must be set. 0 or -errno.
 */
MUST_CHECK int landlock_restrict(int rules);

#endif
