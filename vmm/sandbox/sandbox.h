/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what keeps a VMM that the guest has taken over from reaching anything but the guest's own folders.
 * Three steps, because they act on different things:
 *   sandbox_prepare  makes the list of what stays reachable; takes time, so it may run beside other work.
 *   sandbox_confine  while there is one thread, when all files and devices are open: no new privileges, capabilities,
 *                    resource limits, Landlock. Threads made later inherit it.
 *   sandbox_seal     when all threads run and before the first guest instruction: the system call filter, on all
 * threads. There are no namespaces: making them costs more than booting a small VM (docs/design.md), and Landlock and
 * the filter forbid what they would hide.
 */
#ifndef CAY_VMM_SANDBOX_SANDBOX_H
#define CAY_VMM_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "lib/compiler.h"

/* A host folder or file that stays reachable. */
struct sandbox_path {
	const char *path;
	bool writable;
	bool remove_only; /* its files can be removed, by their names, and nothing else */
	/* NULL: all that lies in it. Else the only names in the folder itself that are reachable; NULL-terminated. */
	const char *const *only;
};

struct sandbox_plan {
	int rules;     /* landlock.h */
	bool writable; /* some path is */
};

/* may_signal: processes that were there before may be sent signals, as far as the filter allows it.
 * Any thread. Returns 0 or -errno; `what` is set on failure, here and below, to the step that failed, for a message. */
MUST_CHECK int sandbox_prepare(const struct sandbox_path *paths, unsigned nr_paths, bool may_signal,
			       struct sandbox_plan *plan, const char **what);

/*
 * Calling thread only. A host without Landlock is accepted: the file server's own checks remain. Closes what
 * plan holds. Returns
 * 0 or -errno (then the process must not run a guest).
 */
MUST_CHECK int sandbox_confine(const struct sandbox_plan *plan, const char **what);

/*
 * All threads; plan: what sandbox_confine was given. last_words(ctx), which may be NULL, is called in the signal
 * handler of a thread that made a forbidden call, before the process reports it and ends with status 125: it must be
 * async-signal-safe and use only allowed calls. Returns 0 or -errno.
 */
MUST_CHECK int sandbox_seal(const struct sandbox_plan *plan, void (*last_words)(void *ctx), void *ctx,
			    const char **what);

#endif
