/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen.h - the listening side of the handshake (RFC 9293 section 3.10.7.2 and SYN-RECEIVED), without an operating
 * system: see tcp_conn.h for the manner.
 *
 * A peer that has sent a SYN costs one small request, of which there are at most max_requests; beyond that the SYN-ACK
 * carries a cookie and nothing is kept (RFC 4987). A request becomes a connection with the ACK that ends the handshake.
 */
#ifndef CAY_KERNEL_NET_TCP_LISTEN_H
#define CAY_KERNEL_NET_TCP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/tcp_conn.h"
#include "kernel/net/tcp_secret.h"
#include "lib/list.h"

struct tcp_request {
	struct list hash_link, link;
	struct tcp_tuple tuple;
	struct tcp_agreed agreed;
	uint64_t due_ns; /* when the SYN-ACK goes again */
	uint64_t since_ns;
	uint8_t sent;  /* SYN-ACKs, saturating */
	bool deferred; /* acknowledged, but data is waited for (TCP_DEFER_ACCEPT) */
	uint32_t mss_announce;
};

struct tcp_listener;
struct tcp_listener_ops {
	/* Sends a segment to t->remote. */
	void (*output)(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_out *out);
	/* MTU of the way to t->remote, without IP and TCP headers. */
	uint16_t (*mss_of)(struct tcp_listener *l, const struct tcp_tuple *t);
};

#define TCP_REQUEST_BUCKETS 64

struct tcp_listener {
	const struct tcp_listener_ops *ops;
	struct list requests;
	struct list *buckets; /* TCP_REQUEST_BUCKETS */
	unsigned nr_requests, max_requests;
	bool accept_full; /* the application is behind: the caller keeps this up to date */
	bool ecn;         /* agree to ECN when the peer asks */
	uint32_t rcvbuf;  /* of the connections to come */
	bool rcvbuf_locked;
	uint32_t defer_s;          /* TCP_DEFER_ACCEPT */
	uint64_t cookies_until_ns; /* cookies have been sent: ACKs without a request may carry them */
	uint64_t now_ns;
	uint64_t cookies_sent, cookies_ok, dropped;
};

enum tcp_listen_result {
	TCP_LISTEN_DONE,   /* answered, or not worth an answer */
	TCP_LISTEN_ACCEPT, /* *agreed: make a connection and give it this segment */
	TCP_LISTEN_RESET,  /* answer as if nobody listened (tcp_reset_answer) */
};

/* 0 or -ENOMEM. */
MUST_CHECK int tcp_listener_init(struct tcp_listener *l, const struct tcp_listener_ops *ops, unsigned max_requests);
void tcp_listener_free(struct tcp_listener *l);
enum tcp_listen_result tcp_listener_input(struct tcp_listener *l, const struct tcp_tuple *t, const struct tcp_seg *seg,
					  uint64_t now_ns, struct tcp_agreed *agreed);
/* The connection could be made (the request is gone), or not: it stays, and the peer will try again. */
void tcp_listener_accepted(struct tcp_listener *l, const struct tcp_tuple *t);
/* An ICMP error: the peer cannot be reached. seq: of our segment. */
void tcp_listener_icmp(struct tcp_listener *l, const struct tcp_tuple *t, uint32_t seq);
void tcp_listener_timer(struct tcp_listener *l, uint64_t now_ns);
uint64_t tcp_listener_deadline(const struct tcp_listener *l);

/* The RST that answers a segment for which there is no connection (RFC 9293 3.10.7.1). False: it deserves none. */
MUST_CHECK bool tcp_reset_answer(const struct tcp_seg *seg, struct tcp_out *out);

#endif
