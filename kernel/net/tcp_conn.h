/* SPDX-License-Identifier: MIT */
/*
 * tcp_conn.h - one TCP connection as a state machine without an operating system (RFC 9293).
 *
 * Driven by three things: a segment (tcp_conn_input), time (tcp_conn_timer) and the application's calls. Each is given
 * the time; none reads a clock, sleeps or takes a lock, so that tests run two connections over a simulated link. The
 * caller makes sure that one thread at a time uses a connection.
 *
 * Input only changes state. Segments leave in tcp_conn_push(), which the caller calls once after a batch of inputs or
 * calls: so one ACK answers a batch, and data and ACK share a segment. After it, the caller looks at c->events (what
 * may interest poll) and tcp_conn_deadline() (when to call tcp_conn_timer; calling too early is harmless).
 *
 * Invariants: snd_una <= snd_nxt <= end of the send queue (+1 for SYN, +1 for FIN); inflight covers [snd_una, snd_nxt)
 * without holes in order of sequence; pipe, sacked and lost are sums over inflight.
 */
#ifndef CAY_KERNEL_NET_TCP_CONN_H
#define CAY_KERNEL_NET_TCP_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/net/tcp_mem.h"
#include "kernel/net/tcp_rcvq.h"
#include "kernel/net/tcp_sndq.h"
#include "kernel/net/tcp_wire.h"
#include "lib/list.h"

/* Numbered as in TCP_INFO and /proc/net/tcp. */
enum tcp_state {
	TCPS_ESTABLISHED = 1,
	TCPS_SYN_SENT,
	TCPS_SYN_RECV,
	TCPS_FIN_WAIT1,
	TCPS_FIN_WAIT2,
	TCPS_TIME_WAIT,
	TCPS_CLOSED,
	TCPS_CLOSE_WAIT,
	TCPS_LAST_ACK,
	TCPS_LISTEN,
	TCPS_CLOSING,
};

/* Congestion state, numbered as in TCP_INFO. */
enum tcp_congestion { TCP_CONG_OPEN, TCP_CONG_DISORDER, TCP_CONG_CWR, TCP_CONG_RECOVERY, TCP_CONG_LOSS };

/* Bits of c->events: what has happened since the caller cleared them. */
#define TCP_EV_CONNECTED (1u << 0) /* reached ESTABLISHED */
#define TCP_EV_READABLE  (1u << 1) /* data, or the end of data */
#define TCP_EV_WRITABLE  (1u << 2) /* room in the send queue that was full */
#define TCP_EV_CLOSED    (1u << 3) /* state is CLOSED: no segment will be sent or taken any more */
#define TCP_EV_TIME_WAIT (1u << 4) /* entered TIME-WAIT */
#define TCP_EV_URGENT    (1u << 5)
#define TCP_EV_FIN       (1u << 6) /* the peer has sent all it will */
#define TCP_EV_ACKED     (1u << 7) /* everything written has been acknowledged, FIN included if sent (linger) */

struct tcp_conn;
struct tcp_cc;

/* A segment to send. The payload is bytes [seq, seq + len) of the send queue; it may be larger than mss if gso_bytes
 * allows, and is then to be cut by whoever sends. */
struct tcp_out {
	struct tcp_seg seg; /* seq, ack, wnd, urg, flags, len; ports are the caller's */
	uint16_t mss;       /* payload of one packet */
	bool ect;           /* mark as ECN-capable */
	uint8_t opt_bytes;
	uint8_t opt[TCP_OPTIONS_BYTES];
};

struct tcp_conn_ops {
	/* Sends. Failing is like losing the packet, except -EMSGSIZE: c's mss has been lowered meanwhile
	 * (tcp_conn_set_mtu), the data is sent again in smaller pieces. */
	int (*output)(struct tcp_conn *c, const struct tcp_out *out);
	/* The peer's cookie for the next connection; bytes 0: it is to be forgotten, SYNs with data get lost. May be
	 * NULL if no fast is ever set. */
	void (*cookie)(struct tcp_conn *c, const uint8_t *cookie, unsigned bytes);
};

/* TCP Fast Open (RFC 7413), the client's side. Options leave room for COOKIE_FITS bytes; a longer one is not used. */
#define TCP_COOKIE_FITS 12
struct tcp_fast {
	uint16_t mss;  /* the peer's, last time */
	uint8_t bytes; /* of the cookie; 0: the SYN asks for one */
	uint8_t cookie[TCP_COOKIE_FITS];
};

/* One transmission that has not been acknowledged: [seq, end), SYN and FIN count as one each. */
struct tcp_sent {
	struct list link;      /* c->inflight, by sequence */
	struct list time_link; /* c->by_time, oldest first: those in the network (neither sacked nor lost) */
	uint32_t seq, end;
	uint64_t sent_ns;         /* last transmission */
	uint64_t delivered_bytes; /* c->delivered when it was sent */
	uint8_t flags;            /* TCP_SENT_* */
	uint8_t times;            /* transmissions, saturating */
};
#define TCP_SENT_SYN    (1u << 0)
#define TCP_SENT_FIN    (1u << 1)
#define TCP_SENT_SACKED (1u << 2)
#define TCP_SENT_LOST   (1u << 3) /* deemed lost and not sent again yet */
#define TCP_SENT_PSH    (1u << 4)

/* Which purpose the retransmission timer has: never more than one at a time. */
enum tcp_rtx_kind { TCP_RTX_NONE, TCP_RTX_RTO, TCP_RTX_TLP, TCP_RTX_REORDER, TCP_RTX_PERSIST };

struct tcp_conn {
	const struct tcp_conn_ops *ops;
	const struct tcp_cc *cc;
	/* The first SYN has its option and, with a cookie, takes along what is in the send queue, which must fit into
	 * one segment. The caller's; forgotten when the SYN has left. NULL: no Fast Open. */
	const struct tcp_fast *fast;
	uint64_t now_ns; /* of the call that is running */
	uint32_t events; /* TCP_EV_* */
	int error;       /* positive errno that ended the connection; 0: none */
	int error_hint;  /* by ICMP: what a timeout will be reported as */
	uint8_t state;
	uint8_t ca_state;

	/* agreed on at the start */
	bool ts_ok : 1, sack_ok : 1, wscale_ok : 1, ecn_ok : 1, passive : 1;
	/* the application's wishes */
	bool nodelay : 1, cork : 1, keepalive : 1, more : 1, oob_inline : 1;
	/* state */
	bool fin_wanted : 1;   /* the send queue's end is followed by FIN */
	bool fin_sent : 1;     /* FIN has been given a sequence number */
	bool fin_received : 1; /* rcv_nxt is behind it */
	bool orphan : 1;       /* the application has closed: nobody will read */
	bool ack_now : 1, ack_pending : 1;
	bool in_order_ce : 1, ece_pending : 1, cwr_pending : 1;
	bool cwnd_limited : 1;
	bool push_seen : 1;
	bool snd_full : 1;   /* a writer found no room: tell when there is some */
	bool pingpong : 1;   /* interactive: answers carry the ACKs */
	bool undo_valid : 1; /* cwnd_prior and ssthresh_prior are those from before the last reduction */
	bool tlp_retrans : 1, tlp_active : 1;
	bool reorder_seen : 1, dsack_seen : 1;
	bool urg_pending : 1, urg_have_byte : 1, urg_found : 1; /* found: the byte has come, and may have been read */
	bool syn_held : 1; /* no SYN before there is data for it: the caller's to set and clear */
	bool fast_asked : 1, fast_sent : 1, fast_taken : 1; /* SYN with the option; with data; which was acknowledged */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t backoff; /* of the retransmission or persist timer */
	uint8_t retries; /* timeouts in a row without progress */
	uint8_t syn_retries_max;
	uint8_t quick_acks; /* so many more ACKs go at once */
	uint8_t rtx_kind;   /* enum tcp_rtx_kind */
	uint8_t dup_acks;
	uint8_t keep_probes_sent, keep_probes_max;
	uint8_t rack_reo_mult, rack_reo_persist;
	uint8_t nr_rcv_sacks;
	uint8_t urg_byte;
	uint8_t mem_level; /* enum tcp_mem_level: of all connections together, by the caller before each call */

	/* send: RFC 9293 section 3.3.1 */
	uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
	uint32_t snd_wnd_max;  /* largest window seen */
	uint32_t snd_sml;      /* end of the last segment that was smaller than the mss (Nagle, RFC 896) */
	uint32_t snd_up;       /* end of urgent data */
	uint32_t ts_offset;    /* of our timestamps: does not tell the uptime */
	uint16_t mss;          /* payload of a full segment, options taken off */
	uint16_t mss_peer;     /* what the peer can take: its option, or 536 or 1220 */
	uint16_t mss_path;     /* what the path can take: MTU without IP and TCP headers */
	uint16_t mss_user;     /* TCP_MAXSEG; 0: none */
	uint16_t mss_announce; /* ours, in the SYN */
	uint32_t gso_bytes;    /* largest payload for output; less than two mss: no super-segments */
	struct tcp_sndq sndq;  /* from snd_una, or what of SYN it has not acknowledged */
	uint32_t sndbuf, sndbuf_max;
	bool sndbuf_locked, rcvbuf_locked; /* set by the application: no automatic growth */

	struct list inflight, by_time; /* struct tcp_sent */
	uint32_t pipe, sacked, lost;   /* bytes */
	uint32_t nr_inflight;
	uint64_t delivered; /* bytes that have arrived at the peer, ever */

	/* congestion control: bytes */
	uint32_t cwnd, ssthresh, cwnd_prior, ssthresh_prior;
	uint32_t recovery_point; /* snd_nxt when recovery began */
	uint32_t recover_flight, prr_delivered, prr_out;
	uint32_t undo_una, undo_bytes;   /* retransmitted bytes that D-SACKs have not accounted for */
	uint32_t retrans_ts;             /* our timestamp of the first retransmission */
	uint32_t max_pipe, max_pipe_seq; /* most that was in the network in this window: is cwnd used? */
	uint64_t last_stamp_ns;
	uint64_t last_sent_ns; /* of data */
	uint64_t cc_state[8];  /* cc's */

	/* round-trip time: RFC 6298; 0 before the first sample */
	uint64_t srtt_ns, rttvar_ns, rto_ns, min_rtt_ns, min_rtt_at_ns;

	/* RACK-TLP: RFC 8985 */
	uint64_t rack_sent_ns, rack_rtt_ns;
	uint32_t rack_end, rack_fack, rack_dsack_round;
	uint32_t tlp_end;
	struct tcp_sack_block sacks_seen[TCP_SACK_MAX]; /* blocks of the last ACK: the same ones again tell nothing */

	/* timers: CLOCK_MONOTONIC, 0 off */
	uint64_t rtx_at_ns, delack_at_ns, keep_at_ns, state_at_ns;
	uint64_t first_unanswered_ns; /* since when nothing has been acknowledged; 0: nothing outstanding */
	uint64_t user_timeout_ns;     /* 0: by the number of retries */
	uint64_t keep_idle_ns, keep_interval_ns;
	uint64_t fin_wait2_ns;                /* how long an orphan waits for the peer's FIN */
	uint64_t last_heard_ns, last_data_ns; /* segment; segment with data */
	uint64_t oow_ack_ns, challenge_ns;    /* last answers to segments that do not fit */

	/* receive */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv;   /* right edge that the peer has been told */
	uint32_t rcv_acked; /* last acknowledgement sent */
	uint32_t ts_recent;
	uint64_t ts_recent_ns; /* when */
	uint16_t rcv_mss;      /* the peer's segments, as seen */
	uint32_t urg_seq;
	struct tcp_rcvq rcvq;
	uint32_t rcvbuf, rcvbuf_max;
	uint32_t space_seq; /* automatic growth: consumed up to here when this round trip began */
	uint64_t space_ns;
	uint64_t rcv_rtt_ns, rcv_rtt_at_ns;
	uint32_t rcv_rtt_seq;
	struct tcp_sack_block rcv_sacks[TCP_SACK_MAX]; /* most recent first */
	struct tcp_sack_block dsack;                   /* start == end: none */

	/* counters, for TCP_INFO */
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t segs_out, segs_in, total_retrans, dsacks, reord_seen, rtos;
};

/* What both sides of an opening have agreed on, for a connection that a listener made (tcp_listen.h). */
struct tcp_agreed {
	uint32_t iss, irs;
	uint32_t snd_wnd;   /* from the ACK, unscaled */
	uint32_t ts_recent; /* with ts_ok */
	uint32_t ts_offset;
	uint32_t rcv_wnd; /* as announced in the SYN-ACK */
	uint16_t mss_peer;
	bool ts_ok, sack_ok, wscale_ok, ecn_ok;
	uint8_t snd_wscale, rcv_wscale;
	uint64_t syn_ack_ns; /* when it was sent, once; 0: unknown or repeated */
};

#define TCP_RCVBUF_DEFAULT 131072u
#define TCP_RCVBUF_MAX     6291456u
#define TCP_SNDBUF_DEFAULT 87040u
#define TCP_SNDBUF_MAX     4194304u

/* A closed connection with nothing allocated. mss_path: MTU of the way without IP and TCP headers. */
void tcp_conn_init(struct tcp_conn *c, const struct tcp_conn_ops *ops, uint16_t mss_path);
/* Frees queues and records; no segment is sent. c may be initialised again. */
void tcp_conn_free(struct tcp_conn *c);

/* Active open: SYN_SENT. iss and ts_offset are the caller's secrets (RFC 6528). */
void tcp_conn_connect(struct tcp_conn *c, uint32_t iss, uint32_t ts_offset, uint64_t now_ns);
/* The last step of a passive open: ESTABLISHED. The ACK that led here follows by tcp_conn_input. */
void tcp_conn_accepted(struct tcp_conn *c, const struct tcp_agreed *a, uint64_t now_ns);
/* Segment seg with its payload (NULL when len is 0; consumed). */
void tcp_conn_input(struct tcp_conn *c, struct tcp_seg *seg, struct pbuf *payload, uint64_t now_ns);
void tcp_conn_timer(struct tcp_conn *c, uint64_t now_ns);
/* Sends what may and must be sent. */
void tcp_conn_push(struct tcp_conn *c, uint64_t now_ns);
/* When tcp_conn_timer has something to do; UINT64_MAX: never. */
uint64_t tcp_conn_deadline(const struct tcp_conn *c);

/* Memory is short: gives up data ahead of a hole, which the peer has to send again (RFC 2018 section 8 allows it). */
void tcp_conn_prune(struct tcp_conn *c);
/* Bytes that a writer may add now. 0 marks that it wants TCP_EV_WRITABLE. */
uint32_t tcp_conn_room(struct tcp_conn *c);
/* The reader has taken n bytes off the receive queue. */
void tcp_conn_consumed(struct tcp_conn *c, uint32_t n, uint64_t now_ns);
/* No more data will be written: FIN follows what is queued. */
void tcp_conn_shutdown(struct tcp_conn *c, uint64_t now_ns);
/* The application has gone. Unread data is answered by RST (RFC 2525 section 2.17); what is queued is still sent. */
void tcp_conn_close(struct tcp_conn *c, uint64_t now_ns);
/* RST to the peer, CLOSED, with this error for who still looks. */
void tcp_conn_abort(struct tcp_conn *c, int error, uint64_t now_ns);
/* CLOSED without a word (the peer's RST, a host that cannot be reached). */
void tcp_conn_fail(struct tcp_conn *c, int error);

/* The path takes only `mss_path` bytes of payload and options (ICMP too big, or a new route). */
void tcp_conn_set_mss_path(struct tcp_conn *c, uint16_t mss_path);
/* An ICMP error about our segment seq: err positive errno. Hard errors end an opening; others are only kept. */
void tcp_conn_icmp(struct tcp_conn *c, uint32_t seq, int err, bool hard);
/* MSS and options may have changed: TCP_MAXSEG. */
void tcp_conn_update_mss(struct tcp_conn *c);
void tcp_conn_set_keepalive(struct tcp_conn *c, bool on, uint64_t now_ns);
void tcp_conn_set_cc(struct tcp_conn *c, const struct tcp_cc *cc);

static inline bool tcp_state_is_synchronized(uint8_t state)
{
	return state != TCPS_CLOSED && state != TCPS_LISTEN && state != TCPS_SYN_SENT && state != TCPS_SYN_RECV;
}
/* May the application still write? */
static inline bool tcp_conn_can_send(const struct tcp_conn *c)
{
	return (c->state == TCPS_ESTABLISHED || c->state == TCPS_CLOSE_WAIT) && !c->fin_wanted;
}
/* What may be written and not acknowledged yet. */
static inline uint32_t tcp_conn_sndbuf(const struct tcp_conn *c)
{
	if (likely(c->mem_level == TCP_MEM_ENOUGH))
		return c->sndbuf;
	return MIN(c->sndbuf, c->mem_level == TCP_MEM_FULL ? TCP_MEM_MIN : TCP_MEM_MODERATE);
}
/* A writer that found no room goes on when a third is free, as on Linux: fewer wake-ups. */
static inline bool tcp_conn_has_room(const struct tcp_conn *c)
{
	uint32_t sndbuf = tcp_conn_sndbuf(c);

	return sndbuf > c->sndq.bytes && sndbuf - c->sndq.bytes >= c->sndq.bytes / 2;
}
/* Memory of its queues. */
static inline size_t tcp_conn_truesize(const struct tcp_conn *c)
{
	return c->rcvq.truesize + c->sndq.truesize;
}
/* Bytes written and not acknowledged (SIOCOUTQ), and those of them not sent (SIOCOUTQNSD). */
static inline uint32_t tcp_conn_unacked(const struct tcp_conn *c)
{
	return c->sndq.bytes;
}

#endif
