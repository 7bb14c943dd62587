/* SPDX-License-Identifier: MIT */
/* udp_recv.c - receiving datagrams. The copy to the program is made without the socket's lock. */
#include <errno.h>

#include "kernel/net/inet_control.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/udp.h"

/* The first datagram, taken off the queue unless it is only looked at. NULL: *err, 0 at the end of a shut socket. */
static struct pbuf *take(struct udp_sock *u, const struct sock_msg *m, int *err)
{
	struct channel *ch = &u->in.ch;
	struct pbuf *p;

	*err = 0;
	channel_run(ch);
	if (u->rx.nr == 0 && u->in.error == 0 && !u->shut_rd && !(m->flags & MSG_DONTWAIT))
		*err = channel_wait(ch, u->rx.nr > 0 || u->in.error != 0 || u->shut_rd,
				    socket_deadline(u->in.sock.rcv_timeout_ns), true);
	if (u->in.error != 0) {
		*err = -u->in.error;
		u->in.error = 0;
		return NULL;
	}
	if (u->rx.nr == 0) {
		if (*err == -ETIMEDOUT || (*err == 0 && !u->shut_rd))
			*err = -EAGAIN;
		return NULL;
	}
	*err = 0;
	p = m->flags & MSG_PEEK ? pbuf_get(u->rx.first) : pbuf_queue_pop(&u->rx);
	return p;
}

ssize_t udp_recv(struct socket *s, struct sock_msg *m)
{
	struct udp_sock *u = udp_of(s);
	struct pbuf *p;
	ssize_t n;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	channel_lock(&u->in.ch);
	if (m->flags & MSG_ERRQUEUE) {
		channel_run(&u->in.ch);
		n = inet_errqueue_recv(&u->in, &u->errors, m);
		channel_unlock(&u->in.ch);
		return n;
	}
	p = take(u, m, &err);
	channel_unlock(&u->in.ch);
	if (p == NULL)
		return err;
	uint32_t fits = (uint32_t)MIN((size_t)p->len, m->uio->resid);
	n = fits > 0 ? pbuf_copy_to_uio(p, 0, fits, m->uio) : 0;
	if (n >= 0 && (uint32_t)n < fits)
		n = -EFAULT;
	if (n >= 0) {
		inet_addr_out(&u->in, &p->src, p->sport, p->netif->index, &m->addr);
		inet_control_out(&u->in, m, p);
		if (fits < p->len)
			m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC)
			n = (ssize_t)p->len;
	}
	pbuf_put(p);
	return n;
}
