/* SPDX-License-Identifier: MIT */
/*
 * proc_net_sockets.c - /proc/net/tcp, udp, raw and theirs for IPv6, packet: a line for each socket. Fields are
 * read without the sockets' locks: a line may show a state that has just changed.
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/net/packet_priv.h"
#include "kernel/net/tcp_sock.h"
#include "kernel/net/udp.h"

#define ST_CONNECTED   TCPS_ESTABLISHED
#define ST_UNCONNECTED TCPS_CLOSED

struct listing {
	struct text *t;
	int family;
	unsigned nr;
};

static void put_end(struct text *t, int family, const struct ipaddr *a, uint16_t port)
{
	if (family == AF_INET)
		text_printf(t, " %08X:%04X", a->w[3], ntohs(port));
	else
		text_printf(t, " %08X%08X%08X%08X:%04X", a->w[0], a->w[1], a->w[2], a->w[3], ntohs(port));
}

static void put_common(struct listing *l, const struct inet_sock *in, uint16_t lport, uint16_t rport, unsigned state,
		       uint32_t tx, uint32_t rx)
{
	text_printf(l->t, "%4u:", l->nr++);
	put_end(l->t, l->family, &in->local, lport);
	put_end(l->t, l->family, &in->remote, rport);
	text_printf(l->t, " %02X %08X:%08X 00:00000000 00000000 %5u        0 %llu", state, tx, rx, in->sock.uid,
		    (unsigned long long)in->sock.ino);
}

static void put_tcp(struct channel *ch, void *arg)
{
	struct listing *l = arg;
	struct inet_sock *in = container_of(ch, struct inet_sock, ch);
	const struct tcp_sock *t = container_of(in, struct tcp_sock, in);

	if (!inet_channel_has_socket(ch) || in->sock.family != l->family)
		return;
	bool listening = t->listener != NULL;
	put_common(l, in, in->lport, in->rport, listening ? TCPS_LISTEN : tcp_shown_state(&t->c),
		   listening ? t->backlog : t->c.sndq.bytes, listening ? t->nr_accept : t->c.rcvq.bytes);
	text_puts(l->t, " 1 0000000000000000 20 0 0 10 -1\n");
}

static void put_udp(struct channel *ch, void *arg)
{
	struct listing *l = arg;
	struct inet_sock *in = container_of(ch, struct inet_sock, ch);
	const struct udp_sock *u = container_of(in, struct udp_sock, in);

	if (!inet_channel_has_socket(ch) || in->sock.family != l->family)
		return;
	put_common(l, in, in->lport, in->rport, in->rport != 0 ? ST_CONNECTED : ST_UNCONNECTED, 0,
		   (uint32_t)u->rx.truesize);
	text_printf(l->t, " 2 0000000000000000 %u\n", ch->drops);
}

static void put_raw(const struct raw_view *v, void *arg)
{
	struct listing *l = arg;

	if (v->ping || v->in->sock.family != l->family)
		return;
	put_common(l, v->in, htons((uint16_t)v->in->sock.protocol), 0,
		   ipaddr_is_any(&v->in->remote) ? ST_UNCONNECTED : ST_CONNECTED, 0, (uint32_t)v->rx_bytes);
	text_printf(l->t, " 2 0000000000000000 %u\n", v->in->ch.drops);
}

static void put_head(const struct listing *l)
{
	text_printf(
		l->t,
		l->family == AF_INET
			? "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
			  "inode ref pointer drops             \n"
			: "  sl  local_address                         remote_address                        st "
			  "tx_queue "
			  "rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
}

static int show_udp_of(struct text *t, int family, uint8_t proto)
{
	struct listing l = {.t = t, .family = family};

	put_head(&l);
	channel_for_each(proto, put_udp, &l);
	return 0;
}

static int show_raw_of(struct text *t, int family)
{
	struct listing l = {.t = t, .family = family};

	put_head(&l);
	raw_for_each(put_raw, &l);
	return 0;
}

int proc_show_raw(uint64_t id, struct text *t)
{
	(void)id;
	return show_raw_of(t, AF_INET);
}

int proc_show_raw6(uint64_t id, struct text *t)
{
	(void)id;
	return show_raw_of(t, AF_INET6);
}

static void put_packet(const struct packet_sock *s, void *arg)
{
	text_printf(arg, "0000000000000000 %-6u %-4d %04x   %-5d %1d %-6u %-6u %-6llu\n", s->ch.refs, s->sock.type,
		    ntohs(s->protocol), s->ifindex, s->protocol != 0, (unsigned)READ_ONCE(s->rx.truesize), s->sock.uid,
		    (unsigned long long)s->sock.ino);
}

int proc_show_packet(uint64_t id, struct text *t)
{
	(void)id;
	text_puts(t, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	packet_for_each(put_packet, t);
	return 0;
}

int proc_show_udp(uint64_t id, struct text *t)
{
	(void)id;
	return show_udp_of(t, AF_INET, IPPROTO_UDP);
}

int proc_show_udp6(uint64_t id, struct text *t)
{
	(void)id;
	return show_udp_of(t, AF_INET6, IPPROTO_UDP);
}

int proc_show_udplite(uint64_t id, struct text *t)
{
	(void)id;
	return show_udp_of(t, AF_INET, IPPROTO_UDPLITE);
}

int proc_show_udplite6(uint64_t id, struct text *t)
{
	(void)id;
	return show_udp_of(t, AF_INET6, IPPROTO_UDPLITE);
}

int proc_show_tcp(uint64_t id, struct text *t)
{
	struct listing l = {.t = t, .family = AF_INET};

	(void)id;
	text_puts(t,
		  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode   "
		  "                                                  \n");
	channel_for_each(IPPROTO_TCP, put_tcp, &l);
	return 0;
}

int proc_show_tcp6(uint64_t id, struct text *t)
{
	struct listing l = {.t = t, .family = AF_INET6};

	(void)id;
	text_puts(t, "  sl  local_address                         remote_address                        st tx_queue "
		     "rx_queue "
		     "tr tm->when retrnsmt   uid  timeout inode\n");
	channel_for_each(IPPROTO_TCP, put_tcp, &l);
	return 0;
}

static void count(struct channel *ch, void *arg)
{
	(void)ch;
	(*(unsigned *)arg)++;
}

int proc_show_sockstat(uint64_t id, struct text *t)
{
	unsigned tcp = 0, udp = 0;

	(void)id;
	channel_for_each(IPPROTO_TCP, count, &tcp);
	channel_for_each(IPPROTO_UDP, count, &udp);
	text_printf(
		t,
		"sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem %lu\nUDP: inuse %u mem 0\nUDPLITE: inuse "
		"0\nRAW: "
		"inuse 0\nFRAG: inuse 0 memory 0\n",
		tcp + udp, tcp, tcp, tcp_mem_used() / PAGE_SIZE, udp);
	return 0;
}
