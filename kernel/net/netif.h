/* SPDX-License-Identifier: MIT */
/*
 * netif.h - a network interface: what a driver gives the stack and the stack gives a driver.
 *
 * A driver fills a struct netif, calls netif_register, and from then on hands received packets to netif_receive and
 * gets packets through ops->transmit. Interfaces are never freed. Drivers of links with Ethernet headers set
 * NETIF_ETHERNET: packets begin with the Ethernet header in both directions.
 *
 * Who polls: `ops->poll` collects what the device has received and passes it to netif_receive. It is called from
 * threads that wait on a socket, from the network thread after ops' owner called netif_schedule (its event handler does
 * that and nothing else), and from the idle loop through net_idle_poll. It may be called by several CPUs at once: the
 * driver lets the first one in and returns 0 to the others.
 */
#ifndef CAY_KERNEL_NET_NETIF_H
#define CAY_KERNEL_NET_NETIF_H

#include <sys/socket.h> /* before the next one, which wants its types */

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"
#include "kernel/net/ipaddr.h"
#include "kernel/net/pbuf.h"
#include "kernel/sched/seqcount.h"
#include "kernel/sched/spinlock.h"
#include "lib/compiler.h"
#include "lib/list.h"

struct netif;

struct netif_ops {
	/* Sends a batch of packets linked by `next`; consumes all. What the device has no room for is dropped and
	 * counted (tx_dropped). One doorbell for the batch, if any. Context: any thread, and timers: must not block. */
	void (*transmit)(struct netif *nif, struct pbuf *batch);
	/* Collects received packets, at most `budget`, for netif_receive. Returns how many. Also frees what has been
	 * sent. NULL: nothing to poll. */
	unsigned (*poll)(struct netif *nif, unsigned budget);
	/* A cheap look, from the idle loop: might poll return something? NULL: never. Any context. */
	bool (*pending)(struct netif *nif);
	/* The CPU has run out of work: what was sent must not wait for anything. Without a lock, often. May be NULL. */
	void (*idle)(struct netif *nif);
	/* Does a CPU that sleeps serve the device, in the host? Then sleeping is better than polling. May be NULL. */
	bool (*carried)(struct netif *nif);
	/* The CPU is about to sleep: the device is to send an event. True: something is there already, poll again.
	 * While the program runs, events are the device's business: it sends them unless it sees that we poll. NULL: it
	 * always does. */
	bool (*arm)(struct netif *nif);
	/* A block to fill with data that will be sent here, which saves a copy; one reference, the caller's. NULL:
	 * there is none now. The function itself NULL: any memory is as good. Any context; must not block. */
	struct pbuf_block *(*block)(struct netif *nif);
	/* Would a packet of usual size be sent now, or dropped for lack of room? Frees what has been sent before it
	 * says no. NULL: there is always room, or nobody has to wait for it. Any context; must not block. */
	bool (*has_room)(struct netif *nif);
};

/* features: what the device does for us */
#define NETIF_TX_CSUM  (1u << 0) /* completes PBUF_CSUM_PARTIAL */
#define NETIF_TSO4     (1u << 1) /* segments PBUF_GSO_TCP4 (with NETIF_TX_CSUM) */
#define NETIF_TSO6     (1u << 2)
#define NETIF_USO      (1u << 3) /* segments PBUF_GSO_UDP */
#define NETIF_ETHERNET (1u << 8) /* has link headers and neighbours to resolve */
#define NETIF_LOOPBACK (1u << 9)

/* One counter per reason, in stats.drop[]. */
enum net_drop {
	NET_DROP_LINK_SHORT, /* no whole link header */
	NET_DROP_LINK_OTHER, /* not for our link address */
	NET_DROP_LINK_PROTO, /* unknown EtherType */
	NET_DROP_ARP_BAD,
	NET_DROP_IP_SHORT,  /* shorter than its header, or than its length field */
	NET_DROP_IP_HEADER, /* version, header length, options */
	NET_DROP_IP_CSUM,
	NET_DROP_IP_ADDR,     /* source or destination that cannot be */
	NET_DROP_IP_NOT_OURS, /* we do not forward */
	NET_DROP_IP_PROTO,    /* no such protocol here */
	NET_DROP_IP_EXT,      /* chain of extension headers too long or malformed */
	NET_DROP_FRAG_BAD,    /* overlapping, beyond 64 KiB, misaligned */
	NET_DROP_FRAG_LIMIT,  /* too many packets being put together */
	NET_DROP_FRAG_TIMEOUT,
	NET_DROP_ICMP_BAD,
	NET_DROP_NDP_BAD,
	NET_DROP_L4_SHORT,
	NET_DROP_L4_CSUM,
	NET_DROP_NO_SOCKET,
	NET_DROP_SOCKET_FULL, /* its receive buffer */
	NET_DROP_NO_MEMORY,
	NET_DROP_NO_NEIGHBOUR, /* link address not found, or queue for it full */
	NET_DROP_TOO_BIG,      /* to send: larger than the MTU and not to be cut */
	NET_DROP_NR
};

/* Counted by all CPUs without a lock: when two count the same at once, one may be lost. */
struct netif_stats {
	uint64_t rx_multicast;
	uint64_t rx_dropped, tx_dropped, rx_errors, tx_errors;
	uint64_t drop[NET_DROP_NR]; /* of packets received here; those to send by their own reasons */
};

/* What every packet counts: each CPU for itself. */
struct netif_traffic {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
} ALIGNED(64);

enum netif_addr_state { NETIF_ADDR_TENTATIVE, NETIF_ADDR_READY, NETIF_ADDR_DUPLICATE };

struct netif_addr {
	struct ipaddr addr;
	uint8_t prefix;                              /* of the 128-bit form: IPv4's + 96 */
	uint8_t state;                               /* enum netif_addr_state */
	bool dynamic;                                /* by DHCP or SLAAC */
	uint8_t probes;                              /* of duplicate address detection, sent so far */
	uint64_t valid_until_ns, preferred_until_ns; /* CLOCK_MONOTONIC; UINT64_MAX for ever */
	struct ipaddr broadcast;                     /* IPv4 with prefix < 31 */
};

#define NETIF_ADDRS_MAX     16
#define NETIF_MULTICAST_MAX 32

struct netif {
	/* the driver's, before netif_register: */
	char name[IFNAMSIZ]; /* a '%d' is replaced by the first free number */
	uint8_t mac[6];
	uint32_t mtu;      /* of IP packets; 68 to 65536 */
	uint32_t features; /* NETIF_* */
	uint32_t gso_max;  /* largest packet that TSO takes, IP header included; 0: 65535 */
	const struct netif_ops *ops;
	void *priv;
	/* the stack's: */
	int index;            /* from 1 */
	unsigned flags;       /* IFF_*; changes through netif_set_up, netif_set_carrier */
	struct spinlock lock; /* writers of addr[], group[] */
	struct seqcount seq;  /* for their readers */
	unsigned nr_addrs, nr_groups;
	struct netif_addr addr[NETIF_ADDRS_MAX];
	struct {
		struct ipaddr group;
		unsigned refs;
	} group[NETIF_MULTICAST_MAX];
	struct netif_stats stats;
	struct netif_traffic traffic[CAY_VCPU_MAX];
	uint64_t old_querier_until_ns[2]; /* [IPv4?]: who asks for groups there speaks IGMPv2, MLDv1 */
	bool reports_groups;              /* group_report.h */
	bool scheduled;                   /* the network thread will poll it */
	bool accept_any;                  /* while DHCP waits for an address: IPv4 to any destination */
	struct netif *next;
};

/* Makes nif known and gives it an index; it is down until netif_set_up. -EEXIST: the name is taken. */
MUST_CHECK int netif_register(struct netif *nif);
void netif_set_up(struct netif *nif, bool up);
void netif_set_carrier(struct netif *nif, bool on);
struct netif *netif_by_index(int index);
struct netif *netif_by_name(const char *name);
struct netif *netif_first(void); /* in order of index, by ->next; the list only grows */

/* Packets from the driver, linked by `next`, in order of arrival; consumes all. Sets netif, expects len, data, csum and
 * gso as the driver knows them. Context: a thread, no lock of a socket held. Must not be called from upcalls. */
void netif_receive(struct netif *nif, struct pbuf *batch);
/* The first half of it: to the inboxes, where they lie until this thread calls channel_flush. A driver does that under
 * the lock of its receive queue: two CPUs that poll one after the other must not exchange a connection's packets. */
void netif_classify(struct netif *nif, struct pbuf *batch);
/* The device has an event: have the network thread call ops->poll. Any context. */
void netif_schedule(struct netif *nif);
/* Sends one packet whose link header is there: counts, completes in software what the device does not do, and passes it
 * to the driver. Consumes it. */
void netif_transmit(struct netif *nif, struct pbuf *p);

/* Addresses. prefix: of the address's own family. 0, -EEXIST, -ENOSPC; -EADDRNOTAVAIL. */
int netif_add_addr(struct netif *nif, const struct ipaddr *addr, unsigned prefix, enum netif_addr_state state);
int netif_del_addr(struct netif *nif, const struct ipaddr *addr);
/* The entry, or NULL. Valid until the list changes: hold nif->lock, or look at its state only. */
struct netif_addr *netif_find_addr(struct netif *nif, const struct ipaddr *addr);
/* The interface that has this address, ready for use; or NULL. */
struct netif *netif_owner_of(const struct ipaddr *addr);
/* Is this an address of a packet that nif shall accept: its own, broadcast, a joined group. */
/* Broadcast on this link: 255.255.255.255 or that of one of its subnets. */
bool netif_is_broadcast(const struct netif *nif, const struct ipaddr *dst);
bool netif_accepts(struct netif *nif, const struct ipaddr *dst);
int netif_join(struct netif *nif, const struct ipaddr *group);
int netif_leave(struct netif *nif, const struct ipaddr *group);

/* The sum of all CPUs'. */
struct netif_traffic netif_traffic(const struct netif *nif);

static inline void net_drop(struct netif *nif, enum net_drop why, struct pbuf *p)
{
	if (nif != NULL)
		nif->stats.drop[why]++;
	pbuf_put(p);
}

#endif
