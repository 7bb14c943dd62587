/* SPDX-License-Identifier: MIT */
/* netlink.c - the socket, and the form of messages. See netlink.h. */
#include "kernel/net/netlink.h"

#include <errno.h>
#include <poll.h>

#include "kernel/fs/cred.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/sock_diag.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"

#define DATAGRAM_BYTES 8192u /* of an answer; what iproute2 and glibc offer room for */
#define MESSAGE_ROOM   1536u /* a new message begins only with so much left */
#define REQUEST_MAX    16384u
#define QUEUE_MAX      (12u << 20) /* memory of answers that nobody reads: a list of 40,000 sockets */

struct nl_sock {
	struct socket sock;   /* first */
	struct list link;     /* all; lock: all_lock */
	struct spinlock lock; /* rx, overrun, pid, groups; after all_lock */
	struct waitq wq;
	struct pbuf_queue rx;
	bool overrun;     /* a notification found no room: the reader is told once, by ENOBUFS */
	uint32_t pid;     /* port id; 0: not bound */
	uint32_t groups;  /* bit n - 1: group n, RTNLGRP_* */
	uint32_t dst_pid; /* connect */
};

/* In cb of a queued datagram: bit of the group it was sent to; 0: an answer. */
#define CB_GROUP 0

static struct list all = LIST_INIT(all);
static struct spinlock all_lock = SPINLOCK_INIT("netlink");
static uint32_t all_groups; /* that somebody has joined, or had: a look that saves making messages for nobody */

static struct nl_sock *nl_of(struct socket *s)
{
	return s->priv;
}

/* ---- messages ---- */

static void flush(struct nl_reply *r)
{
	if (r->datagram == NULL)
		return;
	r->datagram->cb[CB_GROUP] = 0;
	if (r->to->truesize < QUEUE_MAX && r->datagram->len > 0)
		pbuf_queue_push(r->to, r->datagram);
	else
		pbuf_put(r->datagram);
	r->datagram = NULL;
}

void *nl_begin(struct nl_reply *r, uint16_t type, unsigned bytes)
{
	unsigned total = (unsigned)sizeof(struct nlmsghdr) + NLMSG_ALIGN(bytes);

	if (r->datagram != NULL && pbuf_tailroom(r->datagram) < MAX(MESSAGE_ROOM, total))
		flush(r);
	if (r->datagram == NULL) {
		r->datagram = pbuf_alloc(0, DATAGRAM_BYTES);
		if (r->datagram == NULL) {
			r->failed = true;
			return NULL;
		}
		pbuf_trim(r->datagram, 0);
	}
	r->msg = r->datagram->len;
	uint8_t *at = pbuf_append(r->datagram, total);
	memset(at, 0, total);
	struct nlmsghdr h = {.nlmsg_type = type,
			     .nlmsg_flags = r->multi ? NLM_F_MULTI : 0,
			     .nlmsg_seq = r->seq,
			     .nlmsg_pid = r->pid};
	memcpy(at, &h, sizeof(h));
	return at + sizeof(h);
}

void nl_put(struct nl_reply *r, uint16_t type, const void *data, unsigned bytes)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof(a) + bytes), .nla_type = type};
	unsigned total = NLA_ALIGN(a.nla_len);
	uint8_t *at;

	if (r->datagram == NULL || pbuf_tailroom(r->datagram) < total) {
		r->failed = true;
		return;
	}
	at = pbuf_append(r->datagram, total);
	memset(at, 0, total);
	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), data, bytes);
}

void nl_put_u32(struct nl_reply *r, uint16_t type, uint32_t v)
{
	nl_put(r, type, &v, sizeof(v));
}

void nl_put_u8(struct nl_reply *r, uint16_t type, uint8_t v)
{
	nl_put(r, type, &v, sizeof(v));
}

void nl_put_string(struct nl_reply *r, uint16_t type, const char *s)
{
	nl_put(r, type, s, (unsigned)strlen(s) + 1);
}

void nl_end(struct nl_reply *r)
{
	uint32_t len;

	if (r->datagram == NULL)
		return;
	len = r->datagram->len - r->msg;
	memcpy(r->datagram->data + r->msg, &len, sizeof(len)); /* nlmsg_len is the first field */
}

const void *nl_find(const uint8_t *attrs, unsigned bytes, uint16_t type, unsigned min, unsigned *len)
{
	unsigned at = 0;

	while (at + sizeof(struct nlattr) <= bytes) {
		struct nlattr a;
		memcpy(&a, attrs + at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > bytes - at)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type && a.nla_len - sizeof(a) >= min) {
			if (len != NULL)
				*len = a.nla_len - (unsigned)sizeof(a);
			return attrs + at + sizeof(a);
		}
		at += MIN((unsigned)NLA_ALIGN(a.nla_len), bytes - at);
	}
	return NULL;
}

static void put_error(struct nl_reply *r, const struct nlmsghdr *h, int err)
{
	struct nlmsgerr *e;

	r->multi = false;
	e = nl_begin(r, NLMSG_ERROR, sizeof(*e));
	if (e == NULL)
		return;
	e->error = err;
	e->msg = *h;
	nl_end(r);
}

/* One message of a request. */
static void answer(struct nl_sock *n, struct pbuf_queue *to, const struct nlmsghdr *h, const uint8_t *body,
		   unsigned bytes)
{
	struct nl_reply r = {.to = to, .seq = h->nlmsg_seq, .pid = n->pid};
	int err;

	if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	r.multi = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	err = n->sock.protocol == NETLINK_SOCK_DIAG ? sock_diag_request(&r, h, body, bytes)
						    : rtnetlink_request(&r, h, body, bytes);
	/* A dump ends with DONE even for one who asked for an acknowledgement, as dnsmasq does. */
	if (err != 0 || ((h->nlmsg_flags & NLM_F_ACK) && !r.multi)) {
		put_error(&r, h, err);
	} else if (r.multi) {
		int *done = nl_begin(&r, NLMSG_DONE, sizeof(*done));
		if (done != NULL)
			nl_end(&r);
	}
	flush(&r);
}

static void answer_all(struct nl_sock *n, struct pbuf_queue *to, const uint8_t *req, size_t bytes)
{
	while (bytes >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		memcpy(&h, req, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > bytes)
			return;
		answer(n, to, &h, req + sizeof(h), h.nlmsg_len - (unsigned)sizeof(h));
		size_t step = MIN((size_t)NLMSG_ALIGN(h.nlmsg_len), bytes);
		req += step;
		bytes -= step;
	}
}

/* ---- notifications ---- */

/* What is queued comes behind what is there; beyond the limit it is dropped and the reader hears of that. */
static void deliver(struct nl_sock *n, struct pbuf *p)
{
	spin_lock(&n->lock);
	if (p != NULL && n->rx.truesize < QUEUE_MAX) {
		pbuf_queue_push(&n->rx, p);
		p = NULL;
	} else {
		n->overrun = true;
	}
	spin_unlock(&n->lock);
	pbuf_put(p);
	waitq_wake(&n->wq, POLLIN | POLLRDNORM);
}

bool netlink_has_listeners(unsigned group)
{
	return READ_ONCE(all_groups) >> (group - 1) & 1;
}

void netlink_notify(unsigned group, struct nl_reply *r)
{
	struct pbuf *p = r->datagram;
	uint32_t bit = 1u << (group - 1);

	if (p == NULL)
		return;
	spin_lock(&all_lock);
	list_for_each (n, &all, link, struct nl_sock) {
		struct pbuf *copy;
		if (n->sock.protocol != NETLINK_ROUTE || !(READ_ONCE(n->groups) & bit))
			continue;
		copy = pbuf_clone(p, 0);
		if (copy != NULL)
			copy->cb[CB_GROUP] = bit;
		deliver(n, copy);
	}
	spin_unlock(&all_lock);
	pbuf_put(p);
	r->datagram = NULL;
}

void netlink_push(struct socket *s, const void *data, unsigned bytes)
{
	struct pbuf *p = pbuf_alloc(0, bytes);

	if (p != NULL) {
		memcpy(p->data, data, bytes);
		p->cb[CB_GROUP] = 0;
	}
	deliver(nl_of(s), p);
}

static void join(struct nl_sock *n, uint32_t groups)
{
	spin_lock(&all_lock);
	n->groups = groups;
	all_groups |= groups;
	spin_unlock(&all_lock);
}

/* ---- the socket ---- */

/* The process's id for its first socket, others get numbers of their own, as on Linux. */
static void choose_pid(struct nl_sock *n)
{
	static uint32_t next;
	static bool first_taken;

	if (n->pid != 0)
		return;
	if (!first_taken) {
		first_taken = true;
		n->pid = (uint32_t)process_current()->pid;
	} else {
		n->pid = 0xffffffffu - __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % 0x7fffffff;
	}
}

static int addr_in(const struct sock_addr *a, struct sockaddr_nl *nl)
{
	if (a->len < sizeof(*nl))
		return -EINVAL;
	memcpy(nl, a->bytes, sizeof(*nl));
	return nl->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

static int nl_bind(struct socket *s, const struct sock_addr *a)
{
	struct nl_sock *n = nl_of(s);
	struct sockaddr_nl nl;
	int err = addr_in(a, &nl);

	if (err != 0)
		return err;
	if (n->pid != 0 && nl.nl_pid != 0 && nl.nl_pid != n->pid)
		return -EINVAL;
	if (nl.nl_pid != 0)
		n->pid = nl.nl_pid;
	choose_pid(n);
	join(n, nl.nl_groups);
	return 0;
}

static int nl_connect(struct socket *s, const struct sock_addr *a, bool nonblock)
{
	struct sockaddr_nl nl;
	int err = addr_in(a, &nl);

	(void)nonblock;
	if (err != 0)
		return err;
	choose_pid(nl_of(s));
	nl_of(s)->dst_pid = nl.nl_pid;
	return 0;
}

static int nl_name(struct socket *s, bool peer, struct sock_addr *out)
{
	struct nl_sock *n = nl_of(s);
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK, .nl_pid = peer ? n->dst_pid : n->pid, .nl_groups = peer ? 0 : n->groups};

	out->len = sizeof(nl);
	memcpy(out->bytes, &nl, sizeof(nl));
	return 0;
}

static ssize_t nl_send(struct socket *s, struct sock_msg *m)
{
	struct nl_sock *n = nl_of(s);
	size_t bytes = m->uio->resid;
	struct sockaddr_nl nl = {.nl_pid = n->dst_pid};
	struct pbuf_queue answers;
	struct pbuf *p;
	uint8_t *req;
	int err = m->addr.len > 0 ? addr_in(&m->addr, &nl) : 0;

	if (err != 0)
		return err;
	if (nl.nl_pid != 0)
		return -ECONNREFUSED; /* only the kernel is there to talk to */
	if (bytes > REQUEST_MAX)
		return -EMSGSIZE;
	req = kmalloc(MAX(bytes, (size_t)1));
	if (req == NULL)
		return -ENOBUFS;
	if (uio_move(req, bytes, m->uio) != (ssize_t)bytes) {
		kfree(req);
		return -EFAULT;
	}
	choose_pid(n);
	pbuf_queue_init(&answers);
	answer_all(n, &answers, req, bytes);
	kfree(req);
	while ((p = pbuf_queue_pop(&answers)) != NULL)
		deliver(n, p);
	return (ssize_t)bytes;
}

static ssize_t nl_recv(struct socket *s, struct sock_msg *m)
{
	struct nl_sock *n = nl_of(s);
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct pbuf *p;
	ssize_t moved;
	bool overrun;
	int err;

	for (;;) {
		spin_lock(&n->lock);
		p = m->flags & MSG_PEEK && n->rx.nr > 0 ? pbuf_get(n->rx.first) : pbuf_queue_pop(&n->rx);
		overrun = p == NULL && n->overrun;
		if (overrun)
			n->overrun = false;
		spin_unlock(&n->lock);
		if (p != NULL)
			break;
		if (overrun)
			return -ENOBUFS;
		if (m->flags & MSG_DONTWAIT)
			return -EAGAIN;
		err = wait_event_deadline(&n->wq, n->rx.nr > 0 || n->overrun, socket_deadline(s->rcv_timeout_ns), true);
		if (err != 0)
			return err == -ETIMEDOUT ? -EAGAIN : err;
	}
	uint32_t fits = (uint32_t)MIN((size_t)p->len, m->uio->resid);
	moved = fits > 0 ? pbuf_copy_to_uio(p, 0, fits, m->uio) : 0;
	if (moved >= 0) {
		nl.nl_groups = (uint32_t)p->cb[CB_GROUP];
		m->addr.len = sizeof(nl);
		memcpy(m->addr.bytes, &nl, sizeof(nl));
		if (fits < p->len)
			m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC)
			moved = (ssize_t)p->len;
	}
	pbuf_put(p);
	return moved;
}

static uint32_t nl_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct nl_sock *n = nl_of(s);

	poll_wait(f, &n->wq, pt);
	return POLLOUT | POLLWRNORM | (n->rx.nr > 0 || n->overrun ? POLLIN | POLLRDNORM : 0);
}

static size_t nl_readable(struct socket *s)
{
	struct nl_sock *n = nl_of(s);

	return n->rx.first != NULL ? n->rx.first->len : 0;
}

/* Groups beyond the first 32 are accepted and silent: nothing of ours is told there. */
static int change_membership(struct nl_sock *n, bool joins, const void *value)
{
	uint32_t group;

	memcpy(&group, value, sizeof(group));
	if (group == 0)
		return -EINVAL;
	if (group <= 32)
		join(n, joins ? n->groups | 1u << (group - 1) : n->groups & ~(1u << (group - 1)));
	return 0;
}

/* NETLINK_EXT_ACK, strict checks: accepted, without effect on what is answered. */
static int nl_set_option(struct socket *s, int level, int name, const void *value, unsigned len)
{
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if ((name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP) && len >= sizeof(uint32_t))
		return change_membership(nl_of(s), name == NETLINK_ADD_MEMBERSHIP, value);
	return name >= NETLINK_ADD_MEMBERSHIP && name <= NETLINK_GET_STRICT_CHK && len >= sizeof(int) ? 0
												      : -ENOPROTOOPT;
}

static int nl_shutdown(struct socket *s, int how)
{
	(void)s;
	(void)how;
	return -EOPNOTSUPP;
}

static void nl_release(struct socket *s)
{
	struct nl_sock *n = nl_of(s);

	spin_lock(&all_lock);
	list_remove(&n->link);
	spin_unlock(&all_lock);
	pbuf_queue_drop(&n->rx);
	kfree(n);
}

static const struct socket_ops ops = {
	.bind = nl_bind,
	.connect = nl_connect,
	.name = nl_name,
	.shutdown = nl_shutdown,
	.send = nl_send,
	.recv = nl_recv,
	.poll = nl_poll,
	.readable = nl_readable,
	.set_option = nl_set_option,
	.release = nl_release,
};

int netlink_create(int type, int protocol, struct socket **out)
{
	struct nl_sock *n;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG)
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	socket_init(&n->sock, &ops, AF_NETLINK, type, protocol);
	n->sock.priv = n;
	waitq_init(&n->wq);
	pbuf_queue_init(&n->rx);
	spin_lock(&all_lock);
	list_push_back(&all, &n->link);
	spin_unlock(&all_lock);
	*out = &n->sock;
	return 0;
}
