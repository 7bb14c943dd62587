/* SPDX-License-Identifier: MIT */
/* signalfd.h - signalfd(2). */
#ifndef CAY_KERNEL_FS_SIGNALFD_H
#define CAY_KERNEL_FS_SIGNALFD_H

#include <stddef.h>
#include <stdint.h>

long sys_signalfd(int fd, const void *mask_user, size_t mask_bytes);
long sys_signalfd4(int fd, const void *mask_user, size_t mask_bytes, int flags);

#endif
