/* SPDX-License-Identifier: MIT */
/*
 * stdio_host.h - the user's three descriptors, whatever they are, used without ever waiting and without changing them.
 *
 * O_NONBLOCK belongs to the open file description, which the shell and other programs share, so it is not ours to set.
 * What is done instead, by kind:
 * - pipe, FIFO, terminal: opened once more through /proc/self/fd with O_NONBLOCK, which gives a description of our own
 * - socket: MSG_DONTWAIT
 * - regular file, block device: used as it is (always ready; a slow disk stalls us as it would stall the program)
 * - the rest, and where reopening is refused (another user's terminal): poll(2) first, then at most PIPE_BUF bytes,
 * which a pipe that polls writable always takes. Left over: another process that fills the same pipe between the two
 * calls.
 */
#ifndef CAY_VMM_DEV_STDIO_HOST_H
#define CAY_VMM_DEV_STDIO_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "abi/stdio.h"
#include "lib/compiler.h"

/* The log of a VM in the background keeps at least this much of its end. */
#define STDIO_LOG_KEEP_BYTES (8 << 20)
#define STDIO_LOG_TRIM_EVERY (1u << 20)

enum stdio_kind {
	STDIO_CLOSED, /* was not open when cay started, or the guest closed it */
	STDIO_FILE,   /* never waits */
	STDIO_OWN,    /* io_fd is our own nonblocking description */
	STDIO_SOCKET,
	STDIO_CAREFUL /* poll first, small writes */
};

struct stdio_host_fd {
	enum stdio_kind kind;
	int fd;    /* the user's; never closed by us but for stdio_host_shut */
	int io_fd; /* for reads, writes and polling; equals fd unless STDIO_OWN */
	bool is_tty;
	bool settings_saved;
	uint8_t settings[36]; /* kernel struct termios at start */
};

struct stdio_host {
	struct stdio_host_fd fds[CAY_STDIO_FDS];
	bool is_log;        /* 1 and 2 are the log of a VM in the background, of which only the end is kept */
	uint64_t log_bytes; /* written since it was trimmed */
	int null_fd;        /* /dev/null, opened before the sandbox: takes the place of what the guest closes */
};

/* Looks at the descriptors (normally 0, 1, 2) and remembers terminal settings. Cannot fail: what is not open is
 * STDIO_CLOSED. */
void stdio_host_init(struct stdio_host *h, const int fds[CAY_STDIO_FDS]);
/* Closes our own descriptions and restores terminal settings. */
void stdio_host_fini(struct stdio_host *h);
/* Puts back the settings of each terminal the guest changed. Async-signal-safe, may be called more than once. */
void stdio_host_restore(const struct stdio_host *h);

/* All of these: i < CAY_STDIO_FDS; -errno on error; never wait but for a disk. offset -1: the description's own
 * position. */
ssize_t stdio_host_read(struct stdio_host *h, unsigned i, const struct iovec *iov, int nr, int64_t offset);
ssize_t stdio_host_write(struct stdio_host *h, unsigned i, const struct iovec *iov, int nr, int64_t offset);
/* Which of `events` (and POLLERR, POLLHUP) hold now. */
int stdio_host_poll(struct stdio_host *h, unsigned i, short events);
/* The descriptor to watch with epoll, or -1 if it is always ready. */
int stdio_host_watch_fd(const struct stdio_host *h, unsigned i);
int stdio_host_stat(struct stdio_host *h, unsigned i, struct cay_stdio_stat *out);
int64_t stdio_host_seek(struct stdio_host *h, unsigned i, int64_t offset, int whence);
int stdio_host_sync(struct stdio_host *h, unsigned i);
/* cmd is one of CAY_STDIO_IOCTLS; payload holds its bytes in or receives its bytes out; arg for those without. */
int stdio_host_ioctl(struct stdio_host *h, unsigned i, unsigned cmd, void *payload, int64_t arg);
/* Lets the peer see that the guest has closed its side: pipes and sockets, and only descriptors 0 and 1, because 2 also
 * carries cay's own messages. */
int stdio_host_shut(struct stdio_host *h, unsigned i);

#endif
