/* SPDX-License-Identifier: MIT */
/* net_priv.h - the network card from inside: device, pairs of queues, backends. */
#ifndef CAY_VMM_DEV_NET_PRIV_H
#define CAY_VMM_DEV_NET_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#include "abi/boot_info.h"
#include "abi/net.h"
#include "lib/virtq_device.h"
#include "vmm/core/io_thread.h"
#include "vmm/dev/net.h"

#define NET_PAIRS_MAX (CAY_DEV_QUEUES_MAX / 2)

struct link;
struct net_device;
struct net_impair;
struct net_pair;
struct net_port;

/*
 * Where frames go and come from. Both functions handle one frame with its 12-byte header in front, and never block.
 */
struct net_backend_ops {
	/* 0: taken (or lost: that is the network's right); -EAGAIN: no room now; other: the backend is dead. */
	int (*send)(struct net_pair *p, const struct iovec *iov, unsigned nr);
	/* Bytes of the frame and its header; -EAGAIN: none; other: the backend is dead. */
	ssize_t (*recv)(struct net_pair *p, const struct iovec *iov, unsigned nr);
	/* The I/O thread goes to sleep, so that frames must wake it by the descriptor; or it is awake. May be NULL. */
	void (*arm)(struct net_pair *p, bool sleep);
};

#define NET_RX_BUF_SEGS 2u
/* A receive buffer taken from the guest and not filled yet. */
struct net_rx_buf {
	struct virtq_host_seg seg[NET_RX_BUF_SEGS];
	uint32_t bytes;
	uint16_t nr_segs, head;
};

/* A frame of the guest that is on its way out. */
struct net_tx {
	struct virtio_net_hdr_mrg_rxbuf hdr; /* ours: checked */
	struct virtq_host_seg seg[CAY_NET_TX_SEGS_MAX];
	struct iovec iov[CAY_NET_TX_SEGS_MAX + 1];
	unsigned nr_iov;
	uint16_t head;
	bool waiting; /* the backend had no room: to be tried again before anything else is taken */
};

/* One receive and one transmit queue with their own way out. Guarded by the lock of its I/O source. */
struct net_pair {
	struct net_device *dev;
	struct virtq_device rx, tx;
	uint32_t rx_event, tx_event;
	int fd;
	struct io_watch watch;
	uint32_t watched;      /* epoll events that watch asks for */
	_Atomic bool readable; /* epoll said so, not yet looked at */
	unsigned quiet_polls;  /* since the last frame */
	enum io_linger linger; /* after the last poll that had work */
	/* While frames flow and CPUs are scarce, the I/O thread naps instead of asking for doorbells. */
	unsigned naps_left;
	bool in_stream;      /* the last poll with frames moved much */
	struct io_watch nap; /* a timer; fd < 0: none */
	/* Who carries the frames: net_pace.c. The averages are in 1/256. */
	bool may_carry;
	struct io_carried carried;
	int32_t frames_at_once, frame_bytes;
	_Atomic bool guarded; /* the timer runs, so the I/O thread will look whether the vCPU's thread has come */
	unsigned guard_looks; /* that found nothing, in a row */
	uint64_t hits_seen;
	bool dead; /* the backend is gone: frames vanish */
	struct net_rx_buf pool[CAY_NET_RX_SEGS_MAX];
	unsigned nr_pool;
	uint32_t pool_bytes;
	bool starved;
	struct net_tx out;
	struct net_counters count;
};

struct net_device {
	struct vm *vm;
	const struct net_options *opt;
	const struct net_backend_ops *ops;
	uint64_t features; /* VIRTIO_NET_F_* as bits */
	struct cay_net_config config;
	uint32_t rx_frame_max; /* header included: what must fit into the pool before a frame is read */
	uint32_t *napping;     /* cay_net_config's, shared with the guest: ours to write, never read */
	uint32_t *carried;     /* likewise */
	bool cpus_scarce;      /* fewer than for each vCPU, the I/O thread, and the program at the other end */
	unsigned nr_pairs;
	struct net_pair pair[NET_PAIRS_MAX];
	_Atomic uint32_t *user_shares; /* user: 0 when its process has left our memory */
	bool awaits_greeting;          /* user: the process has not said yet that it works */
	bool said_dead;                /* under no lock: at worst it is said twice */
	struct link *link;     /* --net link. Without a port the guest uses its rings itself, and the rest is unused */
	struct net_port *port; /* link: its frames pass through us */
	struct net_impair *impair; /* NULL: a good line */
	struct io_watch impair_watch;
};

/* net_fd.c: a descriptor that gives and takes whole frames. */
extern const struct net_backend_ops net_fd_ops;

/* Backends: fill in ops, features, config, nr_pairs and descriptors. 0, or -errno after a message. */
MUST_CHECK int net_tap_open(struct net_device *dev, unsigned nr_cpus);
MUST_CHECK int net_user_open(struct net_device *dev);
/* dev->link is there: its frames shall pass through this card. */
MUST_CHECK int net_link_open(struct net_device *dev);
void net_link_close(struct net_device *dev);
/* The first message of the user network's process: it works, or why not. 0, or -errno after a message. */
int net_user_greeting(struct net_device *dev);

/* Until the process has memory of its own and, if ports are published, has opened them. 0, or -errno after a message.
 */
MUST_CHECK int net_user_wait(struct net_device *dev);

/* net_pace.c: after each poll, with the counters from before it; whether the vCPU's thread carries; and its I/O
 * source's callback when that thread goes on after a sleep. */
void net_pace(struct net_pair *p, const struct net_counters *before, bool any);
void net_pace_carry(struct net_pair *p, bool on);
void net_pace_guard(void *pair);

/* net_queue.c, net_pace.c: the callbacks of the I/O source of one pair; and the end of a backend. */
bool net_pair_poll(void *pair);
void net_pair_arm(void *pair, bool sleep);
void net_pair_ready(struct io_watch *w, uint32_t events);
void net_pair_nap_over(struct io_watch *w, uint32_t events);
void net_pair_died(struct net_pair *p);
/* The VM has ended: sends what it had left in the ring, as far as the backend has room. */
void net_pair_flush(struct net_pair *p);
/* Puts one frame with its header into the guest's receive buffers, by copying; one too long for them is lost. False: no
 * buffers now. */
MUST_CHECK bool net_pair_deliver(struct net_pair *p, const void *frame, uint32_t bytes);

#endif
