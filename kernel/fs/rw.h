/* SPDX-License-Identifier: MIT */
/* rw.h - reading, writing and seeking an open file: checks and positions, shared by the system calls. */
#ifndef CAY_KERNEL_FS_RW_H
#define CAY_KERNEL_FS_RW_H

#include "kernel/fs/file.h"

#define RW_MAX_BYTES 0x7ffff000u /* a single transfer, as Linux */

/* At f->pos, which advances. Bytes, or -EBADF (not open for this), -EISDIR, -EINVAL, the file's error. */
MUST_CHECK ssize_t vfs_read(struct file *f, struct uio *uio);
MUST_CHECK ssize_t vfs_write(struct file *f, struct uio *uio);
/* At pos; f->pos stays. -ESPIPE when the file cannot seek. */
MUST_CHECK ssize_t vfs_pread(struct file *f, struct uio *uio, int64_t pos);
MUST_CHECK ssize_t vfs_pwrite(struct file *f, struct uio *uio, int64_t pos);
/* lseek(2). New position, -ESPIPE, -EINVAL, -ENXIO (SEEK_DATA, SEEK_HOLE). */
MUST_CHECK int64_t vfs_seek(struct file *f, int64_t off, int whence);

#endif
