/* SPDX-License-Identifier: MIT */
/*
 * tcp_mem.h - how much memory the queues of all TCP connections hold together, and how much they may (tcp(7), tcp_mem).
 *
 * Above `pressure` windows and send buffers stay small and out-of-order data is given up; above `full` nothing is taken
 * but what keeps a connection going (TCP_MEM_MIN bytes each way); it is over when less than `low` is held.
 * Counted per CPU and summed up in pieces, so that two connections share no cache line: the sum is off by at most
 * TCP_MEM_SLACK bytes per CPU. Locks: none. Context: any.
 */
#ifndef CAY_KERNEL_NET_TCP_MEM_H
#define CAY_KERNEL_NET_TCP_MEM_H

#include <stdbool.h>
#include <stdint.h>

enum tcp_mem_level { TCP_MEM_ENOUGH, TCP_MEM_PRESSURE, TCP_MEM_FULL };

#define TCP_MEM_SLACK    65536
#define TCP_MEM_MIN      4096u
#define TCP_MEM_MODERATE 65536u /* under pressure a connection may hold this much out of order, and to send */

struct tcp_mem_limits {
	uint64_t low, pressure, full; /* bytes */
};
extern struct tcp_mem_limits tcp_mem_limits;

/* Once: an eighth of the RAM is where pressure begins. */
void tcp_mem_init(uint64_t ram_bytes);
/* A connection's queues hold so many bytes more. */
void tcp_mem_charge(int64_t bytes);
uint64_t tcp_mem_used(void);
enum tcp_mem_level tcp_mem_level(void);
/* Memory is short: is it time to ask all connections for what they can do without? At most ten times a second. */
bool tcp_mem_reclaim_due(uint64_t now_ns);

#endif
