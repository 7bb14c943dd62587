/* SPDX-License-Identifier: MIT */
/*
 * net.h - the network card (abi/net.h): virtio-net queues on one side, a backend on the other.
 * Trust: rings, headers and frames are the guest's. A header is copied once and checked; a frame that asks for what was
 * not offered is dropped and counted. A broken ring ends the VM, as with every device.
 * Threads: a pair of queues is served by one thread at a time, the I/O thread or a vCPU's (vmm/core/io_thread.h).
 *
 * Host system calls while serving: read, readv, writev on descriptors opened before the sandbox, epoll_ctl,
 * timerfd_settime.
 */
#ifndef CAY_VMM_DEV_NET_H
#define CAY_VMM_DEV_NET_H

#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/dev/net_options.h"

struct net_device;
struct vm;

/* What --stats prints; sums over all pairs of queues. */
struct net_counters {
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	uint64_t tx_refused; /* the guest's header or length was wrong */
	uint64_t tx_dropped; /* the host would not take it, or the bad line lost it */
	uint64_t rx_dropped; /* the bad line lost it, or it was longer than the MTU allows */
	uint64_t rx_starved; /* frames had to wait because the guest had no buffers ready */
	uint64_t polls_hit, polls_missed;
	uint64_t events; /* the guest was told */
};

/*
 * Opens what the backend needs on the host: before the VM has memory (the user network's process is a copy of ours) and
 * before the sandbox. Says what failed. Returns 0 with *out NULL for --net none; -errno.
 */
MUST_CHECK int net_open(const struct net_options *opt, unsigned nr_cpus, struct net_device **out);

/* Adds the card to the VM. Before the I/O thread starts. 0 or -errno. */
MUST_CHECK int net_attach(struct net_device *dev, struct vm *vm);

/* Last, before the sandbox: published ports are open, or the reason was said and the result is -errno. */
MUST_CHECK int net_wait_ready(struct net_device *dev);

void net_count(const struct net_device *dev, struct net_counters *sum);

/* After the I/O thread has ended. NULL is allowed. */
void net_destroy(struct net_device *dev);

#endif
