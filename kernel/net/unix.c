/* SPDX-License-Identifier: MIT */
/* unix.c - AF_UNIX sockets: life, connecting, accepting, polling. See unix_priv.h. */
#include "kernel/net/unix.h"

#include <errno.h>
#include <linux/poll.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/filter.h"
#include "kernel/net/unix_priv.h"

static const struct socket_ops unix_ops;

/* For lists. The lock comes before those of sockets. */
static struct list all = LIST_INIT(all);
static struct spinlock all_lock = SPINLOCK_INIT("unix sockets");

struct unix_sock *unix_get(struct unix_sock *u)
{
	__atomic_add_fetch(&u->refs, 1, __ATOMIC_RELAXED);
	return u;
}

void unix_put(struct unix_sock *u)
{
	if (__atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	spin_lock(&all_lock);
	list_remove(&u->all_link);
	spin_unlock(&all_lock);
	unix_drop_messages(u);
	net_filter_free(u->filter);
	kfree(u);
}

void unix_for_each(void (*fn)(struct unix_sock *u, void *arg), void *arg)
{
	spin_lock(&all_lock);
	list_for_each (u, &all, all_link, struct unix_sock)
		if (!u->dead)
			fn(u, arg);
	spin_unlock(&all_lock);
}

struct unix_sock *unix_peer(struct unix_sock *u)
{
	struct unix_sock *peer;

	spin_lock(&u->lock);
	peer = u->peer;
	if (peer != NULL)
		(void)unix_get(peer);
	spin_unlock(&u->lock);
	return peer;
}

void unix_wake_peer(struct unix_sock *u, uint32_t events)
{
	struct unix_sock *peer = unix_peer(u);

	if (peer == NULL)
		return;
	waitq_wake(&peer->wq, events);
	unix_put(peer);
}

static void set_peer(struct unix_sock *u, struct unix_sock *peer)
{
	spin_lock(&u->lock);
	u->peer = peer;
	if (peer != NULL)
		u->connected = true;
	spin_unlock(&u->lock);
}

static struct sock_cred own_cred(void)
{
	const struct process *p = process_current();

	return (struct sock_cred){p->pid, p->cred.euid, p->cred.egid};
}

static struct unix_sock *new_sock(int type)
{
	struct unix_sock *u = kzalloc(sizeof(*u));

	if (u == NULL)
		return NULL;
	socket_init(&u->sock, &unix_ops, AF_UNIX, type, 0);
	u->sock.priv = u;
	u->refs = 1;
	list_init(&u->msgs);
	list_init(&u->pending);
	list_init(&u->pending_link);
	list_init(&u->name_link);
	list_init(&u->gc_link);
	list_init(&u->gc_visit);
	spin_init(&u->lock, "unix");
	waitq_init(&u->wq);
	mutex_init(&u->read_lock);
	u->cred = own_cred();
	spin_lock(&all_lock);
	list_push_back(&all, &u->all_link);
	spin_unlock(&all_lock);
	return u;
}

static int check_kind(int type, int protocol)
{
	if (protocol != 0 && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ? 0 : -ESOCKTNOSUPPORT;
}

int unix_create(int type, int protocol, struct socket **out)
{
	int err = check_kind(type, protocol);
	struct unix_sock *u = err == 0 ? new_sock(type) : NULL;

	if (err != 0)
		return err;
	if (u == NULL)
		return -ENOMEM;
	*out = &u->sock;
	return 0;
}

static void connect_pair(struct unix_sock *a, struct unix_sock *b)
{
	a->peer_cred = b->cred;
	b->peer_cred = a->cred;
	set_peer(b, unix_get(a));
	set_peer(a, unix_get(b));
}

int unix_create_pair(int type, int protocol, struct socket *out[2])
{
	int err = check_kind(type, protocol);

	if (err != 0)
		return err;
	struct unix_sock *a = new_sock(type), *b = new_sock(type);
	if (a == NULL || b == NULL) {
		if (a != NULL)
			unix_put(a);
		if (b != NULL)
			unix_put(b);
		return -ENOMEM;
	}
	connect_pair(a, b);
	out[0] = &a->sock;
	out[1] = &b->sock;
	return 0;
}

/* u no longer sends to its peer; a connected peer hears of it. */
static void disconnect(struct unix_sock *u)
{
	struct unix_sock *peer = u->peer;

	if (peer == NULL)
		return;
	set_peer(u, NULL);
	if (peer->peer == u && u->sock.type != SOCK_DGRAM) {
		set_peer(peer, NULL);
		if (!list_empty(&u->msgs))
			peer->error = ECONNRESET; /* what it sent was never read */
		waitq_wake(&peer->wq, POLLIN | POLLOUT | POLLHUP | POLLRDHUP | POLLERR);
		unix_put(u);
	}
	unix_put(peer);
}

static void unix_release(struct socket *s)
{
	struct unix_sock *u = unix_of(s);

	spin_lock(&u->lock);
	u->dead = true; /* from here on nobody adds messages */
	spin_unlock(&u->lock);
	u->listening = false;
	unix_unname(u);
	while (!list_empty(&u->pending)) {
		struct unix_sock *conn = list_first(&u->pending, struct unix_sock, pending_link);
		list_remove(&conn->pending_link);
		unix_release(&conn->sock);
	}
	disconnect(u);
	unix_drop_messages(u);
	waitq_wake(&u->wq, POLLHUP | POLLERR); /* who waits to send to it, or to connect */
	unix_put(u);
	unix_gc();
}

static int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = unix_of(s);

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (u->addr.len == 0 || u->connected)
		return -EINVAL;
	u->backlog = backlog < 0 ? 4096 : MIN((unsigned)backlog, 4096u);
	u->listening = true;
	u->cred = own_cred();
	waitq_wake(&u->wq, 0);
	return 0;
}

static bool has_backlog_room(const struct unix_sock *l)
{
	return l->nr_pending <= l->backlog;
}

/* To a listening socket: makes the other end and leaves it for accept. */
static int connect_stream(struct unix_sock *u, struct unix_sock *l, bool nonblock)
{
	struct unix_sock *conn;

	while (l->listening && !has_backlog_room(l)) {
		if (nonblock)
			return -EAGAIN;
		int err = wait_event_deadline(&l->wq, !l->listening || has_backlog_room(l),
					      socket_deadline(u->sock.snd_timeout_ns), true);
		if (err != 0)
			return err == -ETIMEDOUT ? -EAGAIN : err;
	}
	if (!l->listening)
		return -ECONNREFUSED;
	if (u->connected)
		return -EISCONN; /* another thread did, while this one waited */
	conn = new_sock(u->sock.type);
	if (conn == NULL)
		return -ENOMEM;
	conn->cred = l->cred;
	conn->addr = l->addr; /* its name is the listener's, but it is not found by it */
	connect_pair(u, conn);
	list_push_back(&l->pending, &conn->pending_link);
	l->nr_pending++;
	waitq_wake(&l->wq, POLLIN | POLLRDNORM);
	return 0;
}

static int unix_connect(struct socket *s, const struct sock_addr *addr, bool nonblock)
{
	struct unix_sock *u = unix_of(s), *to;
	int err;

	if (s->type == SOCK_DGRAM && addr->len >= sizeof(addr->family) && addr->family == AF_UNSPEC) {
		disconnect(u);
		return 0;
	}
	if (s->type != SOCK_DGRAM && u->connected)
		return -EISCONN;
	if (u->listening)
		return -EINVAL;
	err = unix_find(addr, s->type, &to);
	if (err != 0)
		return err;
	if (s->type != SOCK_DGRAM) {
		err = connect_stream(u, to, nonblock);
		unix_put(to);
		return err;
	}
	disconnect(u);
	set_peer(u, to);
	return 0;
}

static int unix_accept(struct socket *s, bool nonblock, struct socket **out)
{
	struct unix_sock *u = unix_of(s), *conn;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!u->listening)
		return -EINVAL;
	while (list_empty(&u->pending)) {
		if (u->shut_rd)
			return -EINVAL;
		if (nonblock)
			return -EAGAIN;
		int err = wait_event_deadline(&u->wq, !list_empty(&u->pending) || u->shut_rd,
					      socket_deadline(s->rcv_timeout_ns), true);
		if (err != 0)
			return err == -ETIMEDOUT ? -EAGAIN : err;
	}
	conn = list_first(&u->pending, struct unix_sock, pending_link);
	list_remove(&conn->pending_link);
	u->nr_pending--;
	waitq_wake(&u->wq, 0); /* connects that wait for room */
	*out = &conn->sock;
	return 0;
}

static int unix_name(struct socket *s, bool peer, struct sock_addr *out)
{
	struct unix_sock *u = unix_of(s);

	if (peer && u->peer == NULL)
		return -ENOTCONN;
	unix_addr(peer ? u->peer : u, out);
	return 0;
}

static int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = unix_of(s);

	if (how != SHUT_WR)
		u->shut_rd = true;
	if (how != SHUT_RD)
		u->shut_wr = true;
	waitq_wake(&u->wq, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	if (u->peer != NULL && s->type != SOCK_DGRAM) {
		/* One side's writing is the other's reading. */
		u->peer->shut_rd |= u->shut_wr;
		u->peer->shut_wr |= u->shut_rd;
		waitq_wake(&u->peer->wq, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	}
	return 0;
}

static uint32_t unix_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(s), *peer;
	uint32_t mask = 0;

	poll_wait(f, &u->wq, pt);
	peer = unix_peer(u);
	bool gone = u->connected && peer == NULL && s->type != SOCK_DGRAM;
	bool room = peer == NULL || READ_ONCE(peer->queued) < SOCK_BUFFER_BYTES / 2;
	if (peer != NULL)
		unix_put(peer);
	if (u->error != 0)
		mask |= POLLERR;
	if (u->listening)
		return mask | (list_empty(&u->pending) ? 0 : POLLIN | POLLRDNORM);
	if (gone || (u->shut_rd && u->shut_wr))
		mask |= POLLHUP;
	if (gone || u->shut_rd)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (!list_empty(&u->msgs))
		mask |= POLLIN | POLLRDNORM;
	if (s->type != SOCK_DGRAM && !u->connected)
		return mask | POLLHUP | POLLOUT | POLLWRNORM;
	/* A datagram socket's receiver may be full without it knowing when that ends; send says so. */
	if (room)
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return mask;
}

/* Stream: bytes; others: of the next message. */
static size_t unix_readable(struct socket *s)
{
	struct unix_sock *u = unix_of(s);

	size_t bytes = 0;

	spin_lock(&u->lock);
	if (s->type == SOCK_STREAM)
		bytes = u->queued;
	else if (!list_empty(&u->msgs))
		bytes = list_first(&u->msgs, struct unix_msg, link)->bytes;
	spin_unlock(&u->lock);
	return bytes;
}

static int unix_take_error(struct socket *s)
{
	return __atomic_exchange_n(&unix_of(s)->error, 0, __ATOMIC_RELAXED);
}

static bool unix_peer_cred(struct socket *s, struct sock_cred *out)
{
	*out = unix_of(s)->peer_cred;
	return unix_of(s)->connected;
}

static bool unix_is_listening(struct socket *s)
{
	return unix_of(s)->listening;
}

/* ---- what is under the kernel lock: how sockets find each other and part */

static int op_bind(struct socket *s, const struct sock_addr *addr)
{
	bool entered = kernel_enter();
	int err = unix_bind(s, addr);

	file_leave(entered);
	return err;
}

static int op_listen(struct socket *s, int backlog)
{
	bool entered = kernel_enter();
	int err = unix_listen(s, backlog);

	file_leave(entered);
	return err;
}

static int op_connect(struct socket *s, const struct sock_addr *addr, bool nonblock)
{
	bool entered = kernel_enter();
	int err = unix_connect(s, addr, nonblock);

	file_leave(entered);
	return err;
}

static int op_accept(struct socket *s, bool nonblock, struct socket **out)
{
	bool entered = kernel_enter();
	int err = unix_accept(s, nonblock, out);

	file_leave(entered);
	return err;
}

static int op_name(struct socket *s, bool peer, struct sock_addr *out)
{
	bool entered = kernel_enter();
	int err = unix_name(s, peer, out);

	file_leave(entered);
	return err;
}

static int op_shutdown(struct socket *s, int how)
{
	bool entered = kernel_enter();
	int err = unix_shutdown(s, how);

	file_leave(entered);
	return err;
}

static const struct socket_ops unix_ops = {
	.own_locks = true,
	.bind = op_bind,
	.listen = op_listen,
	.connect = op_connect,
	.accept = op_accept,
	.name = op_name,
	.shutdown = op_shutdown,
	.send = unix_send,
	.recv = unix_recv,
	.poll = unix_poll,
	.readable = unix_readable,
	.take_error = unix_take_error,
	.peer_cred = unix_peer_cred,
	.is_listening = unix_is_listening,
	.set_option = unix_set_option,
	.release = unix_release,
};
