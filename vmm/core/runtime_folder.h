/* SPDX-License-Identifier: MIT */
/*
 * runtime_folder.h - where VMs of one user find each other: $XDG_RUNTIME_DIR/cay, or else the first
 * that can be had of /run/user/UID/cay, /dev/shm/cay-UID, /tmp/cay-UID. Ours alone: a folder that somebody else could
 * have made or may write to is refused.
 */
#ifndef CAY_VMM_CORE_RUNTIME_FOLDER_H
#define CAY_VMM_CORE_RUNTIME_FOLDER_H

#include <stddef.h>

#include "lib/compiler.h"

/*
 * Opens the folder, making it if needed, and writes its path into `path` for messages. Before the sandbox. Returns a
 * descriptor or -errno: -EPERM when it is not ours alone.
 */
MUST_CHECK int runtime_folder_open(char *path, size_t room);

/* The same for a folder in it. */
MUST_CHECK int runtime_folder_enter(int parent, const char *name);

/* Opens the runtime folder's folder of that name, both made if needed; path: the inner one's. Errors as above. */
MUST_CHECK int runtime_folder_open_inner(const char *name, char *path, size_t room);

#endif
