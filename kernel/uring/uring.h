/* SPDX-License-Identifier: MIT */
/* uring.h - io_uring(7): what the rest of the kernel must know of it. Structures: uring_priv.h. */
#ifndef CAY_KERNEL_URING_URING_H
#define CAY_KERNEL_URING_URING_H

#include <stddef.h>

struct process;

/*
 * p, the caller's process, has no other thread left and ends or becomes another program: what it has in flight ends,
 * and its workers go. Blocks until they have. Its files and memory must still be there.
 */
void uring_process_end(struct process *p);

long sys_io_uring_setup(unsigned entries, void *params_user);
long sys_io_uring_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg_user,
			size_t arg_bytes);
long sys_io_uring_register(int fd, unsigned op, void *arg_user, unsigned nr);

#endif
