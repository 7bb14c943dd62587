/* SPDX-License-Identifier: MIT */
/*
 * walk_quick.h - path lookup by an RCU reader: no lock is taken and nothing is written, so that CPUs that look up paths
 * do not meet, not even at the root. It knows only what is in the name cache; for all else it says QUICK_UNKNOWN and
 * the caller takes the kernel lock and walks step by step (walk.h), which has the same results.
 */
#ifndef CAY_KERNEL_FS_WALK_QUICK_H
#define CAY_KERNEL_FS_WALK_QUICK_H

#include "kernel/fs/vfs.h"

#define QUICK_UNKNOWN 1

/*
 * As vfs_lookup, LOOKUP_EMPTY excepted. *out is not counted: it may be used until this thread blocks, faults or leaves
 * the kernel (rcu.h), and the name may be gone by then. 0, QUICK_UNKNOWN, or what vfs_lookup says.
 */
MUST_CHECK int quick_lookup(int dirfd, const char *kpath, unsigned lookup_flags, struct path *out);

#endif
