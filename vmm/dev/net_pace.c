/* SPDX-License-Identifier: MIT */
/*
 * net_pace.c - how eagerly a pair of queues is looked at, and by whom. With a CPU for everybody the I/O thread polls.
 * With fewer, whoever polls takes the CPU from the one it waits for:
 * - a single request at a time: the I/O thread looks for the answer as long as that takes, and then sleeps;
 * - a stream: it naps, since all sides have work;
 * - many small frames at once: it sleeps, and the vCPU's own thread carries the frames whenever the guest has run out
 *   of work (vmm/core/io_carry.h). So there is one thread less than CPUs are wanted for, and no frame waits for one.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/core/vm.h"
#include "vmm/dev/net_priv.h"

/*
 * After frames, what the guest sends next is not worth a doorbell each, which costs its CPU more than a whole frame: it
 * is looked at when the descriptor wakes us, when the guest runs out of work and rings for all of it, or at the end of
 * a nap. After so many naps without a frame doorbells are asked for again.
 */
#define NET_NAPS   4u
#define NET_NAP_NS 50000
/* While the vCPU's thread carries, the I/O thread looks so often whether the guest has been computing all the time. */
#define NET_GUARD_NS 500000
/* Looks in a row that found no frame, after which the I/O thread takes over again. */
#define NET_GUARD_LOOKS 10u
/* A poll that moved this much is part of a stream, in which all sides have work: polling takes a CPU from one of them.
 */
#define NET_STREAM_BYTES 16384u
/* Averages over this many polls that found frames, in 1/256: how many frames at once make it worth while to carry. */
#define NET_AVERAGE_OVER 16
#define NET_CARRY_FROM   (4 * 256)
#define NET_CARRY_UNTIL  (5 * 256 / 2)
/*
 * Fewer than this are requests one at a time: the guest has nothing to send before the next one comes. A nap's timer
 * would cost more than such a request, 11 us to set and 23 for its interrupt on a host that is a VM itself.
 */
#define NET_NAP_FROM NET_CARRY_UNTIL
/* Longer frames are worth a thread of their own, which copies while the guest computes. */
#define NET_CARRY_BYTES (4096 * 256)

static void watch(struct net_pair *p, uint32_t events)
{
	if (p->fd < 0 || p->watched == events)
		return;
	p->watched = events;
	(void)!io_rewatch(p->dev->vm->io, &p->watch, events);
}

static void watch_what_is_wanted(struct net_pair *p)
{
	bool in = !p->starved && !atomic_load(&p->carried.on);

	watch(p, (in ? (uint32_t)EPOLLIN : 0) | (p->out.waiting ? (uint32_t)EPOLLOUT : 0));
}

static uint32_t pair_bit(const struct net_pair *p)
{
	return 1u << (p - p->dev->pair);
}

static bool set_timer(struct net_pair *p, long ns)
{
	const struct itimerspec t = {.it_value.tv_nsec = ns};

	return p->nap.fd >= 0 && timerfd_settime(p->nap.fd, 0, &t, NULL) == 0;
}

void net_pace_guard(void *pair)
{
	struct net_pair *p = pair;

	if (!atomic_exchange(&p->guarded, true))
		(void)!set_timer(p, NET_GUARD_NS);
}

void net_pace_carry(struct net_pair *p, bool on)
{
	if (atomic_load(&p->carried.on) == on)
		return;
	atomic_store(&p->carried.on, on);
	if (p->dev->carried != NULL)
		__atomic_store_n(p->dev->carried, on, __ATOMIC_SEQ_CST);
	p->guard_looks = 0;
	if (on)
		net_pace_guard(p);
}

static void average(int32_t *value, int64_t sample)
{
	*value += (int32_t)(MIN(sample, 65536) * 256 - *value) / NET_AVERAGE_OVER;
}

/* Many small frames at once? The guest is told, and from its next wait on its thread carries. */
static void choose_carrier(struct net_pair *p, uint64_t frames, uint64_t bytes)
{
	if (p->dead || frames == 0)
		return;
	average(&p->frames_at_once, (int64_t)frames);
	average(&p->frame_bytes, (int64_t)(bytes / frames));
	if (!p->may_carry)
		return;
	if (p->frames_at_once < NET_CARRY_UNTIL || p->frame_bytes > NET_CARRY_BYTES)
		net_pace_carry(p, false);
	else if (p->frames_at_once > NET_CARRY_FROM && p->frame_bytes < NET_CARRY_BYTES / 2)
		net_pace_carry(p, true);
}

void net_pace(struct net_pair *p, const struct net_counters *before, bool any)
{
	const struct net_counters *c = &p->count;
	uint64_t bytes = c->tx_bytes + c->rx_bytes - before->tx_bytes - before->rx_bytes;
	bool rx = c->rx_frames != before->rx_frames, tx = c->tx_frames != before->tx_frames;

	if (any) {
		p->in_stream = bytes >= NET_STREAM_BYTES;
		choose_carrier(p, c->tx_frames + c->rx_frames - before->tx_frames - before->rx_frames, bytes);
		p->naps_left = p->in_stream || p->frames_at_once > NET_NAP_FROM ? NET_NAPS : 0;
	}
	/*
	 * The guest answers soon what it was given. Who answers what it sent may be waiting for this CPU; what came in
	 * the same moment was an acknowledgement, made while we sent.
	 */
	if (any && p->dev->cpus_scarce)
		p->linger =
			rx && !tx && !p->in_stream && !atomic_load(&p->carried.on) ? IO_LINGER_SHORT : IO_LINGER_NONE;
	if (p->dev->cpus_scarce)
		p->watch.linger = p->in_stream ? IO_LINGER_NONE : IO_LINGER_SHORT;
	watch_what_is_wanted(p);
}

void net_pair_nap_over(struct io_watch *w, uint32_t events)
{
	struct net_pair *p = w->ctx;
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof(count));
	atomic_store(&p->guarded, false);
}

/* The I/O thread falls asleep while the vCPU's thread carries. True: it shall, with no doorbells. */
static bool keep_guard(struct net_pair *p)
{
	uint64_t hits = p->count.polls_hit;

	if (atomic_load(&p->guarded))
		return true;
	if (hits != p->hits_seen) {
		p->hits_seen = hits;
		p->guard_looks = 0;
	}
	if (atomic_load(&p->carried.sleeping))
		return true; /* it begins again when that thread wakes */
	if (++p->guard_looks > NET_GUARD_LOOKS)
		return false;
	net_pace_guard(p);
	return true;
}

static bool nap(struct net_pair *p)
{
	if (p->naps_left == 0 || !set_timer(p, NET_NAP_NS))
		return false;
	p->naps_left--;
	/* A ring serves the queues at once, on the vCPU's thread: in a stream this thread shall copy, not that one. */
	if (p->in_stream)
		return true;
	/* Full barrier before the poll that follows; partner: the guest publishes and then reads this. */
	__atomic_or_fetch(p->dev->napping, pair_bit(p), __ATOMIC_SEQ_CST);
	return true;
}

void net_pair_arm(void *pair, bool sleep)
{
	struct net_pair *p = pair;

	__atomic_and_fetch(p->dev->napping, ~pair_bit(p), __ATOMIC_SEQ_CST);
	if (p->dev->ops->arm != NULL)
		p->dev->ops->arm(p, sleep);
	if (!sleep) {
		virtq_device_disarm(&p->tx);
		return;
	}
	if (p->fd < 0 || !(p->watched & EPOLLIN))
		atomic_store(&p->readable, true); /* else epoll says so */
	if (atomic_load(&p->carried.on)) {
		if (keep_guard(p))
			return;
		net_pace_carry(p, false);
		watch_what_is_wanted(p);
	}
	if (!nap(p))
		(void)!virtq_device_arm(&p->tx); /* what is there already is found by the poll that follows */
}
