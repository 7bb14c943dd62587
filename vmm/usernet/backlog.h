/* SPDX-License-Identifier: MIT */
/*
 * backlog.h - frames that wait until the VMM has room for them. No more than BACKLOG_BYTES_MAX of this process's
 * memory: a guest that takes nothing can make libslirp answer what it sends for as long as it likes. What comes on top
 * is lost, as on any line. One thread.
 */
#ifndef CAY_VMM_USERNET_BACKLOG_H
#define CAY_VMM_USERNET_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "lib/compiler.h"

#define BACKLOG_BYTES_MAX (16u << 20)

struct backlog_frame;

/* All zero: empty. */
struct backlog {
	struct backlog_frame *first, *last;
	size_t bytes; /* with what each frame costs */
};

/* Takes a copy. False: lost. */
MUST_CHECK bool backlog_add(struct backlog *b, const struct iovec *iov, unsigned nr);

/* Writes frames to fd, oldest first, until there are none or fd has no room: 0. -errno: fd is of no use any more. */
MUST_CHECK int backlog_send(struct backlog *b, int fd);

#endif
