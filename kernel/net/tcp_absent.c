/* SPDX-License-Identifier: MIT */
/* tcp_absent.c - weak stand-ins while TCP is not part of the image: SOCK_STREAM is refused as an unknown protocol. */
#include <errno.h>

#include "kernel/net/inet.h"

WEAK int tcp_create(int family, struct socket **out)
{
	(void)family;
	(void)out;
	return -EPROTONOSUPPORT;
}

WEAK void tcp_init(void)
{
}
