/* SPDX-License-Identifier: MIT */
/* unix_diag.c - sockets of AF_UNIX for lists: sock_diag's answers (unix_diag.h of Linux), /proc/net/unix. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>

#include "kernel/net/sock_diag.h"
#include "kernel/net/unix_priv.h"
#include "lib/string.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* States are TCP's by number, as everywhere in sock_diag. */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE = 7, STATE_LISTEN = 10 };

struct query {
	struct nl_reply *reply;
	struct unix_diag_req req;
	bool all; /* else: only the one with req.udiag_ino */
	bool found;
};

static unsigned state_of(const struct unix_sock *u, bool has_peer)
{
	return u->listening ? STATE_LISTEN : has_peer ? STATE_ESTABLISHED : STATE_CLOSE;
}

void unix_look(struct unix_sock *u, struct unix_view *v)
{
	*v = (struct unix_view){.ino = u->sock.ino, .type = u->sock.type, .refs = READ_ONCE(u->refs)};
	spin_lock(&u->lock);
	if (u->peer != NULL) { /* its reference keeps it while we hold the lock */
		v->peer_ino = u->peer->sock.ino;
		v->to_be_read = READ_ONCE(u->peer->queued);
	}
	v->state = state_of(u, u->peer != NULL);
	v->queued = u->queued;
	spin_unlock(&u->lock);
	if (u->listening) {
		v->queued = u->nr_pending;
		v->to_be_read = u->backlog;
	}
	v->shut = (u->shut_rd ? 1u : 0) | (u->shut_wr ? 2u : 0);
	if (u->addr.len > PATH_OFFSET) {
		v->name = (const char *)u->addr.bytes + PATH_OFFSET;
		v->name_bytes = u->addr.len - (unsigned)PATH_OFFSET;
	}
}

static void put(struct unix_sock *u, void *arg)
{
	struct query *q = arg;
	struct unix_diag_msg *m;
	struct unix_view v;

	unix_look(u, &v);
	if (q->all ? !(q->req.udiag_states >> v.state & 1) : v.ino != q->req.udiag_ino || q->found)
		return;
	m = nl_begin(q->reply, SOCK_DIAG_BY_FAMILY, sizeof(*m));
	q->found = true;
	if (m == NULL)
		return;
	m->udiag_family = AF_UNIX;
	m->udiag_type = (uint8_t)v.type;
	m->udiag_state = (uint8_t)v.state;
	m->udiag_ino = m->udiag_cookie[0] = (uint32_t)v.ino;
	m->udiag_cookie[1] = (uint32_t)(v.ino >> 32);
	if (q->req.udiag_show & UDIAG_SHOW_NAME && v.name_bytes > 0)
		nl_put(q->reply, UNIX_DIAG_NAME, v.name, v.name_bytes);
	if (q->req.udiag_show & UDIAG_SHOW_PEER && v.peer_ino != 0)
		nl_put_u32(q->reply, UNIX_DIAG_PEER, (uint32_t)v.peer_ino);
	if (q->req.udiag_show & UDIAG_SHOW_RQLEN) {
		struct unix_diag_rqlen len = {(uint32_t)v.queued, (uint32_t)v.to_be_read};
		nl_put(q->reply, UNIX_DIAG_RQLEN, &len, sizeof(len));
	}
	if (q->req.udiag_show & UDIAG_SHOW_MEMINFO) {
		uint32_t mem[SK_MEMINFO_VARS] = {
			[SK_MEMINFO_RMEM_ALLOC] = u->listening ? 0 : (uint32_t)v.queued,
			[SK_MEMINFO_RCVBUF] = (uint32_t)u->sock.option[SO_RCVBUF],
			[SK_MEMINFO_SNDBUF] = (uint32_t)u->sock.option[SO_SNDBUF],
		};
		nl_put(q->reply, UNIX_DIAG_MEMINFO, mem, sizeof(mem));
	}
	nl_put_u8(q->reply, UNIX_DIAG_SHUTDOWN, (uint8_t)v.shut);
	if (q->req.udiag_show & UDIAG_SHOW_UID)
		nl_put_u32(q->reply, UNIX_DIAG_UID, u->sock.uid);
	nl_end(q->reply);
}

int unix_diag_request(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	struct query q = {.reply = r, .all = r->multi};

	if (bytes < sizeof(q.req))
		return -EINVAL;
	memcpy(&q.req, body, sizeof(q.req));
	if (q.req.sdiag_protocol != 0 || (!q.all && q.req.udiag_ino == 0))
		return -EINVAL;
	unix_for_each(put, &q);
	return q.all || q.found ? 0 : -ENOENT;
}
