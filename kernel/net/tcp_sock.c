/* SPDX-License-Identifier: MIT */
/* tcp_sock.c - the life of a TCP socket, and what drives its connection: packets, timers, calls. See tcp_sock.h. */
#include "kernel/net/tcp_sock.h"

#include <errno.h>
#include <poll.h>

#include "kernel/dev/random.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/tcp_seq.h"

#define INBOX_BYTES   (1u << 22)
#define SNDBUF_START  16384
#define POLLRDHUP_BIT 0x2000u
#define TOS_CE        3

static bool classify(struct pbuf *p, enum net_drop *why)
{
	memcpy(&p->sport, p->data, sizeof(p->sport));
	memcpy(&p->dport, p->data + 2, sizeof(p->dport));
	*why = NET_DROP_L4_SHORT;
	return p->dport != 0 && !ipaddr_is_multicast(&p->dst);
}

/* Checks the checksum, parses the header and takes it off. */
bool tcp_sock_parse(struct pbuf *p, struct tcp_seg *seg)
{
	if (!ip_verify_csum(p)) {
		if (p->netif != NULL)
			p->netif->stats.drop[NET_DROP_L4_CSUM]++;
		return false;
	}
	if (!pbuf_need(p, TCP_HEADER_BYTES) || !pbuf_need(p, (uint32_t)(p->data[12] >> 4) * 4))
		return false;
	if (!tcp_wire_parse(seg, p->data, p->head_len, p->len))
		return false;
	seg->ce = p->ecn_ce || (p->tos & TOS_CE) == TOS_CE;
	pbuf_pull(p, seg->header_bytes);
	return true;
}

void tcp_sock_cut(struct tcp_seg *seg, struct pbuf *p, uint32_t wanted)
{
	if (wanted >= seg->header_bytes + seg->len)
		return;
	seg->len = wanted > seg->header_bytes ? wanted - seg->header_bytes : 0;
	seg->flags &= (uint8_t)~TCP_FIN;
	pbuf_trim(p, seg->len);
}

static void no_channel(struct pbuf *p)
{
	struct tcp_seg seg;

	if (tcp_sock_parse(p, &seg))
		tcp_send_reset(p, &seg);
	net_drop(p->netif, NET_DROP_NO_SOCKET, p);
}

static const struct ip_protocol protocol = {
	.proto = IPPROTO_TCP,
	.min_header = TCP_HEADER_BYTES,
	.classify = classify,
	.no_channel = no_channel,
};

void tcp_init(void)
{
	uint8_t seed[64];

	random_bytes(seed, sizeof(seed));
	tcp_secret_init(seed);
	tcp_mem_init(page_nr_total() * PAGE_SIZE);
	ip_protocol_register(&protocol);
}

/* ---- time ---- */

static void timer_fired(struct ktimer *timer)
{
	struct tcp_sock *t = timer->arg;

	channel_post(&t->in.ch, TCP_POST_TIMER);
}

/* The timer is left alone when it fires too early anyway: no timer operation on the way of data. */
static void set_timer(struct tcp_sock *t)
{
	uint64_t at = t->listener != NULL ? tcp_listener_deadline(t->listener) : tcp_conn_deadline(&t->c);

	if (at != UINT64_MAX && (!ktimer_armed(&t->timer) || t->timer.deadline_ns > at))
		ktimer_arm(&t->timer, at);
}

/* ---- after each step ---- */

static uint32_t poll_events(uint32_t ev)
{
	uint32_t mask = 0;

	if (ev & TCP_EV_READABLE)
		mask |= POLLIN | POLLRDNORM;
	if (ev & TCP_EV_WRITABLE)
		mask |= POLLOUT | POLLWRNORM;
	if (ev & TCP_EV_FIN)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP_BIT | POLLHUP;
	if (ev & TCP_EV_CLOSED)
		mask |= POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP_BIT | POLLERR;
	if (ev & TCP_EV_URGENT)
		mask |= POLLPRI;
	if (ev & TCP_EV_TIME_WAIT)
		mask |= POLLHUP;
	return mask;
}

/* Out of the tables: packets find it no more, and its port is free. */
static void leave_tables(struct tcp_sock *t)
{
	ktimer_cancel(&t->timer);
	if (!t->in_tables)
		return;
	t->in_tables = false;
	channel_remove(&t->in.ch);
	port_share_put(t->share);
	t->share = NULL;
	if (t->file_gone)
		inet_sock_fini(&t->in);
}

/* ---- memory ---- */

/* Who has something that it can do without? Looked at without its lock: it looks again itself. */
static void ask_to_prune(struct channel *ch, void *arg)
{
	struct tcp_sock *t = container_of(ch, struct tcp_sock, in.ch);

	(void)arg;
	if (READ_ONCE(t->c.rcvq.ahead) != NULL || (READ_ONCE(t->file_gone) && READ_ONCE(t->c.sndq.first) != NULL))
		channel_post(ch, TCP_POST_PRUNE);
}

static void prune(struct tcp_sock *t, uint64_t now_ns)
{
	if (t->c.mem_level == TCP_MEM_FULL || t->c.rcvq.truesize > TCP_MEM_MODERATE)
		tcp_conn_prune(&t->c);
	/* What nobody waits for any more goes next, as on Linux. */
	if (t->c.mem_level == TCP_MEM_FULL && t->file_gone && t->c.sndq.bytes > 0)
		tcp_conn_abort(&t->c, 0, now_ns);
}

void tcp_sock_count_memory(struct tcp_sock *t)
{
	size_t now = tcp_conn_truesize(&t->c);

	if (now != t->charged) {
		tcp_mem_charge((int64_t)now - (int64_t)t->charged);
		t->charged = now;
	}
	t->c.mem_level = (uint8_t)tcp_mem_level();
	if (unlikely(t->c.mem_level != TCP_MEM_ENOUGH) && tcp_mem_reclaim_due(clock_monotonic_ns()))
		channel_for_each(IPPROTO_TCP, ask_to_prune, NULL);
}

void tcp_sock_note(struct tcp_sock *t)
{
	uint32_t ev = t->c.events;

	tcp_sock_count_memory(t);
	t->c.events = 0;
	if (ev & TCP_EV_CLOSED)
		t->ended = true;
	if (ev != 0) {
		uint32_t mask = poll_events(ev);
		if (ev & TCP_EV_ACKED && t->file_gone)
			mask |= POLLOUT; /* close(2) that lingers */
		if (mask != 0)
			waitq_wake(&t->in.ch.wq, mask);
	}
	if (ev & TCP_EV_TIME_WAIT && t->file_gone)
		tcp_wait_add(t);
	if (ev & TCP_EV_CLOSED) {
		tcp_wait_remove(t);
		leave_tables(t);
		return;
	}
	set_timer(t);
}

void tcp_sock_settle(struct tcp_sock *t)
{
	if (t->listener == NULL) {
		tcp_sock_refresh_route(t);
		tcp_conn_push(&t->c, clock_monotonic_ns());
		tcp_sock_show_buffers(t);
	}
	tcp_sock_note(t);
}

/* An ICMP error about a packet of ours: its quote begins with the ports and the sequence number. */
static void take_icmp(struct tcp_sock *t, struct pbuf *p)
{
	uint8_t quote[8];
	uint32_t seq;

	if (p->len < sizeof(quote))
		return;
	pbuf_copy_out(p, 0, quote, sizeof(quote));
	seq = (uint32_t)quote[4] << 24 | (uint32_t)quote[5] << 16 | (uint32_t)quote[6] << 8 | quote[7];
	if (p->error.err == EMSGSIZE) {
		/* RFC 5927 7.2: only about what is on its way. */
		if (p->error.shrinks_path && seq_upto(t->c.snd_una, seq) && seq_before(seq, t->c.snd_nxt))
			pmtu_update(&p->dst, p->error.info);
		tcp_sock_refresh_route(t);
		return;
	}
	t->c.now_ns = clock_monotonic_ns();
	tcp_conn_icmp(&t->c, seq, p->error.err, p->error.hard);
}

static void take_listener_icmp(struct tcp_sock *t, struct pbuf *p)
{
	struct tcp_tuple tuple = {.local = p->src, .remote = p->dst, .lport = p->sport, .rport = p->dport};
	uint8_t quote[8];

	if (p->len < sizeof(quote) || !p->error.hard)
		return;
	pbuf_copy_out(p, 0, quote, sizeof(quote));
	tcp_listener_icmp(t->listener, &tuple,
			  (uint32_t)quote[4] << 24 | (uint32_t)quote[5] << 16 | (uint32_t)quote[6] << 8 | quote[7]);
}

static void take_segment(struct tcp_sock *t, struct pbuf *p, uint64_t now_ns)
{
	uint32_t wanted = tcp_sock_wanted(t, p);
	struct tcp_seg seg;

	if (wanted == 0 || !tcp_sock_parse(p, &seg)) {
		pbuf_put(p);
		return;
	}
	tcp_sock_cut(&seg, p, wanted);
	if (t->c.state == TCPS_CLOSED) {
		tcp_send_reset(p, &seg);
		pbuf_put(p);
		return;
	}
	if (t->c.state == TCPS_TIME_WAIT && tcp_wait_reopens(t, &seg, now_ns)) {
		/* RFC 6191: the next incarnation. Its SYN is for whoever listens. */
		tcp_conn_fail(&t->c, 0);
		tcp_sock_note(t);
		pbuf_push(p, seg.header_bytes);
		struct channel *ch = channel_lookup(p);
		if (ch == NULL) {
			pbuf_put(p);
			return;
		}
		channel_queue(ch, p);
		channel_put(ch);
		return;
	}
	if (seg.len == 0) {
		pbuf_put(p);
		p = NULL;
	}
	tcp_conn_input(&t->c, &seg, p, now_ns);
}

void tcp_sock_run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	struct tcp_sock *t = container_of(ch, struct tcp_sock, in.ch);
	uint64_t now = clock_monotonic_ns();

	t->c.mem_level = (uint8_t)tcp_mem_level();
	while (batch != NULL) {
		struct pbuf *p = batch;
		batch = p->next;
		p->next = NULL;
		if (p->is_error) {
			if (t->listener != NULL)
				take_listener_icmp(t, p);
			else
				take_icmp(t, p);
			pbuf_put(p);
		} else if (t->listener != NULL) {
			tcp_sock_listener_input(t, p, now);
		} else {
			take_segment(t, p, now);
		}
	}
	if (bits & TCP_POST_TIMER) {
		if (t->listener != NULL)
			tcp_listener_timer(t->listener, now);
		else
			tcp_conn_timer(&t->c, now);
	}
	if (bits & TCP_POST_PRUNE && t->listener == NULL)
		prune(t, now);
	if (bits & TCP_POST_ABORT) {
		t->file_gone = true;
		tcp_conn_abort(&t->c, 0, now);
	}
	if (bits & TCP_POST_END_WAIT && t->c.state == TCPS_TIME_WAIT)
		tcp_conn_fail(&t->c, 0);
	tcp_sock_settle(t);
}

static void free_sock(struct channel *ch)
{
	struct tcp_sock *t = container_of(ch, struct tcp_sock, in.ch);

	net_filter_free(t->in.filter);
	ktimer_cancel(&t->timer);
	tcp_conn_free(&t->c);
	tcp_mem_charge(-(int64_t)t->charged);
	kfree(t);
}

const struct channel_ops tcp_channel_ops = {
	.run = tcp_sock_run,
	.free = free_sock,
};

/* ---- life ---- */

struct tcp_sock *tcp_sock_new(int family)
{
	struct tcp_sock *t = kzalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	inet_sock_init(&t->in, &tcp_socket_ops, &tcp_channel_ops, family, SOCK_STREAM, IPPROTO_TCP);
	t->in.ch.inbox_limit = INBOX_BYTES;
	tcp_conn_init(&t->c, &tcp_sock_conn_ops, 1460);
	ktimer_init_unlocked(&t->timer, timer_fired, t);
	t->bound = t->in.local;
	list_init(&t->accept_queue);
	list_init(&t->accept_link);
	t->in.sock.option[SO_RCVBUF] = (int)TCP_RCVBUF_DEFAULT;
	t->in.sock.option[SO_SNDBUF] = SNDBUF_START;
	t->rcvlowat = 1;
	t->notsent_lowat = UINT32_MAX;
	return t;
}

int tcp_create(int family, struct socket **out)
{
	struct tcp_sock *t = tcp_sock_new(family);

	if (t == NULL)
		return -ENOMEM;
	*out = &t->in.sock;
	return 0;
}

int tcp_sock_error(struct tcp_sock *t)
{
	int err = t->c.error;

	t->c.error = 0;
	if (err == 0) {
		err = t->in.error;
		t->in.error = 0;
	}
	return err;
}

bool tcp_sock_rcv_ended(const struct tcp_sock *t)
{
	return t->shut_rd || t->c.fin_received || t->ended;
}

bool tcp_sock_snd_ended(const struct tcp_sock *t)
{
	return t->c.fin_wanted || t->ended;
}

static bool close_is_done(const struct tcp_sock *t)
{
	switch (t->c.state) {
	case TCPS_FIN_WAIT1:
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
	case TCPS_ESTABLISHED: /* with FIN waiting behind data */
	case TCPS_CLOSE_WAIT:
		return t->c.sndq.bytes == 0 && t->c.fin_sent && t->c.snd_una == t->c.snd_nxt;
	}
	return true;
}

static void close_connection(struct tcp_sock *t)
{
	uint64_t now = clock_monotonic_ns();

	if (t->linger2_s != 0)
		t->c.fin_wait2_ns = t->linger2_s > 0 ? (uint64_t)t->linger2_s * NSEC_PER_SEC : 1;
	if (t->linger && t->linger_s == 0 && t->c.state != TCPS_CLOSED)
		tcp_conn_abort(&t->c, 0, now);
	else
		tcp_conn_close(&t->c, now);
	if (t->c.state == TCPS_TIME_WAIT)
		tcp_wait_add(t);
	tcp_sock_settle(t);
	if (t->linger && t->linger_s > 0 && !close_is_done(t)) {
		int err = channel_wait(&t->in.ch, close_is_done(t), deadline_after(t->linger_s * NSEC_PER_SEC), true);
		(void)err; /* close(2) does not say whether it was in time */
	}
}

/* The file is gone. */
static void release(struct socket *s)
{
	struct tcp_sock *t = tcp_of(s);

	channel_lock(&t->in.ch);
	channel_run(&t->in.ch);
	t->file_gone = true;
	if (t->listener != NULL)
		tcp_sock_stop_listening(t);
	else
		close_connection(t);
	if (!t->in_tables)
		inet_sock_fini(&t->in);
	channel_unlock(&t->in.ch);
	channel_put(&t->in.ch);
}

const struct socket_ops tcp_socket_ops = {
	.own_locks = true,
	.bind = tcp_sock_bind,
	.listen = tcp_sock_listen,
	.connect = tcp_sock_connect,
	.accept = tcp_sock_accept,
	.name = tcp_sock_name,
	.shutdown = tcp_sock_shutdown,
	.send = tcp_sock_send,
	.recv = tcp_sock_recv,
	.poll = tcp_sock_poll,
	.readable = tcp_sock_readable,
	.take_error = tcp_sock_take_error,
	.is_listening = tcp_sock_is_listening,
	.set_option = tcp_sock_set_option,
	.get_option = tcp_sock_get_option,
	.ioctl = tcp_sock_ioctl,
	.release = release,
};
