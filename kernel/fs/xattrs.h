/* SPDX-License-Identifier: MIT */
/* xattrs.h - extended attributes kept in memory, for file systems that have no other place. As xattr(7); lock: the
 * inode's owner. */
#ifndef CAY_KERNEL_FS_XATTRS_H
#define CAY_KERNEL_FS_XATTRS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/list.h"

#define XATTRS_MAX_BYTES 65536 /* names and values of one inode: kernel memory that no size limit of a tmpfs counts */

struct xattrs {
	struct list all;
	size_t bytes;
};

/* *x is made by the first set and freed with the inode. Results as of the inode operations of the same names (vfs.h):
 * -ENODATA, -ERANGE, -EEXIST, -ENOSPC, -ENOMEM, -EOPNOTSUPP for a name space that is not kept. */
int64_t xattrs_get(struct xattrs *const *x, const char *name, void *buf, size_t size);
MUST_CHECK int xattrs_set(struct xattrs **x, const char *name, const void *buf, size_t size, int flags);
int64_t xattrs_list(struct xattrs *const *x, char *buf, size_t size);
int xattrs_remove(struct xattrs **x, const char *name);
void xattrs_free(struct xattrs **x);

#endif
