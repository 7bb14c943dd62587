/* SPDX-License-Identifier: MIT */
/* op_net.c - sockets: send, receive, accept, connect, shutdown, and making one. */
#include <errno.h>
#include <linux/fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "kernel/fs/fdtable.h"
#include "kernel/linux/sys.h"
#include "kernel/net/socket.h"
#include "kernel/net/socket_calls.h"
#include "kernel/uring/uring_priv.h"

#define POLLRDHUP_BIT 0x2000u /* POLLRDHUP, which libc hides */

#define MULTISHOT_BATCH 64 /* completions of one request in a row, then others have their turn */

/* --- send and receive --- */

static int transfer_prepare(struct uring_req *r, const struct io_uring_sqe *sqe, unsigned ioprio_known)
{
	if (sqe->ioprio & ~ioprio_known)
		return -EINVAL;
	r->net.addr = sqe->addr;
	r->net.len = sqe->len;
	r->net.flags = sqe->msg_flags;
	r->net.done = 0;
	r->net.to.len = 0;
	return 0;
}

static int send_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	int err = transfer_prepare(r, sqe, IORING_RECVSEND_POLL_FIRST);

	if (err == 0 && sqe->addr2 != 0)
		err = sock_addr_from_user(&r->net.to, (const void *)sqe->addr2, sqe->addr_len);
	return err;
}

static int recv_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if ((sqe->ioprio & IORING_RECV_MULTISHOT) &&
	    (!(sqe->flags & IOSQE_BUFFER_SELECT) || sqe->len != 0 || (sqe->msg_flags & MSG_WAITALL)))
		return -EINVAL;
	if (sqe->off != 0 || sqe->file_index != 0)
		return -EINVAL;
	return transfer_prepare(r, sqe, IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT);
}

static int sendmsg_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	int err = transfer_prepare(r, sqe, IORING_RECVSEND_POLL_FIRST);

	return err != 0 ? err : user_msg_read(&r->net.msg, (const void *)sqe->addr, false);
}

static int recvmsg_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	int err = transfer_prepare(r, sqe, IORING_RECVSEND_POLL_FIRST);

	return err != 0 ? err : user_msg_read(&r->net.msg, (const void *)sqe->addr, true);
}

static void msg_cleanup(struct uring_req *r)
{
	user_msg_free(&r->net.msg);
}

/* The socket and the flags of this attempt; NULL and *res when there is to be none. */
static struct socket *begin(struct uring_req *r, bool nowait, unsigned *flags, int *res)
{
	struct socket *s = socket_of_file(r->file);

	*flags = r->net.flags | (nowait ? MSG_DONTWAIT : 0u);
	*res = s == NULL ? -ENOTSOCK : 0;
	if (s != NULL && nowait && (r->ioprio & IORING_RECVSEND_POLL_FIRST) && !r->polled_first) {
		r->polled_first = true;
		*res = -EAGAIN;
		return NULL;
	}
	return s;
}

/* n: of this attempt. MSG_WAITALL: a part is not the end while more may come. */
static int end(struct uring_req *r, ssize_t n, size_t want, bool waitall)
{
	if (n == -EAGAIN && (r->net.flags & MSG_DONTWAIT))
		r->no_wait = true;
	if (n > 0 && waitall && r->net.done + (size_t)n < want) {
		r->net.done += (size_t)n;
		return -EAGAIN;
	}
	if (n <= 0 && n != -EAGAIN && r->net.done > 0)
		n = 0; /* what came before counts; the error stays with the socket */
	if (n >= 0)
		n += (ssize_t)r->net.done;
	r->failed = waitall && n >= 0 && (size_t)n < want;
	return (int)n;
}

static int send_issue(struct uring_req *r, bool nowait)
{
	unsigned flags;
	int res;
	struct socket *s = begin(r, nowait, &flags, &res);

	if (s == NULL)
		return res;
	return end(r,
		   socket_send_buffer(s, r->file, (const char *)r->net.addr + r->net.done, r->net.len - r->net.done,
				      (flags & ~(unsigned)MSG_WAITALL) | MSG_NOSIGNAL,
				      r->net.to.len > 0 ? &r->net.to : NULL),
		   r->net.len, (flags & MSG_WAITALL) && s->type == SOCK_STREAM);
}

static int recv_once(struct uring_req *r, struct socket *s, unsigned flags)
{
	uint64_t addr = r->net.addr;
	uint32_t len = r->net.len;
	bool waitall = (flags & MSG_WAITALL) && s->type == SOCK_STREAM;

	if (r->flags & IOSQE_BUFFER_SELECT) {
		int err = group_take(r, &len);
		if (err != 0)
			return err;
		addr = r->buffer.addr;
		waitall = false;
	}
	ssize_t n = socket_recv_buffer(s, r->file, (char *)addr + r->net.done, len - r->net.done,
				       waitall ? flags & ~(unsigned)MSG_WAITALL : flags, NULL);
	if (n <= 0 && r->has_buffer)
		group_give_back(r);
	return end(r, n, len, waitall);
}

static bool more_to_read(struct socket *s)
{
	return s->ops->readable != NULL && s->ops->readable(s) > 0;
}

static int recv_issue(struct uring_req *r, bool nowait)
{
	unsigned flags;
	int res;
	struct socket *s = begin(r, nowait, &flags, &res);
	bool multi = r->ioprio & IORING_RECV_MULTISHOT;

	for (unsigned i = 0; s != NULL; i++) {
		r->cqe_flags = 0;
		res = recv_once(r, s, flags);
		if (res > 0 && more_to_read(s))
			r->cqe_flags |= IORING_CQE_F_SOCK_NONEMPTY;
		if (!multi || res <= 0)
			break;
		r->cqe_flags |= IORING_CQE_F_BUFFER | (uint32_t)r->buffer.id << IORING_CQE_BUFFER_SHIFT;
		if (!request_post_more(r, res))
			break;
		r->has_buffer = false;
		if (i >= MULTISHOT_BATCH)
			return -EAGAIN;
	}
	return res;
}

static int sendmsg_issue(struct uring_req *r, bool nowait)
{
	unsigned flags;
	int res;
	struct socket *s = begin(r, nowait, &flags, &res);

	if (s == NULL)
		return res;
	res = (int)user_msg_send(s, r->file, &r->net.msg, flags | MSG_NOSIGNAL);
	return end(r, res, 0, false);
}

static int recvmsg_issue(struct uring_req *r, bool nowait)
{
	unsigned flags;
	int res;
	struct socket *s = begin(r, nowait, &flags, &res);

	if (s == NULL)
		return res;
	res = (int)user_msg_recv(s, r->file, &r->net.msg, (void *)r->net.addr, flags);
	return end(r, res, 0, false);
}

const struct uring_op uring_op_send = {
	.needs_file = true, .poll_in = POLLOUT, .prepare = send_prepare, .issue = send_issue};
const struct uring_op uring_op_recv = {.needs_file = true,
				       .selects_buffer = true,
				       .poll_in = POLLIN | POLLRDNORM | POLLRDHUP_BIT,
				       .prepare = recv_prepare,
				       .issue = recv_issue};
const struct uring_op uring_op_sendmsg = {.needs_file = true,
					  .poll_in = POLLOUT,
					  .prepare = sendmsg_prepare,
					  .issue = sendmsg_issue,
					  .cleanup = msg_cleanup};
const struct uring_op uring_op_recvmsg = {.needs_file = true,
					  .poll_in = POLLIN | POLLRDNORM | POLLRDHUP_BIT,
					  .prepare = recvmsg_prepare,
					  .issue = recvmsg_issue,
					  .cleanup = msg_cleanup};

/* --- connections --- */

static int accept_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->len != 0 || sqe->buf_index != 0 || (sqe->ioprio & ~IORING_ACCEPT_MULTISHOT) ||
	    (sqe->accept_flags & ~(unsigned)(SOCK_NONBLOCK | SOCK_CLOEXEC)))
		return -EINVAL;
	if (sqe->file_index != 0 && (sqe->accept_flags & SOCK_CLOEXEC))
		return -EINVAL;
	/* Many connections cannot go to one slot. */
	if ((sqe->ioprio & IORING_ACCEPT_MULTISHOT) && sqe->file_index != 0 &&
	    sqe->file_index != IORING_FILE_INDEX_ALLOC)
		return -EINVAL;
	r->net.addr = sqe->addr;
	r->net.addr2 = sqe->addr2;
	r->net.flags = sqe->accept_flags;
	r->net.file_slot = (int32_t)sqe->file_index;
	return 0;
}

/* s, which this takes over, as what the program asked for: a descriptor or a registered file. */
static int install(struct uring_req *r, struct socket *s, int flags)
{
	struct file *f;

	if (r->net.file_slot == 0)
		return socket_install(s, flags);
	f = socket_file(s, flags);
	return f != NULL ? fixed_install(r->ring, f, (uint32_t)r->net.file_slot) : -ENOMEM;
}

static int accept_once(struct uring_req *r, struct socket *s, bool nowait)
{
	struct sock_addr peer;
	struct socket *conn;
	int res = s->ops->accept != NULL ? s->ops->accept(s, nowait || (r->file->flags & O_NONBLOCK), &conn)
					 : -EOPNOTSUPP;

	if (res != 0)
		return res;
	if (conn->ops->name(conn, true, &peer) != 0)
		peer = (struct sock_addr){.len = sizeof(peer.family), .family = AF_UNIX};
	res = r->net.addr != 0 ? sock_addr_to_user(&peer, (void *)r->net.addr, (uint32_t *)r->net.addr2) : 0;
	if (res != 0) {
		conn->ops->release(conn);
		return res;
	}
	return install(r, conn, (int)r->net.flags);
}

static int accept_issue(struct uring_req *r, bool nowait)
{
	struct socket *s = socket_of_file(r->file);
	bool multi = r->ioprio & IORING_ACCEPT_MULTISHOT;
	int res = -ENOTSOCK;

	for (unsigned i = 0; s != NULL; i++) {
		res = accept_once(r, s, nowait);
		if (!multi || res < 0 || !request_post_more(r, res))
			break;
		if (i >= MULTISHOT_BATCH)
			return -EAGAIN;
	}
	return res;
}

static int connect_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->len != 0 || sqe->buf_index != 0 || sqe->rw_flags != 0)
		return -EINVAL;
	r->net.done = 0;
	return sock_addr_from_user(&r->net.to, (const void *)sqe->addr, (int)sqe->addr2);
}

/* The second attempt asks how the first one ended. */
static int connect_issue(struct uring_req *r, bool nowait)
{
	struct socket *s = socket_of_file(r->file);
	int res;

	if (s == NULL)
		return -ENOTSOCK;
	if (s->ops->connect == NULL)
		return -EOPNOTSUPP;
	if (r->net.done > 0) {
		res = s->ops->take_error != NULL ? s->ops->take_error(s) : 0;
		if (res != 0)
			return -res;
	}
	res = s->ops->connect(s, &r->net.to, nowait || (r->file->flags & O_NONBLOCK));
	if (res == -EISCONN && r->net.done > 0)
		return 0;
	if (nowait && (res == -EINPROGRESS || res == -EAGAIN || (res == -EALREADY && r->net.done > 0))) {
		r->net.done = 1;
		return -EAGAIN;
	}
	return res;
}

static int shutdown_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->off != 0 || sqe->addr != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0 || sqe->splice_fd_in != 0)
		return -EINVAL;
	r->net.len = sqe->len;
	return 0;
}

static int shutdown_issue(struct uring_req *r, bool nowait)
{
	struct socket *s = socket_of_file(r->file);

	(void)nowait;
	if (s == NULL)
		return -ENOTSOCK;
	return r->net.len > SHUT_RDWR ? -EINVAL : s->ops->shutdown(s, (int)r->net.len);
}

static int socket_prepare(struct uring_req *r, const struct io_uring_sqe *sqe)
{
	if (sqe->addr != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0)
		return -EINVAL;
	if (sqe->file_index != 0 && (sqe->off & SOCK_CLOEXEC))
		return -EINVAL;
	r->net.addr = sqe->off; /* the type */
	r->net.len = sqe->len;  /* the protocol */
	r->net.file_slot = (int32_t)sqe->file_index;
	return 0;
}

static int socket_issue(struct uring_req *r, bool nowait)
{
	struct socket *s;
	int err = socket_create(r->fd, (int)r->net.addr, (int)r->net.len, &s);

	(void)nowait;
	return err != 0 ? err : install(r, s, (int)r->net.addr);
}

const struct uring_op uring_op_accept = {
	.needs_file = true, .poll_in = POLLIN | POLLRDNORM, .prepare = accept_prepare, .issue = accept_issue};
const struct uring_op uring_op_connect = {
	.needs_file = true, .poll_in = POLLOUT, .prepare = connect_prepare, .issue = connect_issue};
const struct uring_op uring_op_shutdown = {.needs_file = true, .prepare = shutdown_prepare, .issue = shutdown_issue};
const struct uring_op uring_op_socket = {.prepare = socket_prepare, .issue = socket_issue};
