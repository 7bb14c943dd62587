/* SPDX-License-Identifier: MIT */
/* unix_msg.c - messages between AF_UNIX sockets. A stream is a queue of messages whose borders the reader does not see.
 */
#include <errno.h>
#include <poll.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/net/unix_priv.h"
#include "lib/string.h"

#define STREAM_CHUNK      32768u /* a long write goes in pieces, so that the reader starts before its end */
#define UNSUPPORTED_FLAGS (MSG_OOB)

static size_t limit(const struct unix_sock *from)
{
	return MIN((size_t)from->sock.option[SO_SNDBUF], (size_t)SOCK_BUFFER_BYTES);
}

static bool is_stream(const struct unix_sock *u)
{
	return u->sock.type == SOCK_STREAM;
}

/*
 * Freeing a message may close sockets, whose messages go as well, and so on: one after the other, because a program can
 * make a chain of thousands, and the kernel's stack is short.
 */
void unix_msg_free(struct unix_msg *msg)
{
	static struct list doomed = LIST_INIT(doomed); /* under the kernel lock */
	static bool freeing;
	bool entered;

	if (msg->files == NULL) {
		kfree(msg);
		return;
	}
	entered = kernel_enter();
	list_push_back(&doomed, &msg->link);
	if (freeing) {
		file_leave(entered);
		return;
	}
	freeing = true;
	while (!list_empty(&doomed)) {
		struct unix_msg *m = list_first(&doomed, struct unix_msg, link);

		list_remove(&m->link);
		unix_gc_arrived(m->files);
		scm_files_put(m->files);
		kfree(m);
	}
	freeing = false;
	file_leave(entered);
}

void unix_drop_messages(struct unix_sock *u)
{
	struct list all;

	spin_lock(&u->lock);
	list_take_all(&all, &u->msgs);
	u->queued = 0;
	spin_unlock(&u->lock);
	while (!list_empty(&all)) {
		struct unix_msg *msg = list_first(&all, struct unix_msg, link);
		list_remove(&msg->link);
		unix_msg_free(msg);
	}
}

/* May `from` give something to `to` now? 0, or why not. */
static int check_can_send(const struct unix_sock *from, const struct unix_sock *to)
{
	if (from->shut_wr)
		return -EPIPE;
	if (to->dead)
		return from->sock.type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if (to->shut_rd)
		return -EPIPE;
	return 0;
}

static size_t room_for(const struct unix_sock *from, const struct unix_sock *to)
{
	size_t max = limit(from);

	return to->queued < max ? max - to->queued : 0;
}

/* Enough room for a piece of the stream, or for the whole datagram (an empty queue takes any). */
static bool has_room(const struct unix_sock *from, const struct unix_sock *to, size_t bytes)
{
	if (is_stream(from))
		return room_for(from, to) > 0;
	return list_empty(&to->msgs) || room_for(from, to) >= MAX(bytes, (size_t)1);
}

/* Until there is room, or reason to give up. The receiver wakes its own queue when it takes messages. */
static int wait_for_room(struct unix_sock *from, struct unix_sock *to, const struct sock_msg *m, size_t bytes)
{
	if (has_room(from, to, bytes))
		return 0;
	if (m->flags & MSG_DONTWAIT)
		return -EAGAIN;
	int err = wait_event_deadline(&to->wq, has_room(from, to, bytes) || check_can_send(from, to) != 0,
				      socket_deadline(from->sock.snd_timeout_ns), true);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

static struct sock_cred own_cred(void)
{
	const struct process *p = process_current();

	return (struct sock_cred){p->pid, p->cred.uid, p->cred.gid};
}

/* Copies `bytes` from the program into a new message for `to`. Bytes taken, or -errno. */
static ssize_t put_message(struct unix_sock *from, struct unix_sock *to, struct sock_msg *m, size_t bytes)
{
	struct unix_msg *msg = kmalloc(sizeof(*msg) + bytes);
	ssize_t n = 0;
	bool has_files;
	int err;

	if (msg == NULL)
		return -ENOBUFS;
	if (bytes > 0)
		n = uio_move(msg->data, bytes, m->uio);
	if (n >= 0 && (size_t)n < bytes && !is_stream(from))
		n = -EFAULT;
	if (n < 0) {
		kfree(msg);
		return n;
	}
	msg->bytes = (size_t)n;
	if (!unix_filter_passes(to, msg->data, &msg->bytes)) { /* the sender is not told, nor are its files given */
		kfree(msg);
		scm_files_put(m->files);
		m->files = NULL;
		return n;
	}
	msg->taken = 0;
	msg->files = m->files;
	msg->cred = m->has_cred ? m->cred : own_cred();
	unix_addr(from, &msg->from);
	has_files = m->files != NULL;
	spin_lock(&to->lock);
	err = check_can_send(from, to); /* the copy may have waited */
	if (err == 0) {
		list_push_back(&to->msgs, &msg->link);
		to->queued += msg->bytes;
		unix_gc_sent(m->files);
		m->files = NULL;
	}
	spin_unlock(&to->lock);
	if (err != 0) {
		kfree(msg);
		return err;
	}
	waitq_wake(&to->wq, POLLIN | POLLRDNORM);
	if (has_files)
		unix_gc_if_many();
	return n;
}

static ssize_t send_stream(struct unix_sock *from, struct unix_sock *to, struct sock_msg *m)
{
	ssize_t total = 0;
	int err = check_can_send(from, to);

	while (err == 0 && m->uio->resid > 0) {
		err = wait_for_room(from, to, m, 1);
		if (err == 0)
			err = check_can_send(from, to);
		if (err != 0)
			break;
		size_t room = room_for(from, to);
		if (room == 0)
			continue; /* another writer was faster */
		ssize_t n = put_message(from, to, m, MIN(MIN(m->uio->resid, room), (size_t)STREAM_CHUNK));
		if (n < 0)
			err = (int)n;
		else
			total += n;
	}
	return total > 0 ? total : err;
}

static ssize_t send_packet(struct unix_sock *from, struct unix_sock *to, struct sock_msg *m)
{
	size_t bytes = m->uio->resid;
	int err = bytes > limit(from) ? -EMSGSIZE : check_can_send(from, to);

	if (err == 0)
		err = wait_for_room(from, to, m, bytes);
	if (err == 0)
		err = check_can_send(from, to);
	return err != 0 ? err : put_message(from, to, m, bytes);
}

/* Where a message goes; counted. */
static int destination(struct unix_sock *u, const struct sock_msg *m, struct unix_sock **out)
{
	if (u->sock.type == SOCK_DGRAM && m->addr.len > 0)
		return unix_find(&m->addr, SOCK_DGRAM, out);
	if (m->addr.len > 0 && is_stream(u))
		return u->peer != NULL ? -EISCONN : -EOPNOTSUPP;
	*out = unix_peer(u);
	if (*out == NULL)
		return u->connected ? -EPIPE : -ENOTCONN;
	return 0;
}

ssize_t unix_send(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s), *to;
	ssize_t n;

	if (m->flags & UNSUPPORTED_FLAGS)
		return -EOPNOTSUPP;
	int err = __atomic_exchange_n(&u->error, 0, __ATOMIC_RELAXED);
	if (err != 0)
		return -err;
	/* Names, and files in messages, are the kernel lock's. */
	bool entered = (m->addr.len > 0 || m->files != NULL) && kernel_enter();
	n = destination(u, m, &to);
	if (n == 0) {
		n = is_stream(u) ? send_stream(u, to, m) : send_packet(u, to, m);
		unix_put(to);
	}
	file_leave(entered);
	return n;
}

/* No message: 0 to look again, 1 for the end of the stream, or -errno. */
static int wait_for_message(struct unix_sock *u, const struct sock_msg *m)
{
	int err = __atomic_exchange_n(&u->error, 0, __ATOMIC_RELAXED);

	if (err != 0)
		return -err;
	if (u->shut_rd || (u->connected && u->peer == NULL && u->sock.type != SOCK_DGRAM))
		return 1;
	if (!u->connected && u->sock.type != SOCK_DGRAM)
		return is_stream(u) ? -EINVAL : -ENOTCONN;
	if (m->flags & MSG_DONTWAIT)
		return -EAGAIN;
	err = wait_event_deadline(&u->wq,
				  !list_empty(&u->msgs) || u->shut_rd || u->error != 0 ||
					  (u->peer == NULL && u->sock.type != SOCK_DGRAM),
				  socket_deadline(u->sock.rcv_timeout_ns), true);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* Takes what goes with a message besides its bytes. A peek duplicates the files. */
static void take_extras(struct unix_sock *u, struct unix_msg *msg, struct sock_msg *m)
{
	m->cred = msg->cred;
	m->addr = msg->from;
	if (msg->files == NULL)
		return;
	if (!(m->flags & MSG_PEEK)) {
		bool entered = kernel_enter();
		spin_lock(&u->lock); /* unix_gc.c looks at it */
		m->files = msg->files;
		msg->files = NULL;
		spin_unlock(&u->lock);
		unix_gc_arrived(m->files);
		file_leave(entered);
		return;
	}
	size_t bytes = sizeof(*msg->files) + msg->files->nr * sizeof(msg->files->file[0]);
	m->files = kmalloc(bytes);
	if (m->files == NULL)
		return;
	memcpy(m->files, msg->files, bytes);
	for (unsigned i = 0; i < m->files->nr; i++)
		file_get(m->files->file[i]);
}

/* msg has been read to its end: frees it and lets writers know. */
static void finish_message(struct unix_sock *u, struct unix_msg *msg)
{
	spin_lock(&u->lock);
	list_remove(&msg->link);
	spin_unlock(&u->lock);
	unix_msg_free(msg);
	waitq_wake(&u->wq, 0); /* senders wait here */
	unix_wake_peer(u, POLLOUT | POLLWRNORM);
}

/* The message behind `at`, which is one or the head of the list; NULL: none. Readers alone take messages out. */
static struct unix_msg *message_after(struct unix_sock *u, struct list *at)
{
	struct list *next;

	spin_lock(&u->lock);
	next = at->next;
	spin_unlock(&u->lock);
	return next == &u->msgs ? NULL : container_of(next, struct unix_msg, link);
}

static void count_taken(struct unix_sock *u, size_t bytes)
{
	spin_lock(&u->lock);
	u->queued -= bytes;
	spin_unlock(&u->lock);
}

/* Bytes from the messages there are. Stops before a message with files, so that they go with their own bytes. */
static ssize_t take_stream(struct unix_sock *u, struct sock_msg *m)
{
	struct unix_msg *msg = message_after(u, &u->msgs), *next;
	ssize_t total = 0;

	for (; m->uio->resid > 0 && msg != NULL; msg = next) {
		if (msg->files != NULL && total > 0)
			break;
		bool had_files = msg->files != NULL;
		size_t want = MIN(m->uio->resid, msg->bytes - msg->taken);
		ssize_t n = want > 0 ? uio_move(msg->data + msg->taken, want, m->uio) : 0;
		if (n < 0)
			return total > 0 ? total : n;
		if (total == 0)
			take_extras(u, msg, m);
		total += n;
		next = message_after(u, &msg->link);
		if (!(m->flags & MSG_PEEK)) {
			msg->taken += (size_t)n;
			count_taken(u, (size_t)n);
			if (msg->taken == msg->bytes)
				finish_message(u, msg);
		}
		if ((size_t)n < want || had_files)
			break;
	}
	return total;
}

static ssize_t take_packet(struct unix_sock *u, struct sock_msg *m)
{
	struct unix_msg *msg = message_after(u, &u->msgs);
	size_t fits = MIN(msg->bytes, m->uio->resid);
	ssize_t n = fits > 0 ? uio_move(msg->data, fits, m->uio) : 0;

	if (n < 0)
		return n;
	take_extras(u, msg, m);
	if (fits < msg->bytes)
		m->out_flags |= MSG_TRUNC;
	if (u->sock.type == SOCK_SEQPACKET)
		m->out_flags |= MSG_EOR;
	n = (ssize_t)(m->flags & MSG_TRUNC ? msg->bytes : fits);
	if (!(m->flags & MSG_PEEK)) {
		count_taken(u, msg->bytes);
		finish_message(u, msg);
	}
	return n;
}

/* One round: waits for a message if there is none and takes what there is. 0 at the end of a stream. */
static ssize_t receive_some(struct unix_sock *u, struct sock_msg *m)
{
	for (;;) {
		int err = 0;
		while (list_empty(&u->msgs) && err == 0)
			err = wait_for_message(u, m);
		if (err != 0)
			return err > 0 ? 0 : err;
		mutex_lock(&u->read_lock);
		if (!list_empty(&u->msgs)) {
			ssize_t n = is_stream(u) ? take_stream(u, m) : take_packet(u, m);
			mutex_unlock(&u->read_lock);
			return n;
		}
		mutex_unlock(&u->read_lock); /* another reader was faster */
	}
}

ssize_t unix_recv(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s);
	ssize_t total = 0, n;

	if (m->flags & UNSUPPORTED_FLAGS)
		return -EOPNOTSUPP;
	if (is_stream(u) && m->uio->resid == 0)
		return 0;
	do {
		n = receive_some(u, m);
		if (n <= 0)
			break;
		total += n;
		/* MSG_WAITALL goes on until all is there, but not beyond files or a peek. */
	} while (is_stream(u) && (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && m->uio->resid > 0 &&
		 m->files == NULL);
	return total > 0 ? total : n;
}
