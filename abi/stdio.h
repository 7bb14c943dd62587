/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - the paravirtual device for the three descriptors the user gave `cay`: byte-exact, errors reported to
 * the call that caused them (EPIPE reaches the writer), input consumed only when the program asks for it.
 * One virtqueue (device CAY_DEV_STDIO). A request is a chain: header (device-readable), data, status (device-writable, last).
 *   READ   hdr | data W | status W        WRITE  hdr | data R | status W
 *   others hdr | payload R or W | status W
 * Requests on different descriptors complete in any order; the device handles one READ and one POLL per
 * descriptor at a time, further ones get -EBUSY. Terminals: line editing is the host's (termios are passed through).
 */
#ifndef CAY_ABI_STDIO_H
#define CAY_ABI_STDIO_H

#include <stdint.h>

enum cay_stdio_op {
	CAY_STDIO_READ = 1,   /* blocks until data, EOF (0) or error */
	CAY_STDIO_WRITE = 2,  /* blocks until some was written */
	CAY_STDIO_POLL = 3,   /* arg = events (POLLIN, POLLOUT); completes when one holds; result = revents */
	CAY_STDIO_CANCEL = 4, /* arg = op to cancel on this fd: it completes with -EINTR (or with its result if it raced) */
	CAY_STDIO_TCGETS = 5, /* payload W: struct termios of the kernel ABI (36 bytes) */
	CAY_STDIO_TCSETS = 6, /* payload R; arg = 0 now, 1 drain, 2 flush */
	CAY_STDIO_WINSZ = 7,  /* payload W: struct winsize (8 bytes) */
	CAY_STDIO_STAT = 8,   /* payload W: struct cay_stdio_stat */
	CAY_STDIO_SEEK = 9,   /* arg = offset, arg2 = whence; result = new offset; -ESPIPE */
	CAY_STDIO_TCFLSH = 10 /* arg as for ioctl TCFLSH */
};

struct cay_stdio_req {
	uint32_t op;
	uint32_t fd; /* 0, 1, 2 */
	int64_t arg;
	int64_t arg2;
};

struct cay_stdio_status {
	int64_t result; /* bytes or value, or -errno */
};

struct cay_stdio_stat {
	uint32_t mode; /* st_mode */
	uint32_t flags; /* O_ACCMODE | O_APPEND | O_NONBLOCK as the host has them */
	uint64_t size;
	uint64_t ino;
	int64_t mtime_ns;
};

_Static_assert(sizeof(struct cay_stdio_req) == 24, "wire size");
_Static_assert(sizeof(struct cay_stdio_stat) == 32, "wire size");

#endif
