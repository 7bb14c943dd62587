/* SPDX-License-Identifier: MIT */
/*
 * fs_context.h - what threads with CLONE_FS share: root, current directory, umask. Changes and references: the kernel
 * lock. RCU readers copy the paths without it.
 */
#ifndef CAY_KERNEL_FS_FS_CONTEXT_H
#define CAY_KERNEL_FS_FS_CONTEXT_H

#include "kernel/fs/vfs.h"
#include "kernel/sched/seqcount.h"

struct fs_context {
	unsigned refs;
	struct path root, cwd;
	struct seqcount paths; /* both */
	uint32_t umask;
};

/* The current thread's; a kernel thread has the first process's. */
struct fs_context *fs_current(void);
/* At boot: fs, whose reference is taken over, becomes the first thread's. */
void fs_context_init(struct fs_context *fs);
struct fs_context *fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
/* fork without CLONE_FS. NULL without memory. */
MUST_CHECK struct fs_context *fs_context_copy(struct fs_context *fs);
/* *fs is nobody else's from now on: exchanged for a copy if it was. 0, -ENOMEM. */
MUST_CHECK int fs_context_unshare(struct fs_context **fs);
void fs_context_set_cwd(struct fs_context *fs, const struct path *p);
void fs_context_set_root(struct fs_context *fs, const struct path *p);
/* For an RCU reader: not counted. False: they are just being changed. */
MUST_CHECK bool fs_context_peek(const struct fs_context *fs, struct path *root, struct path *cwd);

#endif
