/* SPDX-License-Identifier: MIT */
/*
 * channel.h - network channels: from the classifier on the receive path to the thread that uses the socket.
 *
 * Every flow that has a socket has a channel. The receive path hashes each packet to its channel and puts it into the
 * channel's inbox, without a lock; the protocol takes it from there under the channel's lock, which is the socket's
 * one lock. Two connections share no lock on the way.
 *
 * Who runs the protocol (ops->run), always with the lock held, never twice at a time for a channel:
 *  - a thread inside a system call on the socket: it holds the lock, or takes it when it is woken;
 *  - else whoever brought the packets (the thread that polls the interface, a peer on loopback, the network thread).
 * If somebody holds the lock, nothing waits: the holder runs what has arrived when it unlocks.
 * A thread that sleeps in the socket and wants to run the protocol itself says so with channel_sleep: then packets only
 * wake it. Threads in poll and epoll do not: readiness has to be known before they are woken.
 *
 * Timers and other contexts that must not run protocol code use channel_post: bits that ops->run gets on the network
 * thread or from the holder of the lock.
 *
 * Lock order: a channel's lock before table locks (port.c, channel.c); two channels' locks never (a listener's child is
 * created under the listener's, before it is in the table), but for channel_trylock.
 */
#ifndef CAY_KERNEL_NET_CHANNEL_H
#define CAY_KERNEL_NET_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/ipaddr.h"
#include "kernel/net/pbuf.h"
#include "kernel/sched/wait.h"
#include "lib/compiler.h"

struct channel;

struct channel_ops {
	/* Packets and errors (pbuf.is_error) in order of arrival, linked by next, NULL if none: takes them over. bits:
	 * what was posted since the last run. Lock held; must not block. Packets begin at their transport header. */
	void (*run)(struct channel *ch, struct pbuf *batch, uint32_t bits);
	/* The last reference is gone: frees the object around ch. No lock held. */
	void (*free)(struct channel *ch);
	/* May be NULL. One who looks for a channel with a wildcard asks whether this one wants the packet: for lists of
	 * groups and sources. Any context, under a spin lock of the table; must not block. */
	bool (*accepts)(struct channel *ch, const struct pbuf *p);
};

/* Whose packets. Ports in network order. */
struct channel_key {
	struct ipaddr local;  /* any: all of ours */
	struct ipaddr remote; /* any: from everybody (then it is a listener or an unconnected socket) */
	uint16_t lport, rport;
	uint8_t proto;
};

struct channel {
	const struct channel_ops *ops;
	uint32_t refs;
	struct mutex lock;
	struct waitq wq; /* of the socket: readers, writers, poll. Events as POLL* */
	/* the inbox: a stack, newest first, pushed without a lock */
	struct pbuf *inbox;
	uint32_t inbox_bytes, inbox_limit; /* memory in the inbox; packets beyond the limit are dropped and counted */
	uint32_t posted;                   /* bits for run */
	uint32_t sleepers;                 /* threads that will run the protocol when woken */
	uint32_t drops;                    /* inbox was full */
	bool deferred;                     /* on the network thread's list, with a reference */
	struct channel *deferred_next;
	struct channel *touched_next; /* on a thread's list of channels to kick; NULL: on none */
	/* the tables; lock: the bucket's. Set by channel_insert, constant while inserted */
	struct channel_key key;
	bool v6only;    /* local any: does not mean IPv4 */
	bool v4only;    /* an AF_INET socket bound to any */
	int bound_if;   /* interface index, 0: any */
	uint32_t group; /* SO_REUSEPORT: sockets with the same key and non-zero group share the packets by hash */
	struct channel *exact_next, *bound_next;
	bool in_exact, in_bound;
};

/* One reference, the caller's. inbox_limit in bytes of memory (pbuf_truesize). */
void channel_init(struct channel *ch, const struct channel_ops *ops, uint32_t inbox_limit);
static inline struct channel *channel_get(struct channel *ch)
{
	__atomic_add_fetch(&ch->refs, 1, __ATOMIC_RELAXED);
	return ch;
}
void channel_put(struct channel *ch);

/* ---- the lock ---- */
/* Thread context; sleeps. Runs nothing by itself: what is in the inbox is seen by channel_run or at unlock. */
void channel_lock(struct channel *ch);
MUST_CHECK bool channel_trylock(struct channel *ch);
/* Runs what has arrived and unlocks. Nothing that arrives while this goes on is left lying. */
void channel_unlock(struct channel *ch);
/* Lock held: runs the protocol on what has arrived. True if there was anything. */
bool channel_run(struct channel *ch);
static inline bool channel_has_work(const struct channel *ch)
{
	return __atomic_load_n(&ch->inbox, __ATOMIC_ACQUIRE) != NULL ||
	       __atomic_load_n(&ch->posted, __ATOMIC_ACQUIRE) != 0;
}

/*
 * Sleeps until cond, running the protocol in this thread. The lock is held on entry and on return and is given up while
 * sleeping; cond is evaluated with it held. 0, -ETIMEDOUT (deadline, as wait_event_deadline), -EINTR.
 */
#define channel_wait(ch, cond, deadline_ns, interruptible)                                                             \
	({                                                                                                             \
		struct channel *ch_ = (ch);                                                                            \
		int cr_ = 0;                                                                                           \
		channel_run(ch_);                                                                                      \
		while (!(cond) && cr_ == 0)                                                                            \
			cr_ = channel_sleep(ch_, (deadline_ns), (interruptible));                                      \
		(cond) ? 0 : cr_;                                                                                      \
	})
/* One round of it: unlocks, polls the network for a moment, sleeps until woken, locks, runs. */
MUST_CHECK int channel_sleep(struct channel *ch, uint64_t deadline_ns, bool interruptible);

/* ---- bringing work ---- */
/* Bits for ops->run, run by the holder of the lock or the network thread. Any context. */
void channel_post(struct channel *ch, uint32_t bits);
/* As the receive path does it, for one packet: consumes p, which is dropped when the inbox is full. Thread context. */
void channel_deliver(struct channel *ch, struct pbuf *p);

/* ---- the tables ---- */
/*
 * Makes ch findable under key: exact when remote is not any, else by (proto, lport) among the bound ones. Takes a
 * reference. A channel is in one of the two: a UDP socket that connects is removed and inserted anew.
 * -EADDRINUSE: an exact key that is there already. -ENOMEM: the first insertion finds no memory for the table.
 */
MUST_CHECK int channel_insert(struct channel *ch, const struct channel_key *key);
void channel_remove(struct channel *ch); /* harmless when not inserted */

/* The channel that shall have a packet with these marks (p->src, dst, sport, dport, proto, netif), counted; or NULL. */
MUST_CHECK struct channel *channel_lookup(struct pbuf *p); /* sets p->hash */
/* As channel_lookup among the exact ones. */
MUST_CHECK struct channel *channel_find_exact(const struct channel_key *key);
/* All bound ones that would take p (multicast, broadcast), fn called with each, under a spin lock of the table: it
 * must not block, nor insert or remove. */
void channel_for_each_bound(const struct pbuf *p, void (*fn)(struct channel *ch, void *arg), void *arg);
/* For lists (/proc/net, netlink): all channels of a protocol, in no order. fn as above. */
void channel_for_each(uint8_t proto, void (*fn)(struct channel *ch, void *arg), void *arg);

/* Keyed hash of a flow, the same in both directions of time but not of travel: what pbuf.hash holds. */
uint32_t channel_hash(const struct channel_key *key);

#endif
