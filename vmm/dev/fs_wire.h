/* SPDX-License-Identifier: MIT */
/*
 * fs_wire.h - reading a request from, and writing a reply to, lists of segments of guest memory.
 * Everything is copied out once, checked by the caller, and only the copy used. Nothing here trusts a length.
 */
#ifndef CAY_VMM_DEV_FS_WIRE_H
#define CAY_VMM_DEV_FS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "lib/virtq_device.h"

/* A position in a list of segments. */
struct fs_cursor {
	const struct virtq_host_seg *seg;
	unsigned nr;
	uint32_t at; /* in seg[0] */
	size_t left;
};

#define FS_NAME_MAX 255

void fs_cursor_init(struct fs_cursor *c, const struct virtq_host_seg *seg, unsigned nr);

/* Both move exactly bytes and advance, or nothing and return false. */
MUST_CHECK bool fs_take(struct fs_cursor *c, void *dst, size_t bytes);
MUST_CHECK bool fs_put(struct fs_cursor *c, const void *src, size_t bytes);

/*
 * A NUL-terminated string of at most size - 1 bytes. Returns its length; -EINVAL when the request ends before the NUL,
 * -ENAMETOOLONG when size does not do.
 */
MUST_CHECK int fs_take_string(struct fs_cursor *c, char *dst, size_t size);

/* A file name: one component. 0; -EINVAL for an empty one, '/', "." and ".."; -ENAMETOOLONG. */
MUST_CHECK int fs_take_name(struct fs_cursor *c, char name[FS_NAME_MAX + 1]);

/* The next min(bytes, left) bytes as an iovec of at most max entries, and advances. Returns the entries. */
unsigned fs_iovec(struct fs_cursor *c, size_t bytes, struct iovec *iov, unsigned max);

#endif
