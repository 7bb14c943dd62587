/* SPDX-License-Identifier: MIT */
/*
 * user_msg.h - a program's struct msghdr, read once: what sendmsg and recvmsg work on, also when a request of an
 * io_uring is tried several times. What it points to (data, ancillary data, where a sender's address goes) is the
 * program's memory and is used at each attempt.
 */
#ifndef CAY_KERNEL_NET_USER_MSG_H
#define CAY_KERNEL_NET_USER_MSG_H

#include "kernel/linux/iovec.h"
#include "kernel/net/socket.h"

struct user_msg {
	struct msghdr h;
	struct sock_addr addr; /* of msg_name; send only */
	struct iovec_copy iov; /* must not move: its list may be inside */
};

/* 0; -EFAULT, -EINVAL, -ENOMEM. On success user_msg_free when done. recv: for receiving. */
MUST_CHECK int user_msg_read(struct user_msg *um, const void *msg_user, bool recv);
void user_msg_free(struct user_msg *um);

/* One attempt. flags: MSG_*. Bytes, or -errno of sendmsg(2), recvmsg(2). f: the socket's file. */
long user_msg_send(struct socket *s, struct file *f, const struct user_msg *um, unsigned flags);
/* msg_user: where the lengths and flags that came out go; the header itself is not read again. */
long user_msg_recv(struct socket *s, struct file *f, const struct user_msg *um, void *msg_user, unsigned flags);

/* What sendto(2) and recvfrom(2) do with one buffer: addr NULL: none. */
long socket_send_buffer(struct socket *s, struct file *f, const void *data_user, size_t bytes, unsigned flags,
			const struct sock_addr *addr);
long socket_recv_buffer(struct socket *s, struct file *f, void *data_user, size_t bytes, unsigned flags,
			struct sock_addr *from);

#endif
