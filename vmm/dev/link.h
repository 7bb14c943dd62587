/* SPDX-License-Identifier: MIT */
/*
 * link.h - --net link=NAME: the VMM's part of a link (abi/link.h). It gives the guest the shared segment and a place in
 * it, and carries wake-ups between VMs; frames it never sees.
 *
 * In the runtime folder each link is a folder with the segment and one fifo for each place. A place belongs to who
 * holds the lock on its byte of the segment's file, so it is free again however its VM ended. A wake-up is a byte in a
 * fifo, all of which are opened before the sandbox: no descriptor travels, and a peer that comes later is reached like
 * the others. Host system calls while serving: read, write, epoll_ctl.
 */
#ifndef CAY_VMM_DEV_LINK_H
#define CAY_VMM_DEV_LINK_H

#include "abi/net.h"
#include "lib/compiler.h"

struct link;
struct vm;

/* Joins or makes the link. Before the sandbox. 0, or -errno after a message. */
MUST_CHECK int link_open(const char *name, struct link **out);
/* The place taken: 0..CAY_LINK_PEERS_MAX - 1. */
unsigned link_place(const struct link *l);
/* For the VMM to use the rings in the guest's place (net_link.c). The descriptors stay the link's. */
int link_segment_fd(const struct link *l);
int link_own_fd(const struct link *l); /* the fifo by which peers wake us */
void link_wake(const struct link *l, unsigned peer);
/* Peers may send from now on: the rings are ready. 0 or -errno. */
MUST_CHECK int link_appear(struct link *l);
/* Adds the device to the VM; config is copied. 0 or -errno. */
MUST_CHECK int link_attach(struct link *l, struct vm *vm, const struct cay_net_config *config);
/* NULL is allowed. */
void link_destroy(struct link *l);

#endif
