/* SPDX-License-Identifier: MIT */
/* landlock.h - file access limited to the shared folders by the host's kernel, without privileges. */
#ifndef CAY_VMM_SANDBOX_LANDLOCK_H
#define CAY_VMM_SANDBOX_LANDLOCK_H

#include "lib/compiler.h"
#include "vmm/sandbox/sandbox.h"

/*
 * From now on the calling thread and those it makes open files only below these paths; what is open stays open. No new
 * privileges must be set. Returns 0, also when the kernel has no Landlock; or -errno, also when a path cannot be opened.
 */
MUST_CHECK int landlock_restrict(const struct sandbox_path *paths, unsigned nr_paths);

#endif
