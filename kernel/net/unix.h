/* SPDX-License-Identifier: MIT */
/* unix.h - sockets of AF_UNIX: stream, datagram, seqpacket; unnamed, abstract, and by path. */
#ifndef CAY_KERNEL_NET_UNIX_H
#define CAY_KERNEL_NET_UNIX_H

#include "kernel/net/socket.h"

/* type without flags. 0; -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -ENOMEM. */
MUST_CHECK int unix_create(int type, int protocol, struct socket **out);
/* Two that are connected with each other. */
MUST_CHECK int unix_create_pair(int type, int protocol, struct socket *out[2]);

/* For lists: what a socket is like now. */
struct unix_sock;
struct unix_view {
	uint64_t ino, peer_ino; /* 0: not accepted yet; no peer */
	int type;
	unsigned refs, state; /* numbered as TCP's in sock_diag */
	unsigned shut;        /* 1: reading, 2: writing */
	size_t queued;        /* bytes; connections that wait for a listener */
	size_t to_be_read;    /* by the peer; a listener's backlog */
	const char *name;     /* without an end; as long as the call that shows it */
	unsigned name_bytes;
};
void unix_look(struct unix_sock *u, struct unix_view *v);
/* Calls fn with each socket that is open, under a spin lock: it must not block. The kernel lock is held. */
void unix_for_each(void (*fn)(struct unix_sock *u, void *arg), void *arg);

#endif
