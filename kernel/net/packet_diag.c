/* SPDX-License-Identifier: MIT */
/* packet_diag.c - packet sockets for lists: sock_diag's answers (packet_diag.h of Linux), without rings and filters. */
#include <errno.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>

#include "kernel/net/packet_priv.h"
#include "kernel/net/sock_diag.h"
#include "lib/string.h"

struct query {
	struct nl_reply *reply;
	struct packet_diag_req req;
};

static void put(const struct packet_sock *s, void *arg)
{
	struct query *q = arg;
	struct packet_diag_msg *m = nl_begin(q->reply, SOCK_DIAG_BY_FAMILY, sizeof(*m));

	if (m == NULL)
		return;
	m->pdiag_family = AF_PACKET;
	m->pdiag_type = (uint8_t)s->sock.type;
	m->pdiag_num = ntohs(s->protocol);
	m->pdiag_ino = m->pdiag_cookie[0] = (uint32_t)s->sock.ino;
	m->pdiag_cookie[1] = (uint32_t)(s->sock.ino >> 32);
	if (q->req.pdiag_show & PACKET_SHOW_INFO) {
		struct packet_diag_info info = {
			.pdi_index = (uint32_t)s->ifindex,
			.pdi_version = (uint32_t)s->version,
			.pdi_reserve = s->reserve,
			.pdi_flags = (s->protocol != 0 ? PDI_RUNNING : 0u) | (s->auxdata ? PDI_AUXDATA : 0u),
		};
		nl_put(q->reply, PACKET_DIAG_INFO, &info, sizeof(info));
		nl_put_u32(q->reply, PACKET_DIAG_UID, s->sock.uid);
	}
	if (q->req.pdiag_show & PACKET_SHOW_MEMINFO) {
		uint32_t mem[SK_MEMINFO_VARS] = {
			[SK_MEMINFO_RMEM_ALLOC] = (uint32_t)READ_ONCE(s->rx.truesize),
			[SK_MEMINFO_RCVBUF] = (uint32_t)s->sock.option[SO_RCVBUF],
			[SK_MEMINFO_SNDBUF] = (uint32_t)s->sock.option[SO_SNDBUF],
			[SK_MEMINFO_DROPS] = s->drops,
		};
		nl_put(q->reply, PACKET_DIAG_MEMINFO, mem, sizeof(mem));
	}
	nl_end(q->reply);
}

int packet_diag_request(struct nl_reply *r, const uint8_t *body, unsigned bytes)
{
	struct query q = {.reply = r};

	if (bytes < sizeof(q.req) || !r->multi)
		return -EINVAL;
	memcpy(&q.req, body, sizeof(q.req));
	if (q.req.sdiag_protocol != 0)
		return -EINVAL;
	packet_for_each(put, &q);
	return 0;
}
