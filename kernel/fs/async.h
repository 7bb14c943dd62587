/* SPDX-License-Identifier: MIT */
/*
 * async.h - a signal when something can be read or written: O_ASYNC, F_SETOWN, F_SETSIG (fcntl(2)). For pipes, sockets
 * and terminals (file_ops.has_async), as on Linux. A socket with an owner tells him of urgent data (SIGURG) without
 * O_ASYNC, too. The signal of an event is sent by a thread of the kernel, of the
 * highest priority: who makes a file ready may have no kernel lock. Lock: the kernel lock, but where it says otherwise.
 */
#ifndef CAY_KERNEL_FS_ASYNC_H
#define CAY_KERNEL_FS_ASYNC_H

#include <stdbool.h>

#include "kernel/fs/file.h"
#include "lib/compiler.h"

/* F_SETOWN, F_GETOWN, F_SETOWN_EX, F_GETOWN_EX, F_SETSIG, F_GETSIG. -EINVAL for another command. */
long async_fcntl(struct file *f, unsigned cmd, unsigned long arg);
/* O_ASYNC: from now on, or no longer. fd: the number that the signals will name. -ENOMEM. */
MUST_CHECK int async_enable(struct file *f, int fd, bool on);
/* f goes. */
void async_release(struct file *f);

void async_is_full(struct file *f);
/* After a write that took less than it was given: that there is room again is news. Needs no lock. */
static inline void async_wrote(struct file *f, bool all)
{
	if (!all && f->async != NULL)
		async_is_full(f);
}

#endif
