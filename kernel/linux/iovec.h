/* SPDX-License-Identifier: MIT */
/* iovec.h - a program's struct iovec array as a uio. */
#ifndef CAY_KERNEL_LINUX_IOVEC_H
#define CAY_KERNEL_LINUX_IOVEC_H

#include "kernel/fs/file.h"

struct iovec_copy {
	struct uio uio;
	struct uio_seg *segs;
	struct uio_seg inline_segs[8];
};

/* 0; -EFAULT, -EINVAL (too many, or lengths beyond 63 bits), -ENOMEM. On success iovec_free when done. */
MUST_CHECK int iovec_from_user(struct iovec_copy *c, const void *user, unsigned long nr, bool to_user);
void iovec_free(struct iovec_copy *c);

#endif
