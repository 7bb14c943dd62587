/* SPDX-License-Identifier: MIT */
/* tcp_mem.c - see tcp_mem.h. */
#include "kernel/net/tcp_mem.h"

#include "kernel/mm/percpu.h"
#include "lib/compiler.h"

#define RECLAIM_EVERY_NS 100000000ull

struct tcp_mem_limits tcp_mem_limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

static struct {
	int64_t bytes; /* not in `sum` yet */
} ALIGNED(64) part[CAY_VCPU_MAX];
static int64_t sum;
static bool pressed; /* since `pressure` was passed, until there is less than `low` */
static uint64_t reclaimed_ns;

void tcp_mem_init(uint64_t ram_bytes)
{
	tcp_mem_limits = (struct tcp_mem_limits){ram_bytes / 32 * 3, ram_bytes / 8, ram_bytes / 16 * 3};
}

void tcp_mem_charge(int64_t bytes)
{
	int64_t mine = part[percpu_id()].bytes + bytes;

	if (mine > TCP_MEM_SLACK || mine < -TCP_MEM_SLACK) {
		__atomic_add_fetch(&sum, mine, __ATOMIC_RELAXED);
		mine = 0;
	}
	part[percpu_id()].bytes = mine;
}

uint64_t tcp_mem_used(void)
{
	int64_t all = __atomic_load_n(&sum, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < CAY_VCPU_MAX; i++)
		all += READ_ONCE(part[i].bytes);
	return all > 0 ? (uint64_t)all : 0;
}

enum tcp_mem_level tcp_mem_level(void)
{
	int64_t now = __atomic_load_n(&sum, __ATOMIC_RELAXED);
	uint64_t used = now > 0 ? (uint64_t)now : 0;

	if (unlikely(used > tcp_mem_limits.full))
		return TCP_MEM_FULL;
	if (unlikely(used > tcp_mem_limits.pressure))
		WRITE_ONCE(pressed, true);
	else if (likely(!READ_ONCE(pressed)))
		return TCP_MEM_ENOUGH;
	else if (used < tcp_mem_limits.low)
		WRITE_ONCE(pressed, false);
	return READ_ONCE(pressed) ? TCP_MEM_PRESSURE : TCP_MEM_ENOUGH;
}

bool tcp_mem_reclaim_due(uint64_t now_ns)
{
	uint64_t last = READ_ONCE(reclaimed_ns);

	return (last == 0 || now_ns - last >= RECLAIM_EVERY_NS) &&
	       __atomic_compare_exchange_n(&reclaimed_ns, &last, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
