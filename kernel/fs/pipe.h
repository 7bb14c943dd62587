/* SPDX-License-Identifier: MIT */
/*
 * pipe.h - pipes and FIFOs.
 */
#ifndef CAY_KERNEL_FS_PIPE_H
#define CAY_KERNEL_FS_PIPE_H

#include <stddef.h>
#include <stdint.h>

struct file;

/* A write found no reader: sends SIGPIPE to the current thread and returns -EPIPE. */
long pipe_broken(void);

long sys_pipe(int *fds_user);
long sys_pipe2(int *fds_user, int flags);

/* pipe_splice.c; splice(2) itself is with the other copies between files */
long sys_tee(int in_fd, int out_fd, size_t bytes, unsigned flags);
long sys_vmsplice(int fd, const void *iov_user, unsigned long nr, unsigned flags);

/* F_SETPIPE_SZ and F_GETPIPE_SZ of fcntl(2): the capacity in bytes; -EBADF if f is no pipe, -EBUSY, -EPERM, -ENOMEM. */
long pipe_set_size(struct file *f, unsigned long bytes);
long pipe_get_size(struct file *f);

#endif
