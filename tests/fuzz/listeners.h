/* SPDX-License-Identifier: MIT */
/* listeners.h - for fuzz targets of network devices: the sockets that what a hostile sender sends may come to. */
#ifndef CAY_TESTS_FUZZ_LISTENERS_H
#define CAY_TESTS_FUZZ_LISTENERS_H

#include <stdlib.h>

#include "kernel/net/net_fixture.h"

static struct socket *listeners[3];

static void listeners_start(void)
{
	listeners[0] = udp_bound(AF_INET6, 7);
	listeners[1] = udp_bound(AF_INET, 8);
	if (raw_create(AF_INET, IPPROTO_ICMP, &listeners[2]) != 0)
		abort();
}

/* Takes what came to them, and forgets what was sent. */
static void listeners_drain(void)
{
	static uint8_t buf[70000];

	for (unsigned i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		while (udp_read(listeners[i], buf, sizeof(buf)) >= 0)
			;
		(void)listeners[i]->ops->take_error(listeners[i]);
	}
	nr_sent = 0;
}

#endif
