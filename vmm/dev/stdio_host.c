/* SPDX-License-Identifier: MIT */
/* stdio_host.c - see stdio_host.h. */
#include "vmm/dev/stdio_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Another description of the same pipe or terminal, or -1. */
static int open_again(int fd, int access)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void init_one(struct stdio_host_fd *f, int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	*f = (struct stdio_host_fd){.kind = STDIO_CLOSED, .fd = fd, .io_fd = fd};
	/* O_PATH: closed when cay was started (vmm/cli/main.c). */
	if (flags < 0 || (flags & O_PATH) || fstat(fd, &st) < 0)
		return;
	f->settings_saved = ioctl(fd, TCGETS, f->settings) == 0;
	f->is_tty = f->settings_saved;
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode)) {
		f->kind = STDIO_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		f->kind = STDIO_SOCKET;
	} else {
		f->kind = STDIO_CAREFUL;
		if (S_ISFIFO(st.st_mode) || f->is_tty) {
			int own = open_again(fd, flags & O_ACCMODE);
			if (own >= 0) {
				f->io_fd = own;
				f->kind = STDIO_OWN;
			}
		}
	}
}

void stdio_host_init(struct stdio_host *h, const int fds[CAY_STDIO_FDS])
{
	h->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++)
		init_one(&h->fds[i], fds[i]);
}

void stdio_host_restore(const struct stdio_host *h)
{
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++) {
		const struct stdio_host_fd *f = &h->fds[i];
		uint8_t now[sizeof(f->settings)];
		sigset_t ttou, old;

		if (!f->settings_saved || ioctl(f->fd, TCGETS, now) != 0 || memcmp(now, f->settings, sizeof(now)) == 0)
			continue;
		/* From the background this would stop us instead: see termios(3) on SIGTTOU. */
		sigemptyset(&ttou);
		sigaddset(&ttou, SIGTTOU);
		pthread_sigmask(SIG_BLOCK, &ttou, &old);
		ioctl(f->fd, TCSETS, f->settings);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}

void stdio_host_fini(struct stdio_host *h)
{
	stdio_host_restore(h);
	for (unsigned i = 0; i < CAY_STDIO_FDS; i++) {
		if (h->fds[i].kind == STDIO_OWN)
			close(h->fds[i].io_fd);
		h->fds[i].kind = STDIO_CLOSED;
	}
	if (h->null_fd >= 0)
		close(h->null_fd);
	h->null_fd = -1;
}

static ssize_t result_of(ssize_t n)
{
	return n >= 0 ? n : -errno;
}

ssize_t stdio_host_read(struct stdio_host *h, unsigned i, const struct iovec *iov, int nr, int64_t offset)
{
	struct stdio_host_fd *f = &h->fds[i];

	if (offset >= 0 && f->kind != STDIO_FILE)
		return f->kind == STDIO_CLOSED ? -EBADF : -ESPIPE;
	switch (f->kind) {
	case STDIO_CLOSED:
		return -EBADF;
	case STDIO_SOCKET:
		/* The first piece only, which is all that most requests have: recvmsg could also receive descriptors.
		 */
		return result_of(recv(f->fd, iov[0].iov_base, iov[0].iov_len, MSG_DONTWAIT));
	case STDIO_CAREFUL:
		if (stdio_host_poll(h, i, POLLIN) == 0)
			return -EAGAIN;
		return result_of(readv(f->fd, iov, nr));
	case STDIO_FILE:
		return result_of(offset < 0 ? readv(f->fd, iov, nr) : preadv(f->fd, iov, nr, offset));
	case STDIO_OWN:
		break;
	}
	return result_of(readv(f->io_fd, iov, nr));
}

/* Writes at most PIPE_BUF bytes: what a writable pipe is sure to take. */
static ssize_t write_small(int fd, const struct iovec *iov, int nr)
{
	size_t room = PIPE_BUF;

	for (int k = 0; k < nr; k++) {
		if (iov[k].iov_len >= room)
			return result_of(k == 0 ? write(fd, iov[0].iov_base, room) : writev(fd, iov, k));
		room -= iov[k].iov_len;
	}
	return result_of(writev(fd, iov, nr));
}

/* Gives back what lies before the end of a log. */
static void trim(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > STDIO_LOG_KEEP_BYTES)
		(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, st.st_size - STDIO_LOG_KEEP_BYTES);
}

static ssize_t note_written(struct stdio_host *h, unsigned i, ssize_t n)
{
	if (!h->is_log || i == 0 || n <= 0)
		return n;
	h->log_bytes += (uint64_t)n;
	if (h->log_bytes >= STDIO_LOG_TRIM_EVERY) {
		h->log_bytes = 0;
		trim(h->fds[i].fd);
	}
	return n;
}

/* As much of it as is looked at together: a request may be gigabytes, and a log is in memory. */
static ssize_t write_file(struct stdio_host *h, unsigned i, const struct iovec *iov, int nr, int64_t offset)
{
	struct iovec piece[CAY_STDIO_DATA_SEGS];
	size_t room = h->is_log ? STDIO_LOG_TRIM_EVERY : SIZE_MAX;
	int n = 0, fd = h->fds[i].fd;

	for (; n < nr && n < (int)CAY_STDIO_DATA_SEGS && room > 0; n++) {
		piece[n] = (struct iovec){iov[n].iov_base, MIN(iov[n].iov_len, room)};
		room -= piece[n].iov_len;
	}
	return note_written(h, i, result_of(offset < 0 ? writev(fd, piece, n) : pwritev(fd, piece, n, offset)));
}

ssize_t stdio_host_write(struct stdio_host *h, unsigned i, const struct iovec *iov, int nr, int64_t offset)
{
	struct stdio_host_fd *f = &h->fds[i];

	if (offset >= 0 && f->kind != STDIO_FILE)
		return f->kind == STDIO_CLOSED ? -EBADF : -ESPIPE;
	switch (f->kind) {
	case STDIO_CLOSED:
		return -EBADF;
	case STDIO_SOCKET:
		return result_of(send(f->fd, iov[0].iov_base, iov[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL));
	case STDIO_CAREFUL:
		if (stdio_host_poll(h, i, POLLOUT) == 0)
			return -EAGAIN;
		return write_small(f->fd, iov, nr);
	case STDIO_FILE:
		return write_file(h, i, iov, nr, offset);
	case STDIO_OWN:
		break;
	}
	return result_of(writev(f->io_fd, iov, nr));
}

int stdio_host_poll(struct stdio_host *h, unsigned i, short events)
{
	struct stdio_host_fd *f = &h->fds[i];
	struct pollfd p = {.fd = f->io_fd, .events = events};

	if (f->kind == STDIO_CLOSED)
		return POLLNVAL;
	if (f->kind == STDIO_FILE)
		return events & (POLLIN | POLLOUT);
	if (poll(&p, 1, 0) < 0)
		return errno == EINTR ? 0 : -errno;
	return p.revents;
}

int stdio_host_watch_fd(const struct stdio_host *h, unsigned i)
{
	const struct stdio_host_fd *f = &h->fds[i];

	return f->kind == STDIO_CLOSED || f->kind == STDIO_FILE ? -1 : f->io_fd;
}

int stdio_host_stat(struct stdio_host *h, unsigned i, struct cay_stdio_stat *out)
{
	struct stdio_host_fd *f = &h->fds[i];
	struct stat st;

	if (f->kind == STDIO_CLOSED)
		return -EBADF;
	int flags = fcntl(f->fd, F_GETFL);
	if (flags < 0 || fstat(f->fd, &st) < 0)
		return -errno;
	*out = (struct cay_stdio_stat){
		.mode = st.st_mode,
		.flags = (uint32_t)flags & (O_ACCMODE | O_APPEND | O_NONBLOCK),
		.size = (uint64_t)st.st_size,
		.ino = st.st_ino,
		.rdev = st.st_rdev,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.is_tty = f->is_tty,
	};
	return 0;
}

int64_t stdio_host_seek(struct stdio_host *h, unsigned i, int64_t offset, int whence)
{
	struct stdio_host_fd *f = &h->fds[i];

	if (f->kind == STDIO_CLOSED)
		return -EBADF;
	off_t pos = lseek(f->fd, offset, whence);
	return pos >= 0 ? pos : -errno;
}

int stdio_host_sync(struct stdio_host *h, unsigned i)
{
	struct stdio_host_fd *f = &h->fds[i];

	if (f->kind == STDIO_CLOSED)
		return -EBADF;
	return fsync(f->fd) == 0 ? 0 : -errno;
}

int stdio_host_ioctl(struct stdio_host *h, unsigned i, unsigned cmd, void *payload, int64_t arg)
{
	struct stdio_host_fd *f = &h->fds[i];
	int queued = 0;

	if (f->kind == STDIO_CLOSED)
		return -EBADF;
	switch (cmd) {
	case 0x5403:     /* TCSETSW */
	case 0x5404:     /* TCSETSF */
	case 0x402c542c: /* TCSETSW2 */
	case 0x402c542d: /* TCSETSF2 */
		if (ioctl(f->fd, TIOCOUTQ, &queued) == 0 && queued > 0)
			return -EAGAIN;
		break;
	case 0x540a: /* TCXONC */
	case 0x540b: /* TCFLSH */
		return ioctl(f->fd, cmd, (unsigned long)arg) < 0 ? -errno : 0;
	}
	return ioctl(f->fd, cmd, payload) < 0 ? -errno : 0;
}

int stdio_host_shut(struct stdio_host *h, unsigned i)
{
	struct stdio_host_fd *f = &h->fds[i];

	if (f->kind == STDIO_CLOSED || f->kind == STDIO_FILE || f->is_tty || i == 2)
		return 0;
	/* The number stays taken, so that no other descriptor of ours ever gets it. */
	if (h->null_fd < 0 || dup3(h->null_fd, f->fd, 0) < 0)
		return -EIO;
	if (f->kind == STDIO_OWN)
		close(f->io_fd);
	f->kind = STDIO_CLOSED;
	return 0;
}
