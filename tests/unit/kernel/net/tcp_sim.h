/* SPDX-License-Identifier: MIT */
/*
 * tcp_sim.h - two ends of TCP over a simulated link, in virtual time: deterministic (by seed) and as fast as the CPU.
 * Each segment is written to bytes and parsed again, so the wire format is part of every test. The application at each
 * end writes a pattern and checks that it reads the other end's.
 */
#ifndef CAY_TESTS_TCP_SIM_H
#define CAY_TESTS_TCP_SIM_H

#include "kernel/net/tcp_conn.h"
#include "kernel/net/tcp_listen.h"
#include "kernel/net/tcp_priv.h"

/* One direction of the link. Probabilities in millionths. */
struct sim_link {
	uint64_t delay_ns;
	uint64_t rate_bps;    /* 0: infinitely fast */
	uint32_t queue_bytes; /* in front of a limited rate; 0: endless */
	uint32_t loss, reorder, dup;
	uint64_t reorder_ns;                     /* how much later a reordered packet comes */
	uint64_t jitter_ns;                      /* up to so much later, which reorders as well */
	uint64_t free_at_ns;                     /* when the wire is free */
	uint32_t drop_next;                      /* so many packets with data are lost from now on */
	uint32_t mtu_payload;                    /* larger ones vanish; 0: none do */
	bool (*drop)(const struct tcp_seg *seg); /* lost if it says so; may be NULL */
	uint64_t packets, dropped, bytes;
};

struct sim_packet {
	struct sim_packet *next;
	uint64_t at_ns;
	unsigned to;
	bool ce;
	uint32_t bytes;
	uint8_t data[];
};

struct sim_end {
	struct tcp_conn c;
	struct sim *sim;
	unsigned index;
	uint32_t gso;           /* 0: none */
	uint64_t to_write;      /* bytes the application still wants to write */
	uint64_t written, read; /* ever */
	bool close_when_written, shut_when_written;
	bool auto_read;      /* reads all at once */
	uint64_t read_limit; /* then stops */
	bool saw_eof, closed;
	uint64_t connected_ns, read_done_ns;
	uint64_t cc_check;
};

struct sim {
	uint64_t now_ns;
	uint64_t rng;
	uint16_t mss; /* that the listener announces */
	struct sim_end end[2];
	struct sim_link link[2];      /* [i]: away from end i */
	struct sim_packet *queue;     /* by time */
	struct tcp_listener listener; /* of end 1 */
	bool has_listener, accepted;
	struct tcp_tuple tuple; /* as end 1 sees it */
	uint64_t steps, last_event_ns;
};

void sim_init(struct sim *s, uint64_t seed);
void sim_listen(struct sim *s, unsigned max_requests);
void sim_connect(struct sim *s);
/* Connects end 0 to the listener of end 1 and runs until both are there. */
void sim_establish(struct sim *s);
/* Lets time pass until then. True if something is left to happen later. */
bool sim_run(struct sim *s, uint64_t until_ns);
bool sim_run_while(struct sim *s, bool (*cond)(struct sim *s), uint64_t until_ns);
/* One event; false: none before until_ns. */
bool sim_step(struct sim *s, uint64_t until_ns);
/* Lets the application and the protocol of end i do what they can now. */
void sim_work(struct sim *s, unsigned i);
void sim_write(struct sim *s, unsigned i, uint64_t bytes);
/* Reads up to max bytes and checks them. */
uint64_t sim_read(struct sim *s, unsigned i, uint64_t max);
void sim_free(struct sim *s);
uint32_t sim_random(struct sim *s);
/* Gives a made-up segment to end i. */
void sim_inject(struct sim *s, unsigned i, const struct tcp_seg *seg, const void *data);

#endif
