/* SPDX-License-Identifier: MIT */
/*
 * sched.c - who runs on a CPU: choosing, switching, blocking, waking. Needs no kernel lock.
 *
 * Invariants: the running thread is in no run queue; a runnable thread that does not run is in exactly one queue or
 * inbox, that of thread.cpu, or in the hands of who woke or took it. Only a CPU itself adds to its run queue and takes
 * from it to run; others take from it under its lock, and add to its inbox. Blocking against waking: both change
 * thread.state by compare-and-exchange; the one that makes a BLOCKED thread RUNNABLE queues it. It may be still on its
 * way off its CPU (on_cpu): then it goes to that CPU's inbox, which is opened after the switch. tests/model/block.pml.
 * Tickless: the slice timer is armed while somebody waits for the CPU, and ends by itself when nobody does.
 * A thread's FPU registers stay in the CPU until another thread of a program runs there, so blocking and waking
 * with only the idle thread in between saves and restores nothing. Until then (thread.fpu_cpu) it can run nowhere else.
 * The kernel lock is released when a thread that has it is switched out, and taken again before it goes on. Which CPU:
 * balance.c. Nothing to do: idle.c.
 */
#include <linux/sched.h>
#include <stddef.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/linux/rseq.h"
#include "kernel/log.h"
#include "kernel/mm/vmspace.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

struct sched_cpu sched_cpus[CAY_VCPU_MAX];

static struct sched_cpu *this_sched(void)
{
	return &sched_cpus[cpu_id()];
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

/* Charges the running thread up to now. Lock: the CPU's. */
static void charge(struct sched_cpu *sc, struct thread *t, uint64_t now_ns)
{
	uint64_t ran_ns = ran_since_charged(t, now_ns);

	t->cpu_ns += ran_ns;
	t->cpu_start_ns = now_ns;
	if (t != cpu_this()->idle)
		rq_charge(&sc->rq, t, ran_ns);
}

/* --- switching --- */

/* Its registers are in memory: from here on other CPUs may run it. */
static void fpu_is_saved(struct thread *t)
{
	__atomic_store_n(&t->fpu_cpu, FPU_IN_MEMORY, __ATOMIC_RELEASE);
}

void sched_save_fpu(struct sched_cpu *sc)
{
	struct thread *owner = sc->fpu_owner;

	if (owner == NULL)
		return;
	sc->fpu_owner = NULL;
	fpu_save(owner);
	fpu_is_saved(owner);
}

static void load_fpu(struct sched_cpu *sc, struct thread *next, uint32_t used)
{
	struct thread *owner = sc->fpu_owner;

	if (owner == next)
		return;
	if (owner != NULL) {
		fpu_switch(owner, next, used);
		fpu_is_saved(owner);
	} else {
		fpu_restore(next);
	}
	next->fpu_cpu = (int)next->cpu;
	sc->fpu_owner = next;
}

static void activate(struct vmspace *vs)
{
	bool entered;

	if (cpu_this()->vs == vs)
		return;
	entered = kernel_enter();
	vmspace_activate(vs);
	if (entered)
		kernel_leave();
}

static void free_dead(struct thread *t)
{
	bool entered = kernel_enter();

	thread_free(t);
	if (entered)
		kernel_leave();
}

/* Runs on the new thread's stack, after each switch. The old one's is free for others now. */
void sched_switch_done(void)
{
	struct sched_cpu *sc = this_sched();
	struct thread *prev = sc->prev;
	bool dead = prev->state == THREAD_DEAD;

	if (smp_active) {
		if (sc->prev_leaves && sc->fpu_owner == prev)
			sched_save_fpu(sc);
		if (!dead)
			__atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE); /* what it left is seen first */
		if (sc->prev_leaves) {
			sc->prev_leaves = false;
			sched_enqueue(balance_choose(prev), prev, false, clock_monotonic_ns());
		}
		if (thread_current()->wants_klock)
			(void)kernel_enter();
	}
	if (dead)
		free_dead(prev);
}

/* For those that balance. */
static void publish_running(struct sched_cpu *sc, const struct thread *t, bool idle)
{
	WRITE_ONCE(sc->running_vruntime_ns, t->vruntime_ns);
	WRITE_ONCE(sc->running_since_ns, t->cpu_start_ns);
	WRITE_ONCE(sc->running_kind, idle ? RUNS_NOBODY : rq_is_realtime(t) ? RUNS_REALTIME : RUNS_FAIR);
}

static void switch_to(struct sched_cpu *sc, struct thread *prev, struct thread *next, uint32_t fpu_used)
{
	struct cpu *cpu = cpu_this();

	next->cpu_start_ns = prev->cpu_start_ns; /* charge() has just set it to now */
	if (runs_program(prev))
		prev->fs_base = rdfsbase();
	if (next->proc->vs != NULL)
		activate(next->proc->vs);
	if (runs_program(next)) {
		wrfsbase(next->fs_base);
		load_fpu(sc, next, fpu_used);
	}
	if (prev->state == THREAD_DEAD && sc->fpu_owner == prev)
		sc->fpu_owner = NULL;
	sc->prev = prev;
	cpu->current = next;
	cpu->kstack_top = next->kstack_top;
	if (smp_active) {
		next->on_cpu = true;
		publish_running(sc, next, next == cpu->idle);
		smp_release_others();
		if (next->proc->vs != NULL)
			tlb_catch_up();
		prev->wants_klock = cpu->holds_klock;
		if (cpu->holds_klock && !next->wants_klock)
			klock_release();
	}
	STAT(CONTEXT_SWITCHES)++;
	arch_switch(prev, next);
	sched_switch_done();
}

/* Whoever is due here. One that may not run here any more goes where it may. Lock: the CPU's. */
static struct thread *take_next(struct sched_cpu *sc, unsigned id, uint64_t now_ns)
{
	struct thread *t;

	while ((t = rq_take(&sc->rq, now_ns)) != NULL) {
		unsigned where;

		if (t->affinity >> id & 1)
			return t;
		if (sc->fpu_owner == t)
			sched_save_fpu(sc);
		where = balance_choose(t);
		if (where == id)
			return t; /* nowhere else either */
		sched_enqueue(where, t, false, now_ns);
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

/* t, which is this CPU's, into its queue. Lock: the CPU's. */
static void queue_here(struct sched_cpu *sc, struct thread *t, bool woke, uint64_t now_ns)
{
	if (smp_active) {
		t->queued_ns = now_ns;
		if (sc->rq.nr == 0)
			WRITE_ONCE(sc->waiting_since_ns, now_ns);
	}
	rq_add(&sc->rq, t, woke);
}

/* What other CPUs have brought, in the order in which it came. Lock: the CPU's. */
static void open_inbox(struct sched_cpu *sc, uint64_t now_ns)
{
	struct thread *t, *next, *in_order = NULL;

	if (READ_ONCE(sc->inbox) == NULL)
		return;
	for (t = __atomic_exchange_n(&sc->inbox, NULL, __ATOMIC_ACQUIRE); t != NULL; t = next) {
		next = t->inbox_next;
		t->inbox_next = in_order;
		in_order = t;
	}
	for (t = in_order; t != NULL; t = next) {
		next = t->inbox_next;
		queue_here(sc, t, t->woke, now_ns);
	}
}

/* Reading the clock and asking what FPU state is in use take 12 and 17 ns, but 19 together when nothing is between. */
struct moment {
	uint64_t now_ns;
	uint32_t fpu_used;
};

static inline struct moment look_around(void)
{
	uint32_t fpu_used = fpu_in_use();

	return (struct moment){.fpu_used = fpu_used, .now_ns = clock_monotonic_ns()};
}

/*
 * The current thread, charged up to now, goes on waiting in the queue (stays), or for a wake, or is dead. Its state
 * does not tell: it may have been woken just now, and whoever did that queues it. Called with the CPU's lock, returns
 * without.
 */
static void choose_next(struct sched_cpu *sc, struct cpu *cpu, bool stays, struct moment m)
{
	uint64_t now_ns = m.now_ns;
	unsigned id = (unsigned)cpu->id;
	struct thread *prev = cpu->current, *next;
	bool waiting;

	sc->need_resched = false;
	if (stays && prev != cpu->idle) {
		/* To another CPU only when it is off this one. */
		if (prev->affinity >> id & 1)
			queue_here(sc, prev, false, now_ns);
		else
			sc->prev_leaves = true;
	}
	next = take_next(sc, id, now_ns);
	if (next == NULL && smp_active) {
		spin_unlock(&sc->lock);
		(void)balance_pull(id, now_ns);
		spin_lock(&sc->lock);
		next = take_next(sc, id, now_ns);
	}
	if (next == NULL)
		next = cpu->idle;
	sc->slice_start_ns = now_ns;
	waiting = sc->rq.nr > 0;
	spin_unlock(&sc->lock);
	if (waiting) {
		arm_slice(sc, now_ns);
		if (smp_active)
			balance_call_help(id, now_ns);
	}
	if (next != cpu->idle)
		ktimer_resume();
	if (next != prev)
		switch_to(sc, prev, next, m.fpu_used);
}

static void schedule(bool stays)
{
	struct sched_cpu *sc = this_sched();
	struct cpu *cpu = cpu_this();
	struct moment m = look_around();

	spin_lock(&sc->lock);
	open_inbox(sc, m.now_ns);
	charge(sc, cpu->current, m.now_ns);
	choose_next(sc, cpu, stays, m);
}

void sched_schedule(void)
{
	schedule(true);
}

/* --- blocking and waking --- */

/* False: it was another state meanwhile. With one CPU nobody interferes. A full barrier. */
static bool change_state(struct thread *t, enum thread_state from, enum thread_state to)
{
	if (smp_active)
		return __atomic_compare_exchange_n(&t->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	if (t->state != from)
		return false;
	t->state = to;
	return true;
}

/* The barrier is between this and the look at the condition: a waker changes the condition, then looks at the state. */
void sched_prepare(void)
{
	struct thread *t = thread_current();

	if (smp_active)
		__atomic_store_n(&t->state, THREAD_RUNNABLE, __ATOMIC_SEQ_CST);
	else
		t->state = THREAD_RUNNABLE;
}

void sched_block(void)
{
	struct thread *t = thread_current();

	spin_assert_none("a thread blocks");
	if (READ_ONCE(t->state) != THREAD_WOKEN)
		events_poll();
	if (!change_state(t, THREAD_RUNNABLE, THREAD_BLOCKED)) {
		t->state = THREAD_RUNNABLE;
		return;
	}
	ASSERT(t != cpu_this()->idle);
	t->events.blocked++;
	schedule(false);
}

/*
 * Somebody waits in this CPU's queue: may the running thread go on? Lock: the CPU's.
 * NOT_ASKED: a look at the clock is a tenth of what a wake and the switch to it take. So while the slice timer is
 * armed anyway, what the running thread has had since it was last charged, less than a slice, is left out.
 */
#define NOT_ASKED 0
static void consider(struct sched_cpu *sc, struct thread *waiting, uint64_t now_ns)
{
	struct thread *running = thread_current();

	if (running == cpu_this()->idle || !thread_is_runnable(running))
		return; /* about to choose anyway */
	if (now_ns == NOT_ASKED && !ktimer_armed(&sc->slice))
		now_ns = clock_monotonic_ns();
	if (now_ns != NOT_ASKED) {
		arm_slice(sc, now_ns);
		charge(sc, running, now_ns);
	}
	if (rq_preempts(waiting, running, running->vruntime_ns)) {
		sc->need_resched = true;
		thread_work_set(running, THREAD_WORK_RESCHED);
	}
}

void sched_look(void)
{
	struct sched_cpu *sc = this_sched();
	uint64_t now_ns = clock_monotonic_ns();
	struct thread *first;

	spin_lock(&sc->lock);
	open_inbox(sc, now_ns);
	first = rq_first(&sc->rq, now_ns);
	if (first != NULL)
		consider(sc, first, now_ns);
	spin_unlock(&sc->lock);
}

/* t becomes that of another CPU than before. */
static void migrate(struct sched_cpu *to, unsigned id, struct thread *t)
{
	rq_adopt(&to->rq, t);
	WRITE_ONCE(t->cpu, id);
	STAT(MIGRATED)++;
	if (t->rseq != 0)
		thread_work_set(t, THREAD_WORK_RSEQ);
}

static void push_inbox(struct sched_cpu *sc, struct thread *t)
{
	struct thread *head = READ_ONCE(sc->inbox);

	do
		t->inbox_next = head;
	while (!__atomic_compare_exchange_n(&sc->inbox, &head, t, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

void sched_enqueue(unsigned id, struct thread *t, bool woke, uint64_t now_ns)
{
	struct sched_cpu *sc = &sched_cpus[id];

	if (t->cpu != id)
		migrate(sc, id, t);
	if (id == cpu_this()->id) {
		spin_lock(&sc->lock);
		queue_here(sc, t, woke, now_ns);
		consider(sc, t, now_ns);
		spin_unlock(&sc->lock);
	} else {
		t->woke = woke;
		push_inbox(sc, t);
		smp_poke(id);
	}
}

void sched_wake(struct thread *t)
{
	for (;;) {
		enum thread_state state = READ_ONCE(t->state);

		switch (state) {
		case THREAD_NEW:
		case THREAD_DEAD:
			return;
		case THREAD_BLOCKED:
			if (!change_state(t, THREAD_BLOCKED, THREAD_RUNNABLE))
				continue;
			if (smp_active)
				sched_enqueue(balance_choose(t), t, true, clock_monotonic_ns());
			else
				sched_enqueue(0, t, true, NOT_ASKED);
			return;
		default:
			if (!change_state(t, state, THREAD_WOKEN))
				continue;
			/* It may be in the program, on another CPU, and have something to do before it goes on there.
			 */
			if (t->work != 0 && t->cpu != cpu_this()->id && is_running(t))
				smp_poke(t->cpu);
			return;
		}
	}
}

void sched_start(struct thread *t)
{
	ASSERT(t->state == THREAD_NEW);
	t->state = THREAD_BLOCKED;
	sched_wake(t);
}

/* --- giving up the CPU --- */

void sched_yield_now(void)
{
	struct thread *t = thread_current();

	thread_work_clear(t, THREAD_WORK_RESCHED);
	if (this_sched()->need_resched) {
		t->events.preempted++;
		schedule(true);
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
	return !sched_has_waiting(this_sched()) && READ_ONCE(cpu_this()->vcpu->pending) == 0;
}

void sched_yield_to_others(void)
{
	struct sched_cpu *sc = this_sched();
	struct thread *t = thread_current();
	struct moment m;

	events_poll();
	if (!sched_has_waiting(sc))
		return;
	m = look_around();
	spin_lock(&sc->lock);
	open_inbox(sc, m.now_ns);
	charge(sc, t, m.now_ns);
	rq_step_back(&sc->rq, t);
	t->events.blocked++;
	choose_next(sc, cpu_this(), true, m);
}

/* The CPU that t belongs to, locked: so it is in that one's queue, or in none. */
static struct sched_cpu *lock_cpu_of(struct thread *t)
{
	for (;;) {
		unsigned id = READ_ONCE(t->cpu);
		struct sched_cpu *sc = &sched_cpus[id];

		spin_lock(&sc->lock);
		if (READ_ONCE(t->cpu) == id)
			return sc;
		spin_unlock(&sc->lock);
	}
}

/* A queued thread is queued anew, because its place depends on it. */
void sched_set_rank(struct thread *t, int rank)
{
	struct sched_cpu *sc = lock_cpu_of(t);
	bool queued = pheap_queued(&t->run_node);

	if (queued)
		rq_remove(&sc->rq, t);
	t->rank = rank;
	t->rt_turn = 0;
	if (queued)
		rq_add(&sc->rq, t, false);
	spin_unlock(&sc->lock);
	if (t->cpu != cpu_this()->id)
		smp_poke(t->cpu);
	else if (queued || t == thread_current())
		sched_look();
}

/* A queued one that cannot go at once goes when its CPU gets to it (take_next). */
void sched_affinity_changed(struct thread *t)
{
	struct sched_cpu *sc;
	bool moves;

	if (t->affinity >> t->cpu & 1)
		return;
	sc = lock_cpu_of(t);
	moves = pheap_queued(&t->run_node) && t->fpu_cpu == FPU_IN_MEMORY && !t->on_cpu;
	if (moves)
		rq_remove(&sc->rq, t);
	spin_unlock(&sc->lock);
	if (moves) {
		sched_enqueue(balance_choose(t), t, false, clock_monotonic_ns());
	} else if (is_running(t)) {
		WRITE_ONCE(sched_cpus[t->cpu].need_resched, true);
		thread_work_set(t, THREAD_WORK_RESCHED);
		if (t->cpu != cpu_this()->id)
			smp_poke(t->cpu);
	}
}

NORETURN void sched_exit(void)
{
	thread_current()->state = THREAD_DEAD;
	schedule(false);
	panic("a dead thread runs");
}
