/* SPDX-License-Identifier: MIT */
/*
 * tcp_sock.h - TCP sockets: the protocol core (tcp_conn.h, tcp_listen.h) joined to channels, routes, timers and files.
 *
 * Lock: the channel's, for everything in a struct tcp_sock. A listener's children that nobody has accepted yet are on
 * its queue, each with a reference. Life: the file holds a reference, the tables another one while a connection lives.
 * When the file goes before the connection ends, it is an orphan and goes on by packets and timers alone.
 */
#ifndef CAY_KERNEL_NET_TCP_SOCK_H
#define CAY_KERNEL_NET_TCP_SOCK_H

#include "kernel/net/inet.h"
#include "kernel/net/tcp_conn.h"
#include "kernel/net/tcp_listen.h"
#include "kernel/time/clock.h"

struct tcp_sock {
	struct inet_sock in; /* first */
	struct tcp_conn c;
	struct ktimer timer;

	bool connecting; /* connect(2) has not reported its result */
	bool ended;      /* a connection was there and is over: end of file, not "not connected" */
	bool shut_rd;    /* shutdown(SHUT_RD) */
	bool file_gone;
	bool in_tables;
	bool port_chosen; /* by connect, not by bind */
	bool linger;
	struct ipaddr bound;      /* by bind: what a new connection may start from */
	size_t charged;           /* of its queues' memory, to tcp_mem.h */
	struct port_share *share; /* of a connection that a listener made, while it is in the tables; else NULL */
	uint32_t linger_s;
	uint32_t rcvlowat, notsent_lowat;
	uint32_t defer_s;      /* TCP_DEFER_ACCEPT, until listen */
	int32_t linger2_s;     /* TCP_LINGER2; 0: default */
	bool fastopen_connect; /* TCP_FASTOPEN_CONNECT */
	uint32_t fastopen_max; /* TCP_FASTOPEN: only kept, see tcp_fastopen.h */

	/* listening */
	struct tcp_listener *listener; /* NULL: not listening */
	struct list accept_queue;      /* by accept_link */
	struct list accept_link;       /* in the parent's queue */
	uint32_t nr_accept, backlog;
};

#define TCP_BACKLOG_MAX 4096u /* net.core.somaxconn */

#define TCP_POST_TIMER    1u
#define TCP_POST_ABORT    4u /* nobody will accept this connection */
#define TCP_POST_PRUNE    8u /* memory is short */
#define TCP_POST_END_WAIT 2u /* TIME-WAIT is over before its time */

static inline struct tcp_sock *tcp_of(struct socket *s)
{
	return container_of(inet_of(s), struct tcp_sock, in);
}

static inline struct tcp_sock *tcp_of_conn(struct tcp_conn *c)
{
	return container_of(c, struct tcp_sock, c);
}

extern const struct socket_ops tcp_socket_ops;
extern const struct channel_ops tcp_channel_ops;
extern const struct tcp_conn_ops tcp_sock_conn_ops;
extern const struct tcp_listener_ops tcp_sock_listener_ops;

/* A channel of UDP that no socket is around, the DHCP client's, is none: for lists of sockets. */
static inline bool inet_channel_has_socket(const struct channel *ch)
{
	const struct inet_sock *in = container_of(ch, struct inet_sock, ch);

	return ch->ops == &tcp_channel_ops || (ch->ops->accepts != NULL && in->sock.priv == in);
}

/* tcp_finish.c. The first program has ended, its files are closed: waits until what it sent has arrived, some seconds
 * at most. Thread context, with no lock but the kernel lock. */
void tcp_finish(void);

/* tcp_sock.c */
struct tcp_sock *tcp_sock_new(int family);
/* After any call of the core: sends, wakes, sets the timer, and lets go of what has ended. Lock held. */
void tcp_sock_settle(struct tcp_sock *t);
/* The same without sending. */
void tcp_sock_note(struct tcp_sock *t);
/* Its queues have changed: tells tcp_mem.h, and learns how much there is. */
void tcp_sock_count_memory(struct tcp_sock *t);
void tcp_sock_run(struct channel *ch, struct pbuf *batch, uint32_t bits);
/* A packet at its transport header, checked and parsed: what is left of it is the payload (NULL if none). */
MUST_CHECK bool tcp_sock_parse(struct pbuf *p, struct tcp_seg *seg);
/* Bytes of a packet, at its TCP header, that the socket's filter lets through; 0: none of it. */
static inline uint32_t tcp_sock_wanted(const struct tcp_sock *t, const struct pbuf *p)
{
	return likely(t->in.filter == NULL) ? UINT32_MAX : net_filter_run(t->in.filter, p);
}
/* After the parse: forgets what the filter has cut off. The peer sends it again. */
void tcp_sock_cut(struct tcp_seg *seg, struct pbuf *p, uint32_t wanted);
/* Positive errno to report once, or 0. */
int tcp_sock_error(struct tcp_sock *t);
bool tcp_sock_rcv_ended(const struct tcp_sock *t); /* no more data will come */
bool tcp_sock_snd_ended(const struct tcp_sock *t); /* writing gives EPIPE */

/* tcp_xmit.c */
uint16_t tcp_mss_of_route(const struct route *r);
uint32_t tcp_gso_of_route(const struct route *r);
/* Route and MTU may have changed. */
void tcp_sock_refresh_route(struct tcp_sock *t);
/* Answers a packet that has no connection; p is at its transport header with its addresses set and stays the caller's.
 */
void tcp_send_reset(const struct pbuf *p, const struct tcp_seg *seg);
/* A segment without data to t->remote, along no socket's route. */
void tcp_send_unattached(const struct tcp_tuple *t, const struct tcp_out *out, int bound_if, uint8_t tos);

/* tcp_open.c */
int tcp_sock_bind(struct socket *s, const struct sock_addr *addr);
int tcp_sock_listen(struct socket *s, int backlog);
int tcp_sock_connect(struct socket *s, const struct sock_addr *addr, bool nonblock);
/* sendto(MSG_FASTOPEN), or the first send after a connect with TCP_FASTOPEN_CONNECT: opens the connection with what of
 * m's data can go with the SYN (*sent), and waits for it. Errors as connect; -EOPNOTSUPP, -EINVAL (no address). Lock
 * held. */
int tcp_sock_open_with(struct tcp_sock *t, struct sock_msg *m, size_t *sent);
void tcp_sock_stop_listening(struct tcp_sock *t);
void tcp_sock_copy_settings(struct tcp_conn *to, const struct tcp_conn *from);

/* tcp_accept.c */
int tcp_sock_accept(struct socket *s, bool nonblock, struct socket **out);
/* One packet for a listener; consumes. */
void tcp_sock_listener_input(struct tcp_sock *t, struct pbuf *p, uint64_t now_ns);

/* tcp_stream.c */
ssize_t tcp_sock_send(struct socket *s, struct sock_msg *m);
ssize_t tcp_sock_recv(struct socket *s, struct sock_msg *m);

/* tcp_state.c */
uint32_t tcp_sock_poll(struct socket *s, struct file *f, struct poll_table *pt);
size_t tcp_sock_readable(struct socket *s);
int64_t tcp_sock_ioctl(struct socket *s, unsigned cmd, uint64_t arg);
int tcp_sock_name(struct socket *s, bool peer, struct sock_addr *out);
int tcp_sock_shutdown(struct socket *s, int how);
int tcp_sock_take_error(struct socket *s);
bool tcp_sock_is_listening(struct socket *s);
uint32_t tcp_sock_poll_mask(struct tcp_sock *t);

/* tcp_options.c */
int tcp_sock_set_option(struct socket *s, int level, int name, const void *value, unsigned len);
int tcp_sock_get_option(struct socket *s, int level, int name, void *value, unsigned *len);
void tcp_sock_show_buffers(struct tcp_sock *t);

/* tcp_info.c */
struct tcp_info;
void tcp_sock_info(struct tcp_sock *t, struct tcp_info *i);
/* For the program: from the shutdown on the FIN counts as sent, also while data or a closed window hold it back. */
uint8_t tcp_shown_state(const struct tcp_conn *c);

/* tcp_wait_table.c: connections in TIME-WAIT that only the tables hold */
void tcp_wait_add(struct tcp_sock *t);
void tcp_wait_remove(struct tcp_sock *t);
MUST_CHECK bool tcp_wait_reopens(const struct tcp_sock *t, const struct tcp_seg *seg, uint64_t now_ns);

#endif
