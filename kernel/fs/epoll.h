/* SPDX-License-Identifier: MIT */
/* epoll.h - epoll(7). The hook for dying files, epoll_file_released, is in vfs.h. */
#ifndef CAY_KERNEL_FS_EPOLL_H
#define CAY_KERNEL_FS_EPOLL_H

#include <stddef.h>

long sys_epoll_create(int size);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int epfd, int op, int fd, const void *event_user);
long sys_epoll_wait(int epfd, void *events_user, int max_events, int timeout_ms);
long sys_epoll_pwait(int epfd, void *events_user, int max_events, int timeout_ms, const void *sigmask_user,
		     size_t sigset_bytes);
long sys_epoll_pwait2(int epfd, void *events_user, int max_events, const void *timeout_user, const void *sigmask_user,
		      size_t sigset_bytes);

#endif
