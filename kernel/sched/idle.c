/* SPDX-License-Identifier: MIT */
/*
 * idle.c - a CPU without work: it polls for a while, then sleeps in the VMM. Without the kernel lock.
 * Whoever puts a thread into this CPU's inbox sets its IPI event (smp_poke), so that nothing is missed between the last
 * look and the sleep.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/net/net.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/loadavg.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"

/* How long idle looks for work before it pays two exits (about 50 us) for sleeping. Doubles when sleeps turn out short.
 */
#define POLL_MAX_NS   200000ull
#define POLL_START_NS 20000ull
/*
 * Waking from a sleep takes 20 to 100 us, by the host and what else it does. So a sleep that a timer ends is ended
 * early, and the rest is polled. By how much: the mean of what the last ones were late, and four times their mean
 * deviation from it (as TCP's retransmission timer: RFC 6298); a single long one, for which the host had given our CPU
 * to somebody else, counts as LATE_MAX_NS. A sleeper of 1 ms costs 5 % of a CPU on a quiet host, 15 % at most.
 */
#define EARLY_MIN_NS 30000ull
#define EARLY_MAX_NS 150000ull
#define LATE_MAX_NS  100000ull

static bool has_work(const struct cpu *cpu, const struct sched_cpu *sc, uint64_t deadline_ns, uint64_t now_ns)
{
	return READ_ONCE(cpu->vcpu->pending) != 0 || sched_has_waiting(sc) || now_ns >= deadline_ns ||
	       (smp_active && balance_may_pull((unsigned)cpu->id, now_ns)) || net_pending();
}

static bool may_poll(void)
{
	return !(boot_info->flags & CAY_BOOT_NO_POLL);
}

/* Waits for something to happen, without an exit, up to poll_ns or a deadline that is near. Returns true when there is
 * something to do. */
static bool poll(struct sched_cpu *sc, uint64_t deadline_ns)
{
	struct cpu *cpu = cpu_this();
	uint64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + sc->poll_ns;
	bool work;

	if (!may_poll())
		return false;
	if (deadline_ns - now_ns <= sc->early_ns)
		end_ns = MAX(end_ns, deadline_ns);
	else if (net_idle_carried())
		return false;
	if (end_ns == now_ns)
		return false;
	cpu_idle_begin();
	events_set_polling(true);
	for (;;) {
		work = has_work(cpu, sc, deadline_ns, now_ns);
		if (work || now_ns >= end_ns)
			break;
		cpu_relax();
		now_ns = clock_monotonic_ns();
	}
	events_set_polling(false);
	cpu_idle_end();
	return work;
}

/* After a sleep: would a little more polling have spared it? */
static void adapt_polling(struct sched_cpu *sc, uint64_t slept_ns)
{
	if (!may_poll())
		return;
	if (slept_ns > POLL_MAX_NS)
		sc->poll_ns /= 2;
	else if (sc->poll_ns < POLL_MAX_NS)
		sc->poll_ns = MIN(MAX(sc->poll_ns * 2, POLL_START_NS), POLL_MAX_NS);
}

static void adapt_early(struct sched_cpu *sc, uint64_t late_ns)
{
	int64_t off;

	late_ns = MIN(late_ns, LATE_MAX_NS);
	off = (int64_t)(late_ns - sc->late_ns);
	sc->late_ns += (uint64_t)(off / 8);
	sc->late_dev_ns += (uint64_t)(((off < 0 ? -off : off) - (int64_t)sc->late_dev_ns) / 4);
	sc->early_ns = MIN(MAX(sc->late_ns + 4 * sc->late_dev_ns, EARLY_MIN_NS), EARLY_MAX_NS);
}

static void sleep(struct sched_cpu *sc, uint64_t deadline_ns)
{
	uint64_t before_ns = clock_monotonic_ns(), after_ns;

	if (smp_active)
		sched_save_fpu(sc); /* so that other CPUs may run its thread meanwhile */
	rcu_poll();
	if (may_poll() && deadline_ns != UINT64_MAX)
		deadline_ns -= sc->early_ns;
	cpu_idle_begin();
	events_wait(deadline_ns);
	cpu_idle_end();
	after_ns = clock_monotonic_ns();
	if (deadline_ns > before_ns && deadline_ns <= after_ns)
		adapt_early(sc, after_ns - deadline_ns);
	adapt_polling(sc, after_ns - before_ns);
}

NORETURN void sched_idle_loop(void *arg)
{
	struct cpu *cpu = cpu_this(); /* the idle thread stays where it is */
	struct sched_cpu *sc = &sched_cpus[cpu->id];

	(void)arg;
	sc->early_ns = EARLY_MIN_NS;
	for (;;) {
		uint64_t deadline_ns;

		events_poll();
		ktimer_run_expired();
		rcu_poll();
		if (net_pending())
			net_idle_poll();
		if (sched_has_waiting(sc) || (smp_active && balance_pull((unsigned)cpu->id, clock_monotonic_ns()))) {
			loadavg_busy();
			sched_schedule();
			continue;
		}
		net_idle_begin();
		deadline_ns = ktimer_next_deadline();
		if (!poll(sc, deadline_ns) && !net_idle_sleep())
			sleep(sc, deadline_ns);
	}
}
