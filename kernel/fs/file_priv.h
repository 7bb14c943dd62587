/* SPDX-License-Identifier: MIT */
/* file_priv.h - for kernel/fs: files being made. */
#ifndef CAY_KERNEL_FS_FILE_PRIV_H
#define CAY_KERNEL_FS_FILE_PRIV_H

#include "kernel/fs/vfs.h"

/* A file with no operations and no name yet. Takes over the inode's reference on success; NULL without memory. */
MUST_CHECK struct file *file_alloc(struct inode *inode, unsigned mode, unsigned flags);

#endif
