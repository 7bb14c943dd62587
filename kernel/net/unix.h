/* SPDX-License-Identifier: MIT */
/* unix.h - sockets of AF_UNIX: stream, datagram, seqpacket; unnamed, abstract, and by path. */
#ifndef CAY_KERNEL_NET_UNIX_H
#define CAY_KERNEL_NET_UNIX_H

#include "kernel/net/socket.h"

/* type without flags. 0; -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -ENOMEM. */
MUST_CHECK int unix_create(int type, int protocol, struct socket **out);
/* Two that are connected with each other. */
MUST_CHECK int unix_create_pair(int type, int protocol, struct socket *out[2]);

#endif
