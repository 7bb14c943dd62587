/* SPDX-License-Identifier: MIT */
/* tcp_state.c - what a socket shows of its state, and shutdown(2). */
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>

#include "kernel/mm/uaccess.h"
#include "kernel/net/inet_errqueue.h"
#include "kernel/net/tcp_sock.h"

#define POLLRDHUP_BIT 0x2000u

/* As Linux's tcp_poll does it: what has ended counts as readable and writable. */
uint32_t tcp_sock_poll_mask(struct tcp_sock *t)
{
	struct tcp_conn *c = &t->c;
	bool rcv_ended = tcp_sock_rcv_ended(t), snd_ended = tcp_sock_snd_ended(t);
	uint32_t mask = 0;

	if (t->listener != NULL)
		return list_empty(&t->accept_queue) ? 0 : POLLIN | POLLRDNORM;
	if ((rcv_ended && snd_ended) || c->state == TCPS_CLOSED)
		mask |= POLLHUP;
	if (rcv_ended)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP_BIT;
	if (c->error != 0 || t->in.error != 0 || inet_zerocopy_pending(&t->in))
		mask |= POLLERR;
	if (c->state == TCPS_SYN_SENT || c->state == TCPS_SYN_RECV)
		return c->syn_held ? mask | POLLOUT | POLLWRNORM : mask;
	if (c->rcvq.bytes >= t->rcvlowat)
		mask |= POLLIN | POLLRDNORM;
	if (c->urg_have_byte)
		mask |= POLLPRI;
	if (snd_ended || (tcp_conn_has_room(c) && tcp_sndq_end(&c->sndq) - c->snd_nxt < t->notsent_lowat))
		mask |= POLLOUT | POLLWRNORM;
	else
		c->snd_full = true; /* an event shall tell when that changes */
	return mask;
}

uint32_t tcp_sock_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct tcp_sock *t = tcp_of(s);
	uint32_t mask;

	poll_wait(f, &t->in.ch.wq, pt);
	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	mask = tcp_sock_poll_mask(t);
	channel_unlock(&t->in.ch);
	return mask;
}

size_t tcp_sock_readable(struct socket *s)
{
	struct tcp_sock *t = tcp_of(s);
	size_t n;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	n = t->c.rcvq.bytes;
	if (t->c.urg_pending && !t->c.oob_inline && n > 0 && t->c.urg_seq - t->c.rcvq.read_seq < n)
		n = t->c.urg_seq - t->c.rcvq.read_seq;
	channel_unlock(&t->in.ch);
	return n;
}

int64_t tcp_sock_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
	struct tcp_sock *t = tcp_of(s);
	uint32_t v = 0;

	if (cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return inet_ioctl(s, cmd, arg);
	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	bool listening = t->listener != NULL;
	if (!listening && t->c.state != TCPS_CLOSED) {
		if (cmd == SIOCOUTQ)
			v = t->c.sndq.bytes;
		else if (cmd == SIOCOUTQNSD)
			v = t->c.fin_sent ? 0 : tcp_sndq_end(&t->c.sndq) - t->c.snd_nxt;
	}
	if (cmd == SIOCATMARK)
		v = t->c.urg_pending && t->c.urg_seq == t->c.rcvq.read_seq;
	channel_unlock(&t->in.ch);
	if (listening && cmd != SIOCATMARK)
		return -EINVAL;
	return put_user_u32((void *)arg, v);
}

/* A peer is there only while the connection is. */
int tcp_sock_name(struct socket *s, bool peer, struct sock_addr *out)
{
	uint8_t state = tcp_of(s)->c.state;

	if (peer && (state == TCPS_CLOSED || state == TCPS_SYN_SENT || state == TCPS_LISTEN))
		return -ENOTCONN;
	return inet_name(s, peer, out);
}

int tcp_sock_shutdown(struct socket *s, int how)
{
	struct tcp_sock *t = tcp_of(s);
	int err = 0;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	if (t->listener != NULL) {
		if (how != SHUT_WR) {
			tcp_sock_stop_listening(t);
			waitq_wake(&t->in.ch.wq, POLLIN | POLLHUP);
		}
	} else if (t->c.state == TCPS_CLOSED || t->c.state == TCPS_SYN_SENT) {
		err = -ENOTCONN;
	} else {
		if (how != SHUT_WR)
			t->shut_rd = true;
		if (how != SHUT_RD)
			tcp_conn_shutdown(&t->c, clock_monotonic_ns());
		tcp_sock_settle(t);
		waitq_wake(&t->in.ch.wq, POLLIN | POLLOUT | POLLHUP | POLLRDHUP_BIT);
	}
	channel_unlock(&t->in.ch);
	return err;
}

int tcp_sock_take_error(struct socket *s)
{
	struct tcp_sock *t = tcp_of(s);
	int err;

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	err = tcp_sock_error(t);
	channel_unlock(&t->in.ch);
	return err;
}

bool tcp_sock_is_listening(struct socket *s)
{
	return tcp_of(s)->listener != NULL;
}
