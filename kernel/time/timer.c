/* SPDX-License-Identifier: MIT */
/*
 * timer.c - one-shot timers in a heap, and the one deadline that the VMM watches for us.
 * Invariant: while the program runs, armed_ns <= the earliest deadline, so the VMM interrupts in time. A deadline that
 * went away or moved later is not worth a gate call: the early interruption finds nothing to do and arms again.
 * Each CPU has its own heap, armed from that CPU only; a timer may be cancelled from any. Lock: the kernel lock.
 */
#include "kernel/time/clock.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/thread.h"
#include "abi/layout.h"
#include "abi/vcpu_page.h"
#include "lib/compiler.h"
#include "lib/list.h"

static struct timer_cpu {
	struct pheap heap;
	uint64_t armed_ns; /* what the VMM will interrupt this CPU for */
} cpus[CAY_VCPU_MAX];

static struct timer_cpu *this_timers(void)
{
	return &cpus[cpu_id()];
}

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	t->deadline_ns = 0;
	pheap_node_init(&t->node);
}

uint64_t ktimer_next_deadline(void)
{
	struct pheap_node *n = pheap_min(&this_timers()->heap);

	return n != NULL ? n->key : UINT64_MAX;
}

void ktimer_resume(void)
{
	struct timer_cpu *tc = this_timers();
	uint64_t next_ns = ktimer_next_deadline();

	if (next_ns >= tc->armed_ns)
		return;
	tc->armed_ns = next_ns;
	events_arm_timer(next_ns);
}

bool ktimer_armed(const struct ktimer *t)
{
	return pheap_queued(&t->node);
}

void ktimer_arm(struct ktimer *t, uint64_t deadline_ns)
{
	struct timer_cpu *tc = this_timers();

	ktimer_cancel(t);
	t->deadline_ns = deadline_ns;
	t->cpu = cpu_id();
	pheap_insert(&tc->heap, &t->node, deadline_ns);
	if (deadline_ns < tc->armed_ns)
		sched_resume_timers();
}

void ktimer_cancel(struct ktimer *t)
{
	if (pheap_queued(&t->node))
		pheap_remove(&cpus[t->cpu].heap, &t->node);
}

bool ktimer_run_expired(void)
{
	struct timer_cpu *tc = this_timers();
	bool any = false;
	uint64_t now_ns;

	if (pheap_min(&tc->heap) == NULL)
		return false;
	now_ns = clock_monotonic_ns();
	for (;;) {
		struct pheap_node *n = pheap_min(&tc->heap);
		struct ktimer *t;

		if (n == NULL || n->key > now_ns)
			return any;
		pheap_remove(&tc->heap, n);
		t = container_of(n, struct ktimer, node);
		t->fn(t);
		any = true;
	}
}

/*
 * The VMM's timer has fired, so it watches nothing any more. It may have been for a timer that is gone, and the host's
 * clock may be a little ahead of ours, so that nothing is due yet: then it must be told again.
 */
static void on_timer_event(void *arg)
{
	(void)arg;
	this_timers()->armed_ns = UINT64_MAX;
	ktimer_run_expired();
	if (pheap_min(&this_timers()->heap) != NULL)
		sched_resume_timers();
}

void ktimer_subsystem_init(void)
{
	for (unsigned i = 0; i < CAY_VCPU_MAX; i++) {
		pheap_init(&cpus[i].heap);
		cpus[i].armed_ns = UINT64_MAX;
	}
	event_register(CAY_EVENT_TIMER, on_timer_event, NULL);
}
