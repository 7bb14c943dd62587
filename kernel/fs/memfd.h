/* SPDX-License-Identifier: MIT */
/* memfd.h - memfd_create(2). */
#ifndef CAY_KERNEL_FS_MEMFD_H
#define CAY_KERNEL_FS_MEMFD_H

long sys_memfd_create(const char *name_user, unsigned flags);

#endif
