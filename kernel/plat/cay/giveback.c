/* SPDX-License-Identifier: MIT */
/*
 * giveback.c - memory that has been free for a while goes back to the host, in huge blocks.
 *
 * Taking a block back costs 50 us (gate call, the host's unmapping), and 180 us and more when it is used again. So a
 * program that frees and allocates in turns must not pay: what counts is the smallest number of free blocks within a
 * period, which nobody has needed for all of it, and RESERVE of them stay. A timer looks once a period, as long as
 * there are more than that; it does a little at a time, so that nobody waits long.
 */
#include "kernel/plat/cay/giveback.h"

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/page.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "kernel/time/clock.h"
#include "lib/compiler.h"

#define RESERVE   16u /* blocks, 32 MiB */
#define PERIOD_NS 1000000000ull
#define STEP      8u /* blocks at once: half a millisecond */
#define STEP_NS   10000000ull

static struct ktimer timer;
static bool armed;
static size_t due; /* blocks that nobody needed in the last period */

/* False: the host will not have it. */
static bool give_one(void)
{
	pa_t pa;
	bool taken;

	if (!page_idle_take(&pa))
		return false;
	taken = gate_call(CAY_GATE_FREE, pa.v, HUGE_SIZE, 0, 0, 0) == 0;
	page_idle_return(pa, taken);
	return taken;
}

static void look(struct ktimer *t)
{
	size_t least, idle;

	if (due == 0) {
		idle = page_idle_blocks(&least);
		due = least > RESERVE ? least - RESERVE : 0;
		if (idle <= RESERVE) {
			__atomic_store_n(&armed, false, __ATOMIC_RELAXED);
			return;
		}
	}
	for (unsigned i = 0; i < STEP && due > 0; i++)
		due = give_one() ? due - 1 : 0;
	ktimer_arm(t, clock_monotonic_ns() + (due > 0 ? STEP_NS : PERIOD_NS));
}

/* Timers are armed under the kernel lock; who frees without it leaves it to the next one. */
static void there_is_much(void)
{
	size_t least;

	if (READ_ONCE(armed) || (smp_active && !cpu_this()->holds_klock))
		return;
	armed = true;
	(void)page_idle_blocks(&least); /* the period begins */
	ktimer_arm(&timer, clock_monotonic_ns() + PERIOD_NS);
}

void giveback_init(void)
{
	ktimer_init(&timer, look, NULL);
	page_set_idle(RESERVE, boot_info->small_end_gpa, there_is_much);
}
