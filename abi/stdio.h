/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - the paravirtual device for the three descriptors the user gave `cay`: byte-exact, errors reported to
 * the call that caused them (EPIPE reaches the writer), input consumed only when the program asks for it.
 * One virtqueue (device CAY_DEV_STDIO). A request is a chain, the status last:
 * - READ: header (device-readable), data (device-writable), status (device-writable)
 * - WRITE: header, data (device-readable), status
 * - others: header, payload either way or none, status
 *
 * Only a POLL with CAY_STDIO_WAIT waits; all else completes at once, so buffers come back in bounded time and nothing
 * needs cancelling. Such a POLL that nobody waits for any more is harmless: it consumes no input.
 * cay_device_info.config[0] is the GPA of struct cay_stdio_stat[3], what STAT said at start (mode 0: not open), so that
 * start-up needs no request.
 * Terminals: line editing is the host's (settings are passed through), positions of regular files too, because the
 * descriptors are shared with the shell that started `cay`.
 */
#ifndef CAY_ABI_STDIO_H
#define CAY_ABI_STDIO_H

#include <stdint.h>

#define CAY_STDIO_FDS       3
#define CAY_STDIO_QUEUE_NR  64u /* six waiting POLLs of 2 descriptors, and one request of at most 34 */
#define CAY_STDIO_DATA_SEGS 32u /* at most, of one READ or WRITE */

enum cay_stdio_op {
	/* arg: -1, or the offset for pread(2). Result: bytes, 0 = EOF, -EAGAIN = nothing there now */
	CAY_STDIO_READ = 1,
	CAY_STDIO_WRITE = 2, /* arg: as READ. Result: bytes taken, -EAGAIN = no room now */
	/* arg = POLLIN or POLLOUT or, without waiting, both; arg2 = 0 or CAY_STDIO_WAIT. Result: revents (with POLLERR,
	 * POLLHUP). One waiting POLL per descriptor and direction: a second gets -EBUSY. */
	CAY_STDIO_POLL = 3,
	CAY_STDIO_STAT = 4, /* payload W: struct cay_stdio_stat */
	CAY_STDIO_SEEK = 5, /* arg = offset, arg2 = whence. Result: new offset, -ESPIPE */
	CAY_STDIO_SYNC = 6, /* fsync(2) */
	/* arg = one of the ioctl(2) numbers of cay_stdio_ioctls; arg2 = integer argument where the payload is 0 bytes.
	 * A call that would wait for output to drain gets -EAGAIN while there is any. */
	CAY_STDIO_IOCTL = 7,
	CAY_STDIO_CLOSE = 8 /* the guest closed its last descriptor: the peer of a pipe or socket sees the end */
};

#define CAY_STDIO_WAIT 1

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
	uint32_t mode;  /* st_mode */
	uint32_t flags; /* O_ACCMODE | O_APPEND | O_NONBLOCK as the host has them */
	uint64_t size;
	uint64_t ino;
	uint64_t rdev;
	int64_t mtime_ns;
	uint32_t is_tty;
	uint32_t rsvd;
};

/* The ioctls that pass, and the bytes that go with each: X(number, bytes to the host, bytes from the host).
 * Sizes are those of the kernel ABI (struct termios 36, termios2 44, winsize 8). */
#define CAY_STDIO_IOCTLS(X)                                                                                            \
	X(0x5401, 0, 36)     /* TCGETS */                                                                              \
	X(0x5402, 36, 0)     /* TCSETS */                                                                              \
	X(0x5403, 36, 0)     /* TCSETSW */                                                                             \
	X(0x5404, 36, 0)     /* TCSETSF */                                                                             \
	X(0x802c542a, 0, 44) /* TCGETS2 */                                                                             \
	X(0x402c542b, 44, 0) /* TCSETS2 */                                                                             \
	X(0x402c542c, 44, 0) /* TCSETSW2 */                                                                            \
	X(0x402c542d, 44, 0) /* TCSETSF2 */                                                                            \
	X(0x5413, 0, 8)      /* TIOCGWINSZ */                                                                          \
	X(0x5414, 8, 0)      /* TIOCSWINSZ */                                                                          \
	X(0x540a, 0, 0)      /* TCXONC */                                                                              \
	X(0x540b, 0, 0)      /* TCFLSH */                                                                              \
	X(0x541b, 0, 4)      /* FIONREAD */                                                                            \
	X(0x5411, 0, 4)      /* TIOCOUTQ */

#define CAY_STDIO_PAYLOAD_MAX 48

_Static_assert(sizeof(struct cay_stdio_req) == 24, "wire size");
_Static_assert(sizeof(struct cay_stdio_status) == 8, "wire size");
_Static_assert(sizeof(struct cay_stdio_stat) == 48 && CAY_STDIO_PAYLOAD_MAX >= 48, "wire size");

#endif
