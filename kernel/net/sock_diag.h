/* SPDX-License-Identifier: MIT */
/*
 * sock_diag.h - NETLINK_SOCK_DIAG (sock_diag(7)): sockets for ss and its like: TCP, UDP, raw, Unix and packet sockets.
 * Filters in bytecode are not looked at: ss applies its filter to the answer as well. Nobody sees more of a socket than
 * through /proc/net.
 */
#ifndef CAY_KERNEL_NET_SOCK_DIAG_H
#define CAY_KERNEL_NET_SOCK_DIAG_H

#include "kernel/net/netlink.h"

/*
 * One request, a list (NLM_F_DUMP) or a single socket. 0: answered. -EINVAL: too short. -ENOENT: no such socket, or a
 * family or protocol whose sockets are not told of (programs then read /proc/net). -EOPNOTSUPP: another kind of
 * request, as for a socket's end.
 */
int sock_diag_request(struct nl_reply *r, const struct nlmsghdr *h, const uint8_t *body, unsigned bytes);

/* unix_diag.c, packet_diag.c: the same for AF_UNIX, and lists of AF_PACKET (-EINVAL for a single one, as on Linux). */
int unix_diag_request(struct nl_reply *r, const uint8_t *body, unsigned bytes);
int packet_diag_request(struct nl_reply *r, const uint8_t *body, unsigned bytes);

#endif
