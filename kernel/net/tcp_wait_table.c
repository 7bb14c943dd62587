/* SPDX-License-Identifier: MIT */
/*
 * tcp_wait_table.c - connections in TIME-WAIT that no file refers to. They hold their four-tuple for a minute; there
 * are at most WAITING_MAX, beyond that the oldest goes early. Lock: waiting.lock, below the channels'.
 */
#include "kernel/sched/spinlock.h"
#include "kernel/net/tcp_priv.h"
#include "kernel/net/tcp_sock.h"

#define WAITING_MAX 4096u

static struct {
	struct spinlock lock;
	struct list oldest_first; /* struct tcp_sock by accept_link, each with a reference */
	unsigned nr;
} waiting;

static struct tcp_sock *take_oldest(void)
{
	struct tcp_sock *t = NULL;

	spin_lock(&waiting.lock);
	if (waiting.nr > WAITING_MAX) {
		t = list_first(&waiting.oldest_first, struct tcp_sock, accept_link);
		list_remove(&t->accept_link);
		waiting.nr--;
	}
	spin_unlock(&waiting.lock);
	return t;
}

void tcp_wait_add(struct tcp_sock *t)
{
	struct tcp_sock *old;

	spin_lock(&waiting.lock);
	if (waiting.oldest_first.next == NULL)
		list_init(&waiting.oldest_first);
	if (list_empty(&t->accept_link)) {
		channel_get(&t->in.ch);
		list_push_back(&waiting.oldest_first, &t->accept_link);
		waiting.nr++;
	}
	spin_unlock(&waiting.lock);
	old = take_oldest();
	if (old == NULL)
		return;
	channel_post(&old->in.ch, TCP_POST_END_WAIT);
	channel_put(&old->in.ch);
}

void tcp_wait_remove(struct tcp_sock *t)
{
	bool was = false;

	if (!t->file_gone)
		return; /* its link may be in a listener's queue */
	spin_lock(&waiting.lock);
	if (!list_empty(&t->accept_link)) {
		list_remove(&t->accept_link);
		waiting.nr--;
		was = true;
	}
	spin_unlock(&waiting.lock);
	if (was)
		channel_put(&t->in.ch);
}

/* May this SYN begin the next incarnation (RFC 6191, RFC 9293 3.6.1)? Only if it is surely younger. */
bool tcp_wait_reopens(const struct tcp_sock *t, const struct tcp_seg *seg, uint64_t now_ns)
{
	const struct tcp_conn *c = &t->c;

	if ((seg->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN)
		return false;
	if (c->ts_ok && seg->has_ts && now_ns - c->ts_recent_ns < 24ull * 86400 * TCP_SEC)
		return seq_after(seg->ts_val, c->ts_recent) ||
		       (seg->ts_val == c->ts_recent && seq_after(seg->seq, c->rcv_nxt));
	return seq_after(seg->seq, c->rcv_nxt);
}
