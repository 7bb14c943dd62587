/* SPDX-License-Identifier: MIT */
/* open.h - variants of open for the system calls. */
#ifndef CAY_KERNEL_FS_OPEN_H
#define CAY_KERNEL_FS_OPEN_H

#include "kernel/fs/vfs.h"

/* vfs_open with RESOLVE_* of openat2(2). */
MUST_CHECK int open_at(int dirfd, const char *kpath, int o_flags, uint32_t mode, unsigned resolve, struct file **out);
/* The same for a plain file, for reading, whose name the cache knows, without the kernel lock; QUICK_UNKNOWN
 * (walk_quick.h) for all else. */
MUST_CHECK int open_quick(int dirfd, const char *kpath, int o_flags, struct file **out);
/* Opens without permission checks: the caller has made them, or made the inode. */
MUST_CHECK int open_checked(const struct path *p, int o_flags, struct file **out);

#endif
