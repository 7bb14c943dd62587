/* SPDX-License-Identifier: MIT */
/* tcp_priv.h - what the files of the protocol core (tcp_conn.h) have of each other. */
#ifndef CAY_KERNEL_NET_TCP_PRIV_H
#define CAY_KERNEL_NET_TCP_PRIV_H

#include "kernel/net/tcp_cc.h"
#include "kernel/net/tcp_conn.h"
#include "kernel/net/tcp_seq.h"

#define TCP_MS  1000000ull
#define TCP_SEC 1000000000ull

#define TCP_RTO_MIN_NS     (200 * TCP_MS) /* RFC 6298 says 1 s; Linux's value, which peers are used to */
#define TCP_RTO_INITIAL_NS (1 * TCP_SEC)
#define TCP_RTO_MAX_NS     (120 * TCP_SEC)
#define TCP_DELACK_NS      (40 * TCP_MS)
#define TCP_TIME_WAIT_NS   (60 * TCP_SEC)
#define TCP_FIN_WAIT2_NS   (60 * TCP_SEC)
#define TCP_RETRIES_MAX    15 /* about 15 minutes */
#define TCP_SYN_RETRIES    6  /* about 2 minutes */
#define TCP_ORPHAN_RETRIES 8
#define TCP_QUICK_ACKS     16
#define TCP_INVALID_ACK_NS                                                                                             \
	(500 * TCP_MS) /* at most one answer in this time to segments without data that do not fit                     \
			*/

/* What one ACK has brought, between the steps of its processing. */
struct tcp_ack {
	uint32_t acked;     /* bytes of sequence that snd_una went forward */
	uint32_t delivered; /* bytes newly known to have arrived, by ACK or SACK */
	uint32_t lost;      /* bytes newly deemed lost */
	bool sacked_new, dsack, ece;
	bool is_dup;             /* RFC 5681 section 2 */
	bool retrans_acked;      /* something that was sent again has been acknowledged */
	uint64_t rtt_ns;         /* sample, 0: none */
	uint64_t newest_sent_ns; /* RACK: last transmission among what was delivered */
	uint32_t newest_end;
	uint8_t newest_times;
	bool fin_acked;
};

/* Timestamps count milliseconds (RFC 7323 section 5.4). */
static inline uint32_t tcp_timestamp(const struct tcp_conn *c)
{
	return (uint32_t)(c->now_ns / TCP_MS) + c->ts_offset;
}

static inline uint32_t tcp_flight(const struct tcp_conn *c)
{
	return c->snd_nxt - c->snd_una;
}

/* Bytes in the network. Without SACK each duplicate ACK stands for one segment that has left it (RFC 6582). */
static inline uint32_t tcp_pipe(const struct tcp_conn *c)
{
	return c->sack_ok ? c->pipe : c->pipe - MIN(c->pipe, (uint32_t)c->dup_acks * c->mss);
}

static inline bool tcp_has_unsent(const struct tcp_conn *c)
{
	return seq_before(c->snd_nxt, tcp_sndq_end(&c->sndq)) || (c->fin_wanted && !c->fin_sent);
}

/* tcp_inflight.c: what has been sent */
struct tcp_sent *tcp_sent_add(struct tcp_conn *c, uint32_t seq, uint32_t end, uint8_t flags);
/* s is being transmitted (again): it is in the network from now on. */
void tcp_sent_again(struct tcp_conn *c, struct tcp_sent *s);
/* Cuts s at seq, which lies inside; true unless memory is out. */
bool tcp_sent_split(struct tcp_conn *c, struct tcp_sent *s, uint32_t seq);
void tcp_sent_mark_lost(struct tcp_conn *c, struct tcp_sent *s);
void tcp_sent_mark_all_lost(struct tcp_conn *c, bool forget_sacks);
/* They were not lost after all. */
void tcp_sent_unmark_lost(struct tcp_conn *c);
void tcp_sent_free_all(struct tcp_conn *c);
/* Everything before `upto` has arrived. */
void tcp_sent_ack(struct tcp_conn *c, uint32_t upto, struct tcp_ack *a);
void tcp_sent_sack(struct tcp_conn *c, const struct tcp_seg *seg, struct tcp_ack *a);
struct tcp_sent *tcp_sent_first_lost(struct tcp_conn *c);

/* tcp_rtt.c */
void tcp_rtt_sample(struct tcp_conn *c, uint64_t rtt_ns);
uint64_t tcp_rto(const struct tcp_conn *c); /* with backoff */

/* tcp_rack.c */
void tcp_rack_delivered(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a);
/* Marks what must be lost, and arms the reordering timer for what may be. Bytes newly lost. */
uint32_t tcp_rack_detect(struct tcp_conn *c);
void tcp_rack_dsack(struct tcp_conn *c);
/* Arms a loss probe if one is useful; false: it is not. */
bool tcp_tlp_arm(struct tcp_conn *c);
void tcp_tlp_fire(struct tcp_conn *c);
void tcp_tlp_acked(struct tcp_conn *c, const struct tcp_seg *seg, const struct tcp_ack *a);

/* tcp_recovery.c */
void tcp_recovery_ack(struct tcp_conn *c, const struct tcp_seg *seg, struct tcp_ack *a);
void tcp_recovery_rto(struct tcp_conn *c);
void tcp_recovery_loss_detected(struct tcp_conn *c); /* by the reordering timer */
void tcp_cwnd_restart_after_idle(struct tcp_conn *c);

/* tcp_ack.c: false when the segment must not be processed further */
bool tcp_process_ack(struct tcp_conn *c, struct tcp_seg *seg);
void tcp_update_send_window(struct tcp_conn *c, const struct tcp_seg *seg);

/* tcp_output.c */
uint8_t *tcp_put_options(struct tcp_conn *c, uint8_t *p, bool sacks);
void tcp_send_rst(struct tcp_conn *c, uint32_t seq, bool ack);
void tcp_send_ack(struct tcp_conn *c);
void tcp_send_probe(struct tcp_conn *c, bool urgent); /* keepalive and window probes: an old sequence number */
bool tcp_retransmit_one(struct tcp_conn *c, struct tcp_sent *s, uint32_t max_bytes);
/* One piece of new data (or FIN) of at most max_bytes, whatever cwnd and Nagle say. False: none, or no window. */
bool tcp_send_new(struct tcp_conn *c, uint32_t max_bytes);

/* tcp_window.c */
uint16_t tcp_window_announce(struct tcp_conn *c);      /* moves rcv_adv */
uint32_t tcp_window_receive(const struct tcp_conn *c); /* what the peer may send now: rcv_adv - rcv_nxt */
void tcp_window_measure(struct tcp_conn *c, uint32_t len);
void tcp_window_consumed(struct tcp_conn *c);
void tcp_window_grow_sndbuf(struct tcp_conn *c);
bool tcp_window_wants_update(const struct tcp_conn *c);

/* tcp_timer.c */
void tcp_arm_rtx(struct tcp_conn *c, enum tcp_rtx_kind kind, uint64_t at_ns);
/* The right timer for what is outstanding. */
void tcp_rearm_rtx(struct tcp_conn *c);
void tcp_note_alive(struct tcp_conn *c);

/* tcp_pmtu.c */
void tcp_pmtu_blackhole(struct tcp_conn *c);

/* tcp_conn.c */
void tcp_enter(struct tcp_conn *c, enum tcp_state state);
void tcp_enter_time_wait(struct tcp_conn *c);
void tcp_closed(struct tcp_conn *c, int error);
/* An acceptable answer to what looks like an attack (RFC 5961), rate limited. */
void tcp_challenge_ack(struct tcp_conn *c);

#endif
