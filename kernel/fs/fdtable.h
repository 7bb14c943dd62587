/* SPDX-License-Identifier: MIT */
/*
 * fdtable.h - a program's descriptors: numbers, close-on-exec bits, and the files behind them.
 * What every object with a descriptor needs (fd_get, fd_install) is in file.h; this is for fork, exec, /proc and fcntl.
 * Locks: looking up takes none, installing and closing a spin lock of the table: none needs the kernel lock. A file's
 * references are atomic, and the last one to go takes the kernel lock. References of tables: the kernel lock.
 */
#ifndef CAY_KERNEL_FS_FDTABLE_H
#define CAY_KERNEL_FS_FDTABLE_H

#include "kernel/fs/file.h"

#define FDTABLE_HARD_MAX 1048576

struct fdtable *fdtable_get(struct fdtable *t);
/* fork: same numbers, same files (references taken). NULL without memory. */
MUST_CHECK struct fdtable *fdtable_copy(struct fdtable *t);
/* *t is nobody else's from now on: exchanged for a copy if it was. 0, -ENOMEM. */
MUST_CHECK int fdtable_unshare(struct fdtable **t);
/* execve: closes what is marked. */
void fdtable_close_on_exec(struct fdtable *t);

/* The file at exactly fd in t (counted), or NULL. O_PATH descriptors too. */
MUST_CHECK struct file *fdtable_lookup(struct fdtable *t, int fd);
/* The lowest open number >= from, or -1. */
int fdtable_next(struct fdtable *t, int from);
bool fdtable_get_cloexec(struct fdtable *t, int fd);
void fdtable_set_cloexec(struct fdtable *t, int fd, bool cloexec);

/* Puts f (reference taken over on success) at exactly fd, closing what was there. fd, -EBADF beyond the limit, -ENOMEM.
 */
MUST_CHECK int fdtable_replace(struct fdtable *t, struct file *f, int fd, bool cloexec);
/* Closes one. 0 or -EBADF. */
int fdtable_close(struct fdtable *t, int fd);

#endif
