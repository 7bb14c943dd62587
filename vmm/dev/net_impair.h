/* SPDX-License-Identifier: MIT */
/*
 * net_impair.h - a bad line on purpose: loss, delay, reordering and a rate, for tests. Frames are copied and kept until
 * they are due. The same seed and the same order of frames give the same losses.
 * One pair of queues only, guarded by its lock. Host system calls: timerfd_settime.
 */
#ifndef CAY_VMM_DEV_NET_IMPAIR_H
#define CAY_VMM_DEV_NET_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "vmm/dev/net_options.h"

struct net_impair;
struct net_pair;

/* NULL: no memory, or no timer. */
struct net_impair *net_impair_create(const struct net_impairment *how);
void net_impair_destroy(struct net_impair *im);
/* A timerfd to watch: it fires when a frame is due. */
int net_impair_fd(const struct net_impair *im);
/* The timer fired. */
void net_impair_fired(struct net_impair *im);

/* Takes a copy of a frame on its way out; loses it if so decided. */
void net_impair_send(struct net_impair *im, struct net_pair *p, const struct iovec *iov, unsigned nr, size_t bytes);
/* Takes one frame from the backend. As net_backend_ops.recv, but 0 for a frame. */
MUST_CHECK int net_impair_receive(struct net_impair *im, struct net_pair *p);
/* Moves on what is due, and sets the timer for what is not. True if anything moved. */
bool net_impair_poll(struct net_impair *im, struct net_pair *p);

#endif
