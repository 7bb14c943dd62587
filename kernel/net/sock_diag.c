/* SPDX-License-Identifier: MIT */
/*
 * sock_diag.c - see sock_diag.h. As in /proc/net, sockets are read without their locks, under the lock of their chain
 * in the channel tables: an answer may show a state that has just changed.
 */
#include "kernel/net/sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "kernel/net/tcp_cc.h"
#include "kernel/net/tcp_sock.h"
#include "kernel/net/udp.h"
#include "lib/string.h"

#define TIMER_OFF        0
#define TIMER_RETRANSMIT 1

struct query {
	struct nl_reply *reply;
	const struct inet_diag_req_v2 *req;
	bool all; /* else: only the one that req->id names */
	bool found;
};

static bool wants_extension(const struct query *q, unsigned attribute)
{
	return q->req->idiag_ext >> (attribute - 1) & 1;
}

static void put_id(struct inet_diag_sockid *id, const struct inet_sock *in)
{
	bool v4 = in->sock.family == AF_INET;

	id->idiag_sport = in->lport;
	id->idiag_dport = in->rport;
	memcpy(id->idiag_src, v4 ? in->local.b + 12 : in->local.b, v4 ? 4 : 16);
	memcpy(id->idiag_dst, v4 ? in->remote.b + 12 : in->remote.b, v4 ? 4 : 16);
	id->idiag_if = (uint32_t)in->bound_if;
	id->idiag_cookie[0] = (uint32_t)in->sock.ino;
	id->idiag_cookie[1] = (uint32_t)(in->sock.ino >> 32);
}

static bool is_wanted(const struct query *q, const struct inet_sock *in, unsigned state)
{
	const struct inet_diag_sockid *want = &q->req->id;
	struct inet_diag_sockid id = {0};

	if (in->sock.family != q->req->sdiag_family)
		return false;
	if (q->all)
		return (q->req->idiag_states >> state & 1) &&
		       (want->idiag_sport == 0 || want->idiag_sport == in->lport) &&
		       (want->idiag_dport == 0 || want->idiag_dport == in->rport);
	if (q->found)
		return false;
	put_id(&id, in);
	return id.idiag_sport == want->idiag_sport && id.idiag_dport == want->idiag_dport &&
	       memcmp(id.idiag_src, want->idiag_src, sizeof(id.idiag_src)) == 0 &&
	       memcmp(id.idiag_dst, want->idiag_dst, sizeof(id.idiag_dst)) == 0;
}

static struct inet_diag_msg *begin(struct query *q, const struct inet_sock *in, unsigned state)
{
	struct inet_diag_msg *m = nl_begin(q->reply, SOCK_DIAG_BY_FAMILY, sizeof(*m));

	q->found = true;
	if (m == NULL)
		return NULL;
	m->idiag_family = (uint8_t)in->sock.family;
	m->idiag_state = (uint8_t)state;
	m->idiag_uid = in->sock.uid;
	m->idiag_inode = (uint32_t)in->sock.ino;
	put_id(&m->id, in);
	return m;
}

/* What all sockets of the family have. rx, tx: bytes of memory in the queues. */
static void put_common(struct query *q, const struct inet_sock *in, size_t rx, size_t tx)
{
	uint32_t mem[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = (uint32_t)rx, [SK_MEMINFO_RCVBUF] = (uint32_t)in->sock.option[SO_RCVBUF],
		[SK_MEMINFO_WMEM_ALLOC] = (uint32_t)tx, [SK_MEMINFO_SNDBUF] = (uint32_t)in->sock.option[SO_SNDBUF],
		[SK_MEMINFO_DROPS] = in->ch.drops,
	};
	struct inet_diag_meminfo old = {.idiag_rmem = (uint32_t)rx, .idiag_wmem = (uint32_t)tx};

	if (wants_extension(q, INET_DIAG_SKMEMINFO))
		nl_put(q->reply, INET_DIAG_SKMEMINFO, mem, sizeof(mem));
	if (wants_extension(q, INET_DIAG_MEMINFO))
		nl_put(q->reply, INET_DIAG_MEMINFO, &old, sizeof(old));
	if (wants_extension(q, INET_DIAG_TOS))
		nl_put_u8(q->reply, INET_DIAG_TOS, in->tos);
	if (wants_extension(q, INET_DIAG_TCLASS) && in->sock.family == AF_INET6)
		nl_put_u8(q->reply, INET_DIAG_TCLASS, in->tos);
	if (in->sock.family == AF_INET6 && in->sock.type != SOCK_RAW)
		nl_put_u8(q->reply, INET_DIAG_SKV6ONLY, in->v6only);
}

static void put_tcp(struct channel *ch, void *arg)
{
	struct query *q = arg;
	struct inet_sock *in = container_of(ch, struct inet_sock, ch);
	struct tcp_sock *t = container_of(in, struct tcp_sock, in);
	struct inet_diag_msg *m;
	struct tcp_info info;

	if (!inet_channel_has_socket(ch))
		return;
	tcp_sock_info(t, &info);
	if (!is_wanted(q, in, info.tcpi_state))
		return;
	m = begin(q, in, info.tcpi_state);
	if (m == NULL)
		return;
	bool listening = info.tcpi_state == TCPS_LISTEN;
	m->idiag_rqueue = listening ? t->nr_accept : t->c.rcvq.bytes;
	m->idiag_wqueue = listening ? t->backlog : t->c.sndq.bytes;
	m->idiag_timer = !listening && t->c.nr_inflight > 0 ? TIMER_RETRANSMIT : TIMER_OFF;
	m->idiag_retrans = info.tcpi_retransmits;
	put_common(q, in, listening ? 0 : t->c.rcvq.truesize, listening ? 0 : t->c.sndq.bytes);
	if (wants_extension(q, INET_DIAG_INFO))
		nl_put(q->reply, INET_DIAG_INFO, &info, sizeof(info));
	if (wants_extension(q, INET_DIAG_CONG) && t->c.cc != NULL)
		nl_put_string(q->reply, INET_DIAG_CONG, t->c.cc->name);
	nl_put_u8(q->reply, INET_DIAG_SHUTDOWN, (uint8_t)((t->shut_rd ? 1 : 0) | (t->c.fin_wanted ? 2 : 0)));
	nl_end(q->reply);
}

static void put_udp(struct channel *ch, void *arg)
{
	struct query *q = arg;
	struct inet_sock *in = container_of(ch, struct inet_sock, ch);
	const struct udp_sock *u = container_of(in, struct udp_sock, in);
	unsigned state = in->rport != 0 ? TCPS_ESTABLISHED : TCPS_CLOSED;
	struct inet_diag_msg *m;

	if (!inet_channel_has_socket(ch) || !is_wanted(q, in, state))
		return;
	m = begin(q, in, state);
	if (m == NULL)
		return;
	m->idiag_rqueue = (uint32_t)u->rx.truesize;
	put_common(q, in, u->rx.truesize, 0);
	nl_put_u8(q->reply, INET_DIAG_SHUTDOWN, (uint8_t)((u->shut_rd ? 1 : 0) | (u->shut_wr ? 2 : 0)));
	nl_end(q->reply);
}

static void put_raw(const struct raw_view *v, void *arg)
{
	struct query *q = arg;
	unsigned state = ipaddr_is_any(&v->in->remote) ? TCPS_CLOSED : TCPS_ESTABLISHED;
	struct inet_diag_msg *m;

	if (v->ping || !is_wanted(q, v->in, state))
		return;
	m = begin(q, v->in, state);
	if (m == NULL)
		return;
	m->id.idiag_sport = htons((uint16_t)v->in->sock.protocol);
	m->id.idiag_dport = 0;
	m->idiag_rqueue = (uint32_t)v->rx_bytes;
	put_common(q, v->in, v->rx_bytes, 0);
	nl_put_u8(q->reply, INET_DIAG_SHUTDOWN, 0);
	nl_end(q->reply);
}

int sock_diag_request(struct nl_reply *r, const struct nlmsghdr *h, const uint8_t *body, unsigned bytes)
{
	struct inet_diag_req_v2 req;
	struct query q = {.reply = r, .req = &req, .all = r->multi};

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -EOPNOTSUPP;
	if (bytes < sizeof(struct sock_diag_req))
		return -EINVAL;
	if (body[0] == AF_UNIX)
		return unix_diag_request(r, body, bytes);
	if (body[0] == AF_PACKET)
		return packet_diag_request(r, body, bytes);
	if (body[0] != AF_INET && body[0] != AF_INET6)
		return -ENOENT;
	if (bytes < sizeof(req))
		return -EINVAL;
	memcpy(&req, body, sizeof(req));
	/* A protocol that has no room in eight bits, as MPTCP: a socket of it is none of ours. */
	if (nl_find(body + sizeof(req), bytes - (unsigned)sizeof(req), INET_DIAG_REQ_PROTOCOL, sizeof(uint32_t),
		    NULL) != NULL)
		return -ENOENT;
	switch (req.sdiag_protocol) {
	case IPPROTO_TCP:
		channel_for_each(IPPROTO_TCP, put_tcp, &q);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		channel_for_each(req.sdiag_protocol, put_udp, &q);
		break;
	case IPPROTO_RAW:
		if (!q.all)
			return -ENOENT;
		raw_for_each(put_raw, &q);
		break;
	default:
		return -ENOENT;
	}
	return q.all || q.found ? 0 : -ENOENT;
}
