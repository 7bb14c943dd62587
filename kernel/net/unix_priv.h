/* SPDX-License-Identifier: MIT */
/*
 * unix_priv.h - a socket of AF_UNIX: life and connections (unix.c), names (unix_name.c), messages (unix_msg.c).
 *
 * A socket owns the messages it has received. Stream and seqpacket peers point at each other; a datagram socket points
 * at where it sends. Each pointer holds a reference, so a closed socket (dead) stays a valid object until nobody refers
 * to it.
 * Locks: a socket's own spin lock for its messages, its peer and whether it takes any more; never two of them, nothing
 * blocks under one, so a state that was checked before a copy from the program is checked again after it. Readers keep
 * each other out by read_lock. What makes, names, connects and ends sockets, and messages with files, are under the
 * kernel lock as well (unix_gc.c).
 */
#ifndef CAY_KERNEL_NET_UNIX_PRIV_H
#define CAY_KERNEL_NET_UNIX_PRIV_H

#include <sys/un.h>

#include "kernel/fs/vfs.h"
#include "kernel/net/unix.h"
#include "kernel/sched/spinlock.h"

struct net_filter;

struct unix_msg {
	struct list link;
	size_t bytes, taken;     /* of data; taken: read already (stream) */
	struct scm_files *files; /* owned; go with the first byte that is read */
	struct sock_cred cred;
	struct sock_addr from; /* datagrams: the sender's name */
	char data[];
};

struct unix_sock {
	struct socket sock;
	struct list all_link; /* every one that has memory */
	unsigned refs;        /* atomic */
	struct spinlock lock; /* msgs, queued, peer; changes of dead, shut_rd */
	bool dead;            /* its file is gone */
	bool connected;       /* was at some time: what a missing peer means */
	bool listening;
	bool shut_rd, shut_wr;
	int error;                 /* positive errno to report once */
	struct net_filter *filter; /* NULL: none. Owned; see unix_filter.c */
	struct unix_sock *peer;
	struct list msgs;
	size_t queued;                    /* bytes in msgs */
	struct mutex read_lock;           /* keeps a reader's bytes in order; not held while it waits */
	struct waitq wq;                  /* everything that may interest a reader, a writer or poll of this socket */
	struct sock_cred cred, peer_cred; /* cred: of whoever made it, or called listen */

	/* listening */
	struct list pending; /* by pending_link: connected, not accepted yet; each with a reference */
	struct list pending_link;
	unsigned nr_pending, backlog;

	/* unix_gc.c: while its file lies in messages */
	unsigned nr_in_flight; /* in how many */
	struct file *gc_file;
	struct list gc_link, gc_visit;
	enum { GC_ALIVE, GC_CANDIDATE } gc_state;
	unsigned gc_outside; /* messages that are not in a candidate's queue */

	/* name */
	struct sock_addr addr; /* len 0: none */
	struct list name_link; /* all sockets with a name */
	struct path path;      /* bound to a path: the socket file */
};

static inline struct unix_sock *unix_of(struct socket *s)
{
	return s->priv;
}

struct unix_sock *unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* Counted; NULL: there is none. */
struct unix_sock *unix_peer(struct unix_sock *u);
/* Wakes whoever waits in or for the peer. */
void unix_wake_peer(struct unix_sock *u, uint32_t events);

/* unix_name.c */
int unix_bind(struct socket *s, const struct sock_addr *addr);
int unix_autobind(struct unix_sock *u);
void unix_unname(struct unix_sock *u);
/* The socket that has this name and type; counted. -ECONNREFUSED, -EPROTOTYPE, -ENOENT and what path lookup says. */
MUST_CHECK int unix_find(const struct sock_addr *addr, int type, struct unix_sock **out);
/* For the user: a socket without a name has an address of two bytes. */
void unix_addr(const struct unix_sock *u, struct sock_addr *out);

/* unix_msg.c */
ssize_t unix_send(struct socket *s, struct sock_msg *m);
ssize_t unix_recv(struct socket *s, struct sock_msg *m);
void unix_drop_messages(struct unix_sock *u);
void unix_msg_free(struct unix_msg *msg);

/* unix_filter.c */
int unix_set_option(struct socket *s, int level, int name, const void *value, unsigned len);
/* Does the filter of `to` let a message through? *bytes: how much of it. */
MUST_CHECK bool unix_filter_passes(const struct unix_sock *to, const void *data, size_t *bytes);

/* unix_gc.c: files enter a message, leave it, and a socket was closed */
void unix_gc_sent(const struct scm_files *files);
void unix_gc_arrived(const struct scm_files *files);
void unix_gc(void);
/* After a message with files was sent; no lock but the kernel lock. */
void unix_gc_if_many(void);

#endif
