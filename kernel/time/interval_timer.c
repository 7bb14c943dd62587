/* SPDX-License-Identifier: MIT */
/* interval_timer.c - see interval_timer.h. */
#include "kernel/sched/thread.h"
#include "kernel/time/interval_timer.h"
#include "kernel/time/timespec.h"

/* A shorter period would leave the program no time between interruptions; expiries in between count as overruns. */
#define PERIOD_MIN_NS 50000ull
/*
 * However many timers a program has, their expiries may take a part of the CPU only: each costs about half a
 * microsecond, and is worth one of these slots. When more are wanted than there are slots, the expiries are put off
 * to ticks, so that many of them share one interruption.
 */
#define SLOT_NS 5000ull
#define TICK_NS 1000000ull

static uint64_t slots_end_ns; /* until when slots are given away; lock: the kernel's */

static uint64_t clock_now(const struct interval_timer *it)
{
	struct thread *t;

	switch (it->clock.kind) {
	case CLOCK_KIND_REALTIME:
		return clock_realtime_ns();
	case CLOCK_KIND_CPU_PROCESS:
		return process_cpu_ns(it->proc);
	case CLOCK_KIND_USER_PROCESS:
		return process_cpu_time(it->proc).user_ns;
	case CLOCK_KIND_CPU_THREAD:
		t = thread_find(it->clock.tid);
		return t != NULL ? thread_cpu_ns(t) : 0; /* an ended thread's clock stands still */
	case CLOCK_KIND_MONOTONIC:
		break;
	}
	return clock_monotonic_ns();
}

static uint64_t left_ns(const struct interval_timer *it, uint64_t now_ns)
{
	return it->expiry_ns > now_ns ? it->expiry_ns - now_ns : 0;
}

/* After an expiry. now_ns: of its clock. */
static void arm_again(struct interval_timer *it, uint64_t now_ns)
{
	uint64_t deadline_ns = deadline_after(MAX(left_ns(it, now_ns), PERIOD_MIN_NS));

	slots_end_ns = MAX(slots_end_ns, clock_monotonic_ns()) + SLOT_NS;
	ktimer_arm(&it->ktimer, slots_end_ns > deadline_ns ? ALIGN_UP(slots_end_ns, TICK_NS) : deadline_ns);
}

static void on_ktimer(struct ktimer *k)
{
	struct interval_timer *it = k->arg;
	uint64_t now_ns = clock_now(it), periods = 1;

	if (now_ns < it->expiry_ns) {
		arm_again(it, now_ns);
		return;
	}
	if (it->interval_ns != 0) {
		periods += (now_ns - it->expiry_ns) / it->interval_ns;
		it->expiry_ns += periods * it->interval_ns;
		arm_again(it, now_ns);
	} else {
		it->expiry_ns = 0;
	}
	it->expired(it, periods);
}

void interval_timer_init(struct interval_timer *it, struct process *p, struct clock_ref clock,
			 void (*expired)(struct interval_timer *it, uint64_t periods))
{
	*it = (struct interval_timer){.clock = clock, .proc = p, .expired = expired};
	ktimer_init(&it->ktimer, on_ktimer, it);
}

void interval_timer_set(struct interval_timer *it, uint64_t first_ns, bool absolute, uint64_t interval_ns)
{
	uint64_t now_ns = clock_now(it);

	ktimer_cancel(&it->ktimer);
	it->expiry_ns = 0;
	it->interval_ns = interval_ns;
	if (first_ns == 0)
		return;
	if (absolute)
		it->expiry_ns = first_ns;
	else
		it->expiry_ns = first_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + first_ns;
	ktimer_arm(&it->ktimer, deadline_after(left_ns(it, now_ns)));
}

uint64_t interval_timer_left_ns(const struct interval_timer *it)
{
	uint64_t now_ns;

	if (it->expiry_ns == 0)
		return 0;
	now_ns = clock_now(it);
	return it->expiry_ns > now_ns ? it->expiry_ns - now_ns : 1;
}
