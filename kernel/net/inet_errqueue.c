/* SPDX-License-Identifier: MIT */
/* inet_errqueue.c - see inet_errqueue.h. */
#include "kernel/net/inet_errqueue.h"

#include <errno.h>
#include <time.h> /* before errqueue.h, which does not include it */

#include <linux/errqueue.h>
#include <poll.h>

void inet_errqueue_init(struct inet_errqueue *e)
{
	pbuf_queue_init(&e->q);
}

static bool wants_queue(const struct inet_sock *in, const struct ipaddr *dst)
{
	return ipaddr_is_v4(dst) ? in->recv_err : in->recv_err6;
}

bool inet_errqueue_add(struct inet_sock *in, struct inet_errqueue *e, struct pbuf *p)
{
	bool queue = wants_queue(in, &p->dst), told = queue || (p->error.hard && in->rport != 0);

	if (p->error.err == EMSGSIZE && in->mtu_discover == IP_PMTUDISC_DONT)
		told = queue = false;
	if (told)
		in->error = p->error.err;
	if (queue && e->q.nr < INET_ERRQUEUE_MAX)
		pbuf_queue_push(&e->q, p);
	else
		pbuf_put(p);
	return told;
}

void inet_errqueue_local(struct inet_sock *in, struct inet_errqueue *e, int err, uint32_t info,
			 const struct ipaddr *dst, uint16_t dport)
{
	struct pbuf *p;

	if (!wants_queue(in, dst))
		return;
	p = pbuf_alloc(0, 0);
	if (p == NULL)
		return;
	p->is_error = true;
	p->dst = *dst;
	p->dport = dport;
	p->error = (struct net_error){.err = err, .origin = SO_EE_ORIGIN_LOCAL, .info = info};
	(void)inet_errqueue_add(in, e, p);
}

/* offender: len 0 if there is none. */
static void put_record(struct inet_sock *in, struct sock_msg *m, const struct sock_extended_err *ee,
		       const struct sock_addr *offender)
{
	bool v4 = in->sock.family == AF_INET;
	struct {
		struct sock_extended_err ee;
		struct sockaddr_storage offender;
	} rec = {.ee = *ee};

	memcpy(&rec.offender, offender->bytes, MIN((size_t)offender->len, sizeof(rec.offender)));
	sock_control_put(m, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &rec,
			 (unsigned)(sizeof(rec.ee) + (v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6))));
	m->out_flags |= MSG_ERRQUEUE;
}

static void put_error(struct inet_sock *in, struct sock_msg *m, const struct pbuf *p)
{
	struct sock_extended_err ee = {
		.ee_errno = (uint32_t)p->error.err,
		.ee_origin = p->error.origin,
		.ee_type = p->error.type,
		.ee_code = p->error.code,
		.ee_info = p->error.info,
	};
	struct sock_addr offender = {.len = 0};

	if (p->error.origin != SO_EE_ORIGIN_LOCAL)
		inet_addr_out(in, &p->error.offender, 0, 0, &offender);
	put_record(in, m, &ee, &offender);
}

void inet_zerocopy_sent(struct inet_sock *in)
{
	if (!in->sock.option[SO_ZEROCOPY])
		return;
	in->zc_next++;
	waitq_wake(&in->ch.wq, POLLERR);
}

ssize_t inet_zerocopy_recv(struct inet_sock *in, struct sock_msg *m)
{
	struct sock_extended_err ee = {
		.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
		.ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
		.ee_info = in->zc_told,
		.ee_data = in->zc_next - 1,
	};

	if (!inet_zerocopy_pending(in))
		return -EAGAIN;
	put_record(in, m, &ee, &(struct sock_addr){.len = 0});
	in->zc_told = in->zc_next;
	return 0;
}

ssize_t inet_errqueue_recv(struct inet_sock *in, struct inet_errqueue *e, struct sock_msg *m)
{
	struct pbuf *p = pbuf_queue_pop(&e->q);
	ssize_t n;

	if (p == NULL)
		return inet_zerocopy_recv(in, m);
	uint32_t fits = (uint32_t)MIN((size_t)p->len, m->uio->resid);
	n = pbuf_copy_to_uio(p, 0, fits, m->uio);
	if (n >= 0) {
		put_error(in, m, p);
		inet_addr_out(in, &p->dst, p->dport, 0, &m->addr);
		m->out_flags |= fits < p->len ? MSG_TRUNC : 0;
	}
	in->error = e->q.first != NULL ? e->q.first->error.err : 0;
	pbuf_put(p);
	return n;
}
