/* SPDX-License-Identifier: MIT */
/* tcp_stream.c - send(2) and recv(2) on a connection. */
#include <errno.h>
#include <limits.h>

#include "kernel/net/inet_errqueue.h"
#include "kernel/net/tcp_sock.h"

#define WHOLE_BYTES 4096u /* so small a write is never divided: those of several threads do not mix (as on Linux) */
#define PUSH_BYTES  (256u << 10) /* a long write is sent from time to time, so that the peer starts before its end */

static bool is_opening(const struct tcp_sock *t)
{
	return t->c.state == TCPS_SYN_SENT || t->c.state == TCPS_SYN_RECV;
}

static int wait_result(int err)
{
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* Until something can be written: 0, or why not. */
static int wait_to_send(struct tcp_sock *t, unsigned flags)
{
	uint64_t deadline = socket_deadline(t->in.sock.snd_timeout_ns);
	int err;

	if (is_opening(t)) {
		if (flags & MSG_DONTWAIT)
			return -EAGAIN;
		err = channel_wait(&t->in.ch, !is_opening(t), deadline, true);
		if (err != 0)
			return wait_result(err);
	}
	for (;;) {
		err = tcp_sock_error(t);
		if (err != 0)
			return -err;
		if (!tcp_conn_can_send(&t->c))
			return -EPIPE;
		if (tcp_conn_room(&t->c) > 0)
			return 0;
		if (flags & MSG_DONTWAIT)
			return -EAGAIN;
		tcp_sock_settle(t);
		err = channel_wait(&t->in.ch, tcp_conn_has_room(&t->c) || t->c.error != 0 || !tcp_conn_can_send(&t->c),
				   deadline, true);
		if (err != 0)
			return wait_result(err);
	}
}

static ssize_t send_locked(struct tcp_sock *t, struct sock_msg *m)
{
	uint32_t unpushed = 0;
	size_t total = 0;
	int err = 0;

	t->c.more = (m->flags & MSG_MORE) != 0;
	do {
		err = wait_to_send(t, m->flags);
		if (err != 0)
			break;
		t->c.sndq.netif = t->in.route.netif;
		uint32_t room = MIN(MAX(tcp_conn_room(&t->c), WHOLE_BYTES), PUSH_BYTES);
		ssize_t n = m->uio->resid > 0 ? tcp_sndq_write(&t->c.sndq, m->uio, room) : 0;
		if (n < 0) {
			err = (int)n;
			break;
		}
		total += (size_t)n;
		unpushed += (uint32_t)n;
		tcp_sock_count_memory(t);
		if ((m->flags & MSG_OOB) && m->uio->resid == 0)
			t->c.snd_up = tcp_sndq_end(&t->c.sndq);
		if (unpushed >= PUSH_BYTES && m->uio->resid > 0) {
			tcp_sock_settle(t);
			unpushed = 0;
		}
	} while (m->uio->resid > 0);
	if (total > 0)
		tcp_sock_settle(t);
	return total > 0 ? (ssize_t)total : err;
}

/* Opens the connection with the data, and sends what did not go with the SYN. */
static ssize_t open_and_send(struct tcp_sock *t, struct sock_msg *m)
{
	size_t sent = 0;
	ssize_t n = tcp_sock_open_with(t, m, &sent);

	if (sent > 0 && (n == -EINPROGRESS || n == -EINTR))
		return (ssize_t)sent; /* to begin anew would send it twice */
	if (n == 0 && m->uio->resid > 0)
		n = send_locked(t, m);
	else if (n != 0)
		return n;
	return n > 0 ? (ssize_t)sent + n : sent > 0 ? (ssize_t)sent : n;
}

ssize_t tcp_sock_send(struct socket *s, struct sock_msg *m)
{
	struct tcp_sock *t = tcp_of(s);
	ssize_t n;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	if (unlikely(m->flags & MSG_FASTOPEN || t->c.syn_held))
		n = open_and_send(t, m);
	else
		n = send_locked(t, m);
	if (n > 0 && (m->flags & MSG_ZEROCOPY))
		inet_zerocopy_sent(&t->in);
	channel_unlock(&t->in.ch);
	return n;
}

/* ---- receiving ---- */

/* Urgent data stops a read: *max is cut to what lies before the mark. A byte at the mark is passed over unless it is
 * to be read in line. */
static void respect_mark(struct tcp_sock *t, uint32_t have, uint32_t *max)
{
	struct tcp_conn *c = &t->c;

	if (!c->urg_pending)
		return;
	uint32_t before = c->urg_seq - c->rcvq.read_seq;
	if (before == 0 && have == 0 && c->rcvq.bytes > 0) {
		c->urg_pending = c->urg_have_byte = false;
		if (!c->oob_inline)
			tcp_rcvq_take(&c->rcvq, 1);
		return;
	}
	if (before >= have && before < c->rcvq.bytes)
		*max = MIN(*max, before - have);
}

static ssize_t recv_urgent(struct tcp_sock *t, struct sock_msg *m)
{
	struct tcp_conn *c = &t->c;
	uint8_t byte = c->urg_byte;

	if (c->oob_inline || !c->urg_pending || (c->urg_found && !c->urg_have_byte))
		return -EINVAL;
	if (!c->urg_have_byte)
		return -EAGAIN;
	m->out_flags |= MSG_OOB;
	ssize_t n = m->uio->resid > 0 ? uio_move(&byte, 1, m->uio) : 0;
	if (n > 0 && !(m->flags & MSG_PEEK))
		c->urg_have_byte = false;
	return n;
}

/* What of [have, ...) can be given now. MSG_TRUNC throws the bytes away. */
static ssize_t take_some(struct tcp_sock *t, struct sock_msg *m, uint32_t have)
{
	struct tcp_rcvq *q = &t->c.rcvq;
	uint32_t max = (uint32_t)MIN(m->uio->resid, (size_t)INT_MAX);
	ssize_t n;

	respect_mark(t, have, &max);
	if (m->flags & MSG_TRUNC) {
		n = (ssize_t)MIN(max, q->bytes - MIN(have, q->bytes));
		m->uio->resid -= (size_t)n;
	} else {
		n = tcp_rcvq_peek(q, have, max, m->uio);
	}
	if (n > 0 && !(m->flags & MSG_PEEK)) {
		tcp_rcvq_take(q, (uint32_t)n);
		tcp_conn_consumed(&t->c, (uint32_t)n, clock_monotonic_ns());
	}
	return n;
}

/* Nothing is there: 1 at the end of the stream, 0 when waiting makes sense, or why not. */
static int nothing_there(struct tcp_sock *t, unsigned flags)
{
	int err;

	if (t->c.fin_received)
		return 1; /* all of it came; an error since then is for the writer to hear of, as on Linux */
	err = tcp_sock_error(t);
	if (err != 0)
		return -err;
	if (tcp_sock_rcv_ended(t))
		return 1;
	if (t->c.state == TCPS_CLOSED || t->c.state == TCPS_LISTEN)
		return -ENOTCONN;
	return flags & MSG_DONTWAIT ? -EAGAIN : 0;
}

static ssize_t recv_locked(struct tcp_sock *t, struct sock_msg *m)
{
	uint64_t deadline = socket_deadline(t->in.sock.rcv_timeout_ns);
	size_t want = m->uio->resid, least, total = 0;
	bool peek = (m->flags & MSG_PEEK) != 0;
	int err;

	if (t->c.state == TCPS_LISTEN)
		return -ENOTCONN;
	least = m->flags & MSG_WAITALL ? want : MIN((size_t)t->rcvlowat, want);
	if (want == 0 && t->c.rcvq.bytes > 0)
		return 0;
	least = MAX(least, (size_t)1); /* reading nothing waits for something, as on Linux */
	for (;;) {
		uint32_t have = peek ? (uint32_t)total : 0;
		bool at_mark = t->c.urg_pending && total > 0;
		ssize_t n = t->c.rcvq.bytes > have ? take_some(t, m, have) : 0;
		if (n < 0) {
			err = (int)n;
			break;
		}
		total += (size_t)n;
		if (total >= least)
			return (ssize_t)total;
		if (n > 0 && !at_mark)
			continue;
		if (total > 0 && (at_mark || t->c.error != 0 || tcp_sock_rcv_ended(t) || m->flags & MSG_DONTWAIT))
			return (ssize_t)total;
		err = nothing_there(t, m->flags);
		if (err != 0)
			break;
		tcp_sock_settle(t); /* what was taken has made room */
		have = peek ? (uint32_t)total : 0;
		err = channel_wait(&t->in.ch, t->c.rcvq.bytes > have || t->c.error != 0 || tcp_sock_rcv_ended(t),
				   deadline, true);
		if (err != 0) {
			err = wait_result(err);
			break;
		}
	}
	return total > 0 ? (ssize_t)total : err > 0 ? 0 : err;
}

ssize_t tcp_sock_recv(struct socket *s, struct sock_msg *m)
{
	struct tcp_sock *t = tcp_of(s);
	ssize_t n;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	if (m->flags & MSG_ERRQUEUE) {
		n = inet_zerocopy_recv(&t->in, m);
	} else if (m->flags & MSG_OOB) {
		n = recv_urgent(t, m);
	} else {
		n = recv_locked(t, m);
		if (t->listener == NULL && t->c.ack_now)
			tcp_sock_settle(t);
		else
			tcp_sock_count_memory(t);
	}
	channel_unlock(&t->in.ch);
	return n;
}
