/* SPDX-License-Identifier: MIT */
/* fs_context.h - what threads with CLONE_FS share: root, current directory, umask. */
#ifndef CAY_KERNEL_FS_FS_CONTEXT_H
#define CAY_KERNEL_FS_FS_CONTEXT_H

#include "kernel/fs/vfs.h"

struct fs_context {
	unsigned refs;
	struct path root, cwd;
	uint32_t umask;
};

/* The current process's; during boot, the one that the first process will get. */
struct fs_context *fs_current(void);
struct fs_context *fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
/* fork without CLONE_FS. NULL without memory. */
MUST_CHECK struct fs_context *fs_context_copy(struct fs_context *fs);
void fs_context_set_cwd(struct fs_context *fs, const struct path *p);
void fs_context_set_root(struct fs_context *fs, const struct path *p);

#endif
