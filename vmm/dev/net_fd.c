/* SPDX-License-Identifier: MIT */
/* net_fd.c - a backend that is a descriptor: a tap, or the socket to the user network's process. One call, one frame.
 */
#include <errno.h>
#include <unistd.h>

#include "vmm/dev/net_priv.h"

static int fd_send(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	if (writev(p->fd, iov, (int)nr) >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
		return -EAGAIN;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
	case EBADFD: /* the tap was deleted */
		return -EPIPE;
	default: /* tap: the interface is down, or the frame not to the host's taste. Lost */
		p->count.tx_dropped++;
		return 0;
	}
}

static ssize_t fd_recv(struct net_pair *p, const struct iovec *iov, unsigned nr)
{
	ssize_t n = readv(p->fd, iov, (int)nr);

	if (n > 0)
		return n;
	if (n == 0)
		return -EPIPE;
	return errno == EAGAIN || errno == EINTR || errno == EIO ? -EAGAIN : -EPIPE;
}

const struct net_backend_ops net_fd_ops = {.send = fd_send, .recv = fd_recv};
