/* SPDX-License-Identifier: MIT */
/* timerfd.h - timerfd_create(2) and its kin. */
#ifndef CAY_KERNEL_FS_TIMERFD_H
#define CAY_KERNEL_FS_TIMERFD_H

long sys_timerfd_create(int clock, int flags);
long sys_timerfd_settime(int fd, int flags, const void *new_user, void *old_user);
long sys_timerfd_gettime(int fd, void *cur_user);

#endif
