/* SPDX-License-Identifier: MIT */
/* pty.h - pseudo terminals: /dev/ptmx and the file system of /dev/pts. See pty(7). */
#ifndef CAY_KERNEL_DEV_PTY_H
#define CAY_KERNEL_DEV_PTY_H

#include "lib/compiler.h"

struct file;
struct superblock;

#define PTY_MASTER_MAJOR 128u
#define PTY_SLAVE_MAJOR  136u

/* device_open of /dev/ptmx: a new pair, f is its master. -ENOSPC, -ENOMEM. */
MUST_CHECK int ptmx_open(struct file *f);
/* device_open of a slave, found by the minor number of f's inode. -EIO: locked, or not there. */
MUST_CHECK int pty_slave_open(struct file *f);

/* /dev/pts. NULL without memory. */
MUST_CHECK struct superblock *devpts_create(void);

#endif
