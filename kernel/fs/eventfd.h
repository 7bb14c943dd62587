/* SPDX-License-Identifier: MIT */
/* eventfd.h - eventfd(2). */
#ifndef CAY_KERNEL_FS_EVENTFD_H
#define CAY_KERNEL_FS_EVENTFD_H

long sys_eventfd(unsigned count);
long sys_eventfd2(unsigned count, int flags);

#endif
