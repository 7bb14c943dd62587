/* SPDX-License-Identifier: MIT */
/*
 * registry.h - where running VMs are found: the folder "vm" of the runtime folder (vmm/core/runtime_folder.h), with one
 * socket for each, named as the VM is. There is no daemon: whoever can connect knows that the VM lives, and who it is
 * (SO_PEERCRED); what refuses connections is left over from a VM that was killed, and goes.
 *
 * Invariant: a name appears only when its socket listens already, and goes before the socket closes. So a name that
 * refuses connections is stale for good, and removing it is safe under the folder's lock.
 */
#ifndef CAY_VMM_CONTROL_REGISTRY_H
#define CAY_VMM_CONTROL_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/compiler.h"

#define REGISTRY_NAME_MAX 64 /* bytes, without the NUL */

/* Opens the folder, making it if needed; its path for messages. A descriptor, or -errno as runtime_folder_open. */
MUST_CHECK int registry_open(char *path, size_t room);

/* Whether a name could be a VM's: letters, digits, dots, hyphens and underscores; does not begin with a dot or a
 * hyphen. */
bool registry_is_name(const char *name);

/* ---- the VM's side */

/*
 * Makes the entry and its listening socket. folder, path: of registry_open. An empty name is replaced by a made-up one
 * that is free. Returns the socket, non-blocking, or -errno; -EADDRINUSE: a VM of that name runs, and *pid is its
 * process.
 */
MUST_CHECK int registry_enter(int folder, const char *path, char name[REGISTRY_NAME_MAX + 1], pid_t *pid);

/* Removes the entry; the socket is still open. Works in the sandbox, if it lets files of the folder be removed. */
void registry_leave(int folder, const char *name);

/* ---- the other side */

/* Calls fn for each name, stale ones included, in alphabetical order. 0, or -errno. */
MUST_CHECK int registry_list(int folder, void (*fn)(void *ctx, const char *name), void *ctx);

/*
 * Connects to a VM. Returns a blocking socket and its process in *pid, or -errno: -ENOENT: there is none of that name,
 * or it had been killed, and its entry is gone now; -EPERM: somebody else's; -EAGAIN: it lives, but accepts nobody.
 */
MUST_CHECK int registry_connect(int folder, const char *name, pid_t *pid);

#endif
