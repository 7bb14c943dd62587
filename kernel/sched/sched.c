/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs on a CPU: choosing, switching, blocking, waking.
 *
 * Invariants: the running thread is in no run queue; a runnable thread that does not run is in exactly one, that of
 * thread.cpu. Tickless: the slice timer is armed while somebody waits for the CPU, and ends by itself when nobody does.
 * A thread's FPU registers stay in the CPU until another thread of a program runs there, so blocking and waking
 * with only the idle thread in between saves and restores nothing. Until then (thread.fpu_cpu) it can run nowhere else.
 * Lock: the kernel lock, which the CPU keeps across a switch. Which CPU: balance.c. Nothing to do: idle.c.
 */
#include <linux/sched.h>
#include <stddef.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/rseq.h"
#include "kernel/log.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

struct sched_cpu sched_cpus[CAY_VCPU_MAX];

static struct sched_cpu *this_sched(void)
{
	return &sched_cpus[cpu_this()->id];
}

unsigned cpu_id(void)
{
	return (unsigned)cpu_this()->id;
}

struct thread *thread_current(void)
{
	return cpu_this()->current;
}

static bool runs_program(const struct thread *t)
{
	return t->fpu != NULL;
}

static bool is_running(const struct thread *t)
{
	return cpu_by_id(t->cpu)->current == t;
}

/* The VMM may correct the clock's scale, so "now" may be a little before "then". */
static uint64_t ran_since_charged(const struct thread *t, uint64_t now_ns)
{
	return now_ns > t->cpu_start_ns ? now_ns - t->cpu_start_ns : 0;
}

uint64_t thread_cpu_ns(const struct thread *t)
{
	return t->cpu_ns + (is_running(t) ? ran_since_charged(t, clock_monotonic_ns()) : 0);
}

uint64_t sched_running_vruntime(unsigned id, uint64_t now_ns)
{
	const struct thread *t = cpu_by_id(id)->current;

	return t->vruntime_ns + rq_scale(ran_since_charged(t, now_ns), t);
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

/* --- switching --- */

void sched_save_fpu(struct sched_cpu *sc)
{
	struct thread *owner = sc->fpu_owner;

	if (owner == NULL)
		return;
	fpu_save(owner);
	owner->fpu_cpu = FPU_IN_MEMORY;
	sc->fpu_owner = NULL;
}

static void load_fpu(struct sched_cpu *sc, struct thread *next)
{
	struct thread *owner = sc->fpu_owner;

	if (owner == next)
		return;
	if (owner != NULL) {
		fpu_switch(owner, next);
		owner->fpu_cpu = FPU_IN_MEMORY;
	} else {
		fpu_restore(next);
	}
	next->fpu_cpu = (int)next->cpu;
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
	if (next->proc->vs != NULL)
		vmspace_activate(next->proc->vs);
	if (runs_program(next)) {
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
	smp_release_others();
	if (next->proc->vs != NULL)
		tlb_catch_up();
	STAT(CONTEXT_SWITCHES)++;
	arch_switch(prev, next);
	sched_switch_done();
}

/* Whoever is due here. One that may not run here any more goes where it may. */
static struct thread *take_next(struct sched_cpu *sc, unsigned id, uint64_t now_ns)
{
	struct thread *t;

	while ((t = rq_take(&sc->rq, now_ns)) != NULL) {
		if (t->affinity >> id & 1)
			return t;
		if (sc->fpu_owner == t)
			sched_save_fpu(sc);
		sched_enqueue(balance_choose(t), t, false);
	}
	return NULL;
}

/* Set when there is a program: kernel threads are not preempted, and a timer for them would be an exit at each start.
 */
static bool slices_end;

/*
 * The slice of whoever runs ends at slice_start_ns + RQ_SLICE_NS. The timer may be early (armed for a former slice, or
 * for nobody any more): then it looks again (cpus.c). Arming it anew at each switch would cost a tenth of the switch.
 */
static void arm_slice(struct sched_cpu *sc, uint64_t now_ns)
{
	if (slices_end && !ktimer_armed(&sc->slice))
		ktimer_arm(&sc->slice, now_ns + RQ_SLICE_NS);
}

void sched_first_program(void)
{
	slices_end = true;
	if (this_sched()->rq.nr > 0)
		arm_slice(this_sched(), clock_monotonic_ns());
}

/* The current thread, charged up to now_ns, waits in the queue, or for a wake, or is dead: its state says which. */
static void choose_next(struct sched_cpu *sc, struct cpu *cpu, uint64_t now_ns)
{
	unsigned id = (unsigned)cpu->id;
	struct thread *prev = cpu->current, *next;

	sc->need_resched = false;
	if (prev->state == THREAD_RUNNABLE && prev != cpu->idle && !pheap_queued(&prev->run_node))
		rq_add(&sc->rq, prev, false);
	next = take_next(sc, id, now_ns);
	if (next == NULL && smp_active && balance_pull(id, now_ns))
		next = take_next(sc, id, now_ns);
	if (next == NULL)
		next = cpu->idle;
	sc->slice_start_ns = now_ns;
	if (sc->rq.nr > 0) {
		arm_slice(sc, now_ns);
		if (smp_active)
			balance_call_help(id, now_ns);
	}
	if (next != cpu->idle)
		ktimer_resume();
	if (next != prev)
		switch_to(sc, prev, next);
}

void sched_schedule(void)
{
	struct sched_cpu *sc = this_sched();
	struct cpu *cpu = cpu_this();
	uint64_t now_ns = clock_monotonic_ns();

	charge(sc, cpu->current, now_ns);
	choose_next(sc, cpu, now_ns);
}

/* --- blocking and waking --- */

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
	sched_schedule();
}

/* Somebody waits in this CPU's queue: may the running thread go on? */
static void consider(struct sched_cpu *sc, const struct thread *waiting)
{
	struct thread *running = thread_current();
	uint64_t now_ns;

	if (running == cpu_this()->idle || running->state != THREAD_RUNNABLE)
		return; /* about to choose anyway */
	now_ns = clock_monotonic_ns();
	arm_slice(sc, now_ns);
	charge(sc, running, now_ns);
	if (rq_preempts(waiting, running, running->vruntime_ns)) {
		sc->need_resched = true;
		thread_work_set(running, THREAD_WORK_RESCHED);
	}
}

void sched_look(void)
{
	struct sched_cpu *sc = this_sched();
	const struct thread *first = rq_first(&sc->rq, clock_monotonic_ns());

	if (first != NULL)
		consider(sc, first);
}

void sched_enqueue(unsigned id, struct thread *t, bool woke)
{
	struct sched_cpu *sc = &sched_cpus[id];

	ASSERT(!smp_active || cpu_this()->holds_klock);
	if (smp_active) {
		uint64_t now_ns = clock_monotonic_ns();

		if (t->cpu != id) {
			rq_adopt(&sc->rq, t);
			t->cpu = id;
			STAT(MIGRATED)++;
			if (t->rseq != 0)
				thread_work_set(t, THREAD_WORK_RSEQ);
		}
		t->queued_ns = now_ns;
		if (sc->rq.nr == 0)
			WRITE_ONCE(sc->waiting_since_ns, now_ns);
	}
	rq_add(&sc->rq, t, woke);
	if (id != cpu_this()->id)
		smp_poke(id);
	else
		consider(sc, t);
}

void sched_wake(struct thread *t)
{
	if (t->state == THREAD_DEAD)
		return;
	t->wake_pending = true;
	if (t->state != THREAD_BLOCKED) {
		/* It may be in the program, on another CPU, and have something to do before it goes on there. */
		if (t->work != 0 && t->cpu != cpu_this()->id && is_running(t))
			smp_poke(t->cpu);
		return;
	}
	t->wake_pending = false;
	t->state = THREAD_RUNNABLE;
	sched_enqueue(balance_choose(t), t, true);
}

void sched_start(struct thread *t)
{
	t->state = THREAD_BLOCKED;
	sched_wake(t);
}

/* --- giving up the CPU --- */

void sched_yield_now(void)
{
	struct thread *t = thread_current();

	thread_work_clear(t, THREAD_WORK_RESCHED);
	if (this_sched()->need_resched) {
		t->nr_preempted++;
		sched_schedule();
		if (t->rseq != 0)
			rseq_interrupted(t);
	}
	ktimer_resume();
}

void sched_resume_timers(void)
{
	thread_work_set(thread_current(), THREAD_WORK_RESCHED);
}

bool sched_is_alone(void)
{
	return READ_ONCE(this_sched()->rq.nr) == 0 && READ_ONCE(cpu_this()->vcpu->pending) == 0;
}

void sched_yield_to_others(void)
{
	struct sched_cpu *sc = this_sched();
	struct thread *t = thread_current();
	uint64_t now_ns;

	events_poll();
	if (sc->rq.nr == 0)
		return;
	now_ns = clock_monotonic_ns();
	charge(sc, t, now_ns);
	rq_step_back(&sc->rq, t);
	t->nr_blocked++;
	choose_next(sc, cpu_this(), now_ns);
}

/* A queued thread is queued anew, because its place depends on them. */
void sched_set_policy(struct thread *t, int policy, int rt_priority)
{
	bool queued = pheap_queued(&t->run_node);

	if (queued)
		rq_remove(&sched_cpus[t->cpu].rq, t);
	t->policy = policy;
	t->rt_priority = rt_priority;
	t->rt_turn = 0;
	if (queued)
		sched_enqueue(t->cpu, t, false);
	else if (t == thread_current())
		sched_look();
}

void sched_affinity_changed(struct thread *t)
{
	if (t->affinity >> t->cpu & 1)
		return;
	if (pheap_queued(&t->run_node)) {
		struct sched_cpu *sc = &sched_cpus[t->cpu];

		/* With its registers in the wrong CPU it goes when that CPU gets to it. */
		if (t->fpu_cpu != FPU_IN_MEMORY && t->fpu_cpu != (int)cpu_this()->id)
			return;
		if (sc->fpu_owner == t)
			sched_save_fpu(sc);
		rq_remove(&sc->rq, t);
		sched_enqueue(balance_choose(t), t, false);
	} else if (is_running(t)) {
		sched_cpus[t->cpu].need_resched = true;
		thread_work_set(t, THREAD_WORK_RESCHED);
		if (t->cpu != cpu_this()->id)
			smp_poke(t->cpu);
	}
}

NORETURN void sched_exit(void)
{
	thread_current()->state = THREAD_DEAD;
	sched_schedule();
	panic("a dead thread runs");
}
