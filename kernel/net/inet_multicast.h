/* SPDX-License-Identifier: MIT */
/* inet_multicast.h - groups that a socket has joined (RFC 3493 section 5.2, RFC 3678 but for setting whole filters). */
#ifndef CAY_KERNEL_NET_INET_MULTICAST_H
#define CAY_KERNEL_NET_INET_MULTICAST_H

#include "kernel/net/inet.h"

/* Options that are about groups. -ENOPROTOOPT: not one of them. Lock held. */
int inet_multicast_set(struct inet_sock *in, int level, int name, const void *value, unsigned len);

#endif
