/* SPDX-License-Identifier: MIT */
/*
 * timer.c - one-shot timers in a heap, and the one deadline that the VMM watches for us.
 * Invariant: while the program runs, armed_ns <= the earliest deadline, so the VMM interrupts in time. A deadline that
 * went away or moved later is not worth a gate call: the early interruption finds nothing to do and arms again.
 * Each CPU has its own heap, armed from that CPU only; a timer may be cancelled from any. Each heap has a spin lock,
 * under which no callback runs; a cancellation waits for a callback that another CPU is in.
 */
#include "kernel/time/clock.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/spinlock.h"
#include "kernel/sched/thread.h"
#include "abi/layout.h"
#include "abi/vcpu_page.h"
#include "lib/compiler.h"
#include "lib/list.h"

static struct timer_cpu {
	struct spinlock lock; /* heap */
	struct pheap heap;
	uint64_t next_ns;       /* the earliest deadline; UINT64_MAX = none */
	struct ktimer *running; /* whose callback this CPU is in */
	uint64_t armed_ns;      /* what the VMM will interrupt this CPU for; this CPU's own */
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
	t->cpu = 0;
	t->unlocked = false;
	pheap_node_init(&t->node);
}

void ktimer_init_unlocked(struct ktimer *t, void (*fn)(struct ktimer *t), void *arg)
{
	ktimer_init(t, fn, arg);
	t->unlocked = true;
}

uint64_t ktimer_next_deadline(void)
{
	return READ_ONCE(this_timers()->next_ns);
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

/* Lock: tc's. */
static void heap_changed(struct timer_cpu *tc)
{
	struct pheap_node *n = pheap_min(&tc->heap);

	WRITE_ONCE(tc->next_ns, n != NULL ? n->key : UINT64_MAX);
}

void ktimer_arm(struct ktimer *t, uint64_t deadline_ns)
{
	struct timer_cpu *tc = this_timers();

	ktimer_cancel(t);
	spin_lock(&tc->lock);
	t->deadline_ns = deadline_ns;
	t->cpu = cpu_id();
	pheap_insert(&tc->heap, &t->node, deadline_ns);
	heap_changed(tc);
	spin_unlock(&tc->lock);
	if (deadline_ns < tc->armed_ns)
		sched_resume_timers();
}

static bool is_not_running(void *arg)
{
	const struct ktimer *t = arg;

	return __atomic_load_n(&cpus[t->cpu].running, __ATOMIC_ACQUIRE) != t; /* pairs with run_first */
}

void ktimer_cancel(struct ktimer *t)
{
	struct timer_cpu *tc = &cpus[t->cpu];
	bool queued;

	if (!SPIN_NEEDS_ATOMIC && !pheap_queued(&t->node))
		return;
	for (;;) {
		spin_lock(&tc->lock);
		queued = pheap_queued(&t->node);
		if (queued) {
			pheap_remove(&tc->heap, &t->node);
			heap_changed(tc);
		}
		spin_unlock(&tc->lock);
		/* Its callback may be running there, and arm it again; here it is the callback itself that asks. */
		if (tc == this_timers() || is_not_running(t))
			return;
		cpu_wait_until(is_not_running, t, CPU_WAIT_SPIN_NS);
	}
}

/* Runs the first timer if it is due. *entered: the kernel lock was taken for it. */
static bool run_first(struct timer_cpu *tc, uint64_t now_ns, bool *entered)
{
	struct pheap_node *n;
	struct ktimer *t;

	for (;;) {
		spin_lock(&tc->lock);
		n = pheap_min(&tc->heap);
		if (n == NULL || n->key > now_ns) {
			spin_unlock(&tc->lock);
			return false;
		}
		t = container_of(n, struct ktimer, node);
		/* Before it is taken out: whoever cancels it under the kernel lock must not find it running. */
		if (t->unlocked || !kernel_must_enter())
			break;
		spin_unlock(&tc->lock);
		*entered = kernel_enter();
	}
	pheap_remove(&tc->heap, n);
	heap_changed(tc);
	WRITE_ONCE(tc->running, t);
	spin_unlock(&tc->lock);
	t->fn(t);
	__atomic_store_n(&tc->running, NULL, __ATOMIC_RELEASE); /* t may be gone from here on */
	return true;
}

bool ktimer_run_expired(void)
{
	struct timer_cpu *tc = this_timers();
	bool any = false, entered = false;
	uint64_t now_ns;

	if (READ_ONCE(tc->next_ns) == UINT64_MAX)
		return false;
	now_ns = clock_monotonic_ns();
	while (run_first(tc, now_ns, &entered))
		any = true;
	if (entered)
		kernel_leave();
	return any;
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
	if (ktimer_next_deadline() != UINT64_MAX)
		sched_resume_timers();
}

void ktimer_subsystem_init(void)
{
	for (unsigned i = 0; i < CAY_VCPU_MAX; i++) {
		spin_init(&cpus[i].lock, "timers");
		pheap_init(&cpus[i].heap);
		cpus[i].next_ns = UINT64_MAX;
		cpus[i].armed_ns = UINT64_MAX;
	}
	event_register_unlocked(CAY_EVENT_TIMER, on_timer_event, NULL);
}
