/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs on a CPU: choosing, switching, waking, idling.
 *
 * Invariants: the running thread is in no run queue; a runnable thread that does not run is in exactly one.
 * Tickless: the slice timer is armed only while somebody waits for the CPU.
 * A thread's FPU registers stay in the CPU until another thread of a program runs there, so blocking and waking
 * with only the idle thread in between saves and restores nothing.
 * Lock: struct sched_cpu would be guarded by one lock per CPU; with one CPU and a kernel that is not preempted, by
 * nothing. Deliberately not here: choosing a CPU for a woken thread. cpu_of() is the place.
 */
#include <stddef.h>

#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/rseq.h"
#include "kernel/log.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

/* How long idle looks for work before it pays two exits (about 50 us) for sleeping. Doubles when sleeps turn out short.
 */
#define POLL_MAX_NS   200000ull
#define POLL_START_NS 20000ull

struct sched_cpu {
	struct runqueue rq;
	struct ktimer slice;      /* armed while somebody waits for the CPU */
	bool need_resched;        /* the slice is over, or somebody more entitled woke */
	struct thread *fpu_owner; /* whose FPU state the registers hold; NULL = nobody's */
	struct thread *dead;      /* its stack is freed by the next thread */
	uint64_t poll_ns;         /* current idle polling time */
};

static struct sched_cpu cpus[CAY_VCPU_MAX];

static struct sched_cpu *this_sched(void)
{
	return &cpus[cpu_this()->id];
}

static struct sched_cpu *cpu_of(const struct thread *t)
{
	(void)t;
	return this_sched();
}

struct thread *thread_current(void)
{
	return cpu_this()->current;
}

static bool runs_program(const struct thread *t)
{
	return t->fpu != NULL;
}

/* The VMM may correct the clock's scale, so "now" may be a little before "then". */
static uint64_t ran_since_charged(const struct thread *t, uint64_t now_ns)
{
	return now_ns > t->cpu_start_ns ? now_ns - t->cpu_start_ns : 0;
}

uint64_t thread_cpu_ns(const struct thread *t)
{
	return t->cpu_ns + (t == thread_current() ? ran_since_charged(t, clock_monotonic_ns()) : 0);
}

/* Charges the running thread up to now. */
static void charge(struct sched_cpu *sc, struct thread *t, uint64_t now_ns)
{
	uint64_t ran_ns = ran_since_charged(t, now_ns);

	t->cpu_ns += ran_ns;
	t->cpu_start_ns = now_ns;
	if (t != cpu_this()->idle)
		rq_charge(&sc->rq, t, ran_ns);
}

static void slice_over(struct ktimer *timer)
{
	struct sched_cpu *sc = timer->arg;

	if (sc->rq.nr == 0)
		return;
	sc->need_resched = true;
	thread_current()->work |= THREAD_WORK_RESCHED;
}

static void load_fpu(struct sched_cpu *sc, struct thread *next)
{
	if (sc->fpu_owner == next)
		return;
	if (sc->fpu_owner != NULL)
		fpu_save(sc->fpu_owner);
	fpu_restore(next);
	sc->fpu_owner = next;
}

/* Runs on the new thread's stack, after each switch. */
void sched_switch_done(void)
{
	struct sched_cpu *sc = this_sched();
	struct thread *dead = sc->dead;

	if (dead != NULL) {
		sc->dead = NULL;
		thread_free(dead);
	}
}

static void switch_to(struct sched_cpu *sc, struct thread *prev, struct thread *next)
{
	struct cpu *cpu = cpu_this();

	next->cpu_start_ns = prev->cpu_start_ns; /* charge() has just set it to now */
	if (runs_program(prev))
		prev->fs_base = rdfsbase();
	if (runs_program(next)) {
		if (next->proc->vs != NULL)
			vmspace_activate(next->proc->vs);
		wrfsbase(next->fs_base);
		load_fpu(sc, next);
	}
	if (prev->state == THREAD_DEAD) {
		if (sc->fpu_owner == prev)
			sc->fpu_owner = NULL;
		sc->dead = prev;
	}
	cpu->current = next;
	cpu->kstack_top = next->kstack_top;
	STAT(CONTEXT_SWITCHES)++;
	arch_switch(prev, next);
	sched_switch_done();
}

/* Gives the CPU to whoever is due. The current thread's state says whether it waits in the queue, or for a wake, or is
 * dead. */
static void schedule(void)
{
	struct sched_cpu *sc = this_sched();
	struct cpu *cpu = cpu_this();
	struct thread *prev = cpu->current, *next;
	uint64_t now_ns = clock_monotonic_ns();

	charge(sc, prev, now_ns);
	sc->need_resched = false;
	if (prev->state == THREAD_RUNNABLE && prev != cpu->idle && !pheap_queued(&prev->run_node))
		rq_add(&sc->rq, prev, false);
	next = rq_take(&sc->rq);
	if (next == NULL)
		next = cpu->idle;
	if (sc->rq.nr > 0)
		ktimer_arm(&sc->slice, now_ns + RQ_SLICE_NS);
	else
		ktimer_cancel(&sc->slice);
	if (next != cpu->idle)
		ktimer_resume();
	if (next != prev)
		switch_to(sc, prev, next);
}

void sched_prepare(void)
{
	thread_current()->wake_pending = false;
}

void sched_block(void)
{
	struct thread *t = thread_current();

	if (!t->wake_pending)
		events_poll();
	if (t->wake_pending) {
		t->wake_pending = false;
		return;
	}
	ASSERT(t != cpu_this()->idle);
	t->state = THREAD_BLOCKED;
	t->nr_blocked++;
	schedule();
}

void sched_wake(struct thread *t)
{
	struct sched_cpu *sc = cpu_of(t);
	struct thread *running = thread_current();
	uint64_t now_ns;

	if (t->state == THREAD_DEAD)
		return;
	t->wake_pending = true;
	if (t->state != THREAD_BLOCKED)
		return;
	t->wake_pending = false;
	t->state = THREAD_RUNNABLE;
	rq_add(&sc->rq, t, true);
	if (running == cpu_this()->idle || running->state != THREAD_RUNNABLE)
		return; /* about to choose anyway */
	now_ns = clock_monotonic_ns();
	if (!ktimer_armed(&sc->slice))
		ktimer_arm(&sc->slice, now_ns + RQ_SLICE_NS);
	charge(sc, running, now_ns);
	if (rq_preempts(t, running)) {
		sc->need_resched = true;
		running->work |= THREAD_WORK_RESCHED;
	}
}

void sched_start(struct thread *t)
{
	t->state = THREAD_BLOCKED;
	sched_wake(t);
}

void sched_yield_now(void)
{
	struct thread *t = thread_current();

	t->work &= ~(uint64_t)THREAD_WORK_RESCHED;
	if (this_sched()->need_resched) {
		t->nr_preempted++;
		schedule();
		if (t->rseq != 0)
			rseq_interrupted(t);
	}
	ktimer_resume();
}

void sched_resume_timers(void)
{
	thread_current()->work |= THREAD_WORK_RESCHED;
}

void sched_yield_to_others(void)
{
	struct sched_cpu *sc = this_sched();
	struct thread *t = thread_current();
	struct pheap_node *n;

	events_poll();
	n = pheap_min(&sc->rq.heap);
	if (n == NULL)
		return;
	charge(sc, t, clock_monotonic_ns());
	if (t->vruntime_ns <= n->key)
		t->vruntime_ns = n->key + 1;
	t->nr_blocked++;
	schedule();
}

/* Waits up to poll_ns for something to happen, without an exit. Returns true when there is somebody to run. */
static bool idle_poll(struct sched_cpu *sc)
{
	uint64_t end_ns = clock_monotonic_ns() + sc->poll_ns;

	events_set_polling(true);
	do {
		events_poll();
		ktimer_run_expired();
		if (sc->rq.nr > 0)
			break;
		cpu_relax();
	} while (clock_monotonic_ns() < end_ns);
	events_set_polling(false);
	return sc->rq.nr > 0;
}

/* After a sleep: would a little more polling have spared it? */
static void adapt_polling(struct sched_cpu *sc, uint64_t slept_ns)
{
	if (boot_info->flags & CAY_BOOT_NO_POLL)
		sc->poll_ns = 0;
	else if (slept_ns > POLL_MAX_NS)
		sc->poll_ns /= 2;
	else if (sc->poll_ns < POLL_MAX_NS)
		sc->poll_ns = MIN(MAX(sc->poll_ns * 2, POLL_START_NS), POLL_MAX_NS);
}

NORETURN void sched_idle_loop(void *arg)
{
	struct sched_cpu *sc = this_sched();

	(void)arg;
	for (;;) {
		events_poll();
		ktimer_run_expired();
		if (sc->rq.nr == 0 && (sc->poll_ns == 0 || !idle_poll(sc))) {
			uint64_t before_ns = clock_monotonic_ns();

			events_wait(ktimer_next_deadline());
			adapt_polling(sc, clock_monotonic_ns() - before_ns);
			continue;
		}
		schedule();
	}
}

/* The first thread of a CPU is whoever boots it. */
void sched_cpu_init(struct thread *boot, struct thread *idle)
{
	struct sched_cpu *sc = this_sched();
	struct cpu *cpu = cpu_this();

	rq_init(&sc->rq);
	ktimer_init(&sc->slice, slice_over, sc);
	sc->poll_ns = boot_info->flags & CAY_BOOT_NO_POLL ? 0 : POLL_START_NS;
	sc->fpu_owner = boot;
	boot->cpu_start_ns = clock_monotonic_ns();
	cpu->idle = idle;
	cpu->current = boot;
	cpu->kstack_top = boot->kstack_top;
}

NORETURN void sched_exit(void)
{
	thread_current()->state = THREAD_DEAD;
	schedule();
	panic("a dead thread runs");
}
