/* SPDX-License-Identifier: MIT */
/* memfd.h - memfd_create(2). */
#ifndef CAY_KERNEL_FS_MEMFD_H
#define CAY_KERNEL_FS_MEMFD_H

#include <stdint.h>

#include "kernel/fs/file.h"

/* What is behind memory that is shared and has no file: mmap(MAP_SHARED | MAP_ANONYMOUS), System V segments. Reads as
 * zero. The reference is the caller's. NULL without memory. */
MUST_CHECK struct file *memfd_shared_memory(uint64_t bytes, const char *name);

long sys_memfd_create(const char *name_user, unsigned flags);

#endif
