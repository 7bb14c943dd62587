/* SPDX-License-Identifier: MIT */
/* net.h - the network as a whole: starting it, and making progress when no thread is in a socket. */
#ifndef CAY_KERNEL_NET_NET_H
#define CAY_KERNEL_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/channel.h"
#include "lib/compiler.h"

/* Loopback, tables, the network thread. After sched_init. False: no memory. */
bool net_init(void);

/* Polls all interfaces once, and loopback's queue. Thread context, no lock of a socket held. Packets handled. */
unsigned net_poll(void);
/* From the idle loop, without the kernel lock: the CPU has run out of work, so what was sent must not wait for more. */
void net_idle_begin(void);
/* Likewise: will some interface be served because the CPU sleeps, and so is not worth polling for? */
bool net_idle_carried(void);
/* From the idle loop: looks whether an interface has something; processing is left to the network thread. True: there
 * is somebody to run now. */
bool net_idle_poll(void);

/* Has some interface something for net_idle_poll? Reads only: without the kernel lock, from the idle loop. */
bool net_pending(void);
/* Before the CPU sleeps: interfaces are to send events. True: something is there already, do not sleep. */
bool net_idle_sleep(void);

/* Has the network thread run fn once, soon, without the kernel lock. Any context; `work` is the caller's and may be
 * queued again after fn began.
 */
struct net_work {
	struct net_work *next;
	bool queued;
	void (*fn)(struct net_work *w);
};
void net_defer(struct net_work *w);

#endif
