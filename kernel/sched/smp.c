/* SPDX-License-Identifier: MIT */
/* smp.c - see smp.h. */
#include "kernel/sched/smp.h"

#include "abi/gate.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

/* How long a CPU that is seen masked may in truth be past its last look at `pending`: its store that unmasks leaves the
 * store buffer within this (vcpu_page.h does without a barrier there). */
#define UNMASK_SEEN_NS 500ull
/* A CPU that does not stop for so long has lost its host CPU: sleep, so that it gets one. */
#define STOP_SPIN_NS  100000ull
#define KICK_AGAIN_NS 150000ull

static void set_pending(struct cpu *cpu)
{
	__atomic_fetch_or(&cpu->vcpu->pending, 1ull << CAY_EVENT_IPI, __ATOMIC_SEQ_CST);
}

static void kick(struct cpu *cpu)
{
	stat_count(CAY_C_IPIS);
	gate_call(CAY_GATE_IPI, 1ull << cpu->id, 0, 0, 0, 0);
}

static uint32_t load_where(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->where, __ATOMIC_SEQ_CST);
}

void smp_poke(unsigned id)
{
	struct cpu *cpu = cpu_by_id(id);
	uint64_t end_ns;

	set_pending(cpu);
	switch (READ_ONCE(cpu->vcpu->state)) {
	case CAY_VCPU_POLLING:
		return;
	case CAY_VCPU_WAITING:
		kick(cpu);
		return;
	default:
		break;
	}
	if (load_where(cpu) != CPU_RUNS)
		return; /* it looks when it has the lock, or before it waits */
	end_ns = clock_monotonic_ns() + UNMASK_SEEN_NS;
	do {
		if (READ_ONCE(cpu->vcpu->masked) == 0) {
			kick(cpu);
			return;
		}
		cpu_relax();
	} while (clock_monotonic_ns() < end_ns);
}

/* --- telling the others --- */

/* Not executing the program of the tables with this root (0: any), nor touching its memory. When it comes back it sees
 * what was left for it before: both sides have a full barrier between their store and their look. */
static bool is_out(const struct cpu *cpu, uint64_t cr3)
{
	return load_where(cpu) != CPU_RUNS || (cr3 != 0 && __atomic_load_n(&cpu->cr3, __ATOMIC_SEQ_CST) != cr3);
}

struct waited_for {
	struct cpu *cpu;
	uint64_t cr3;
	uint64_t ticket;    /* 0: until it is in the kernel, or out */
	uint64_t since_ns;  /* its pending bit was set before */
	uint64_t kicked_ns; /* 0 = not yet */
};

/* A CPU that executes the program needs an interruption; one that is seen masked looks at `pending` on its way there.
 */
static bool has_seen(void *arg)
{
	struct waited_for *w = arg;
	uint64_t now_ns;

	if (is_out(w->cpu, w->cr3))
		return true;
	if (w->ticket != 0 && __atomic_load_n(&w->cpu->done, __ATOMIC_ACQUIRE) >= w->ticket)
		return true;
	now_ns = clock_monotonic_ns();
	if (READ_ONCE(w->cpu->vcpu->masked) != 0)
		return w->ticket == 0 && now_ns > w->since_ns + UNMASK_SEEN_NS && READ_ONCE(w->cpu->vcpu->masked) != 0;
	if (w->kicked_ns == 0 || now_ns > w->kicked_ns + KICK_AGAIN_NS) {
		kick(w->cpu);
		w->kicked_ns = now_ns;
	}
	return false;
}

static void wait_for(struct cpu *cpu, uint64_t cr3, uint64_t ticket, uint64_t since_ns)
{
	struct waited_for w = {.cpu = cpu, .cr3 = cr3, .ticket = ticket, .since_ns = since_ns};

	if (!has_seen(&w))
		cpu_wait_until(has_seen, &w, STOP_SPIN_NS);
}

void smp_tell_others(uint64_t cr3, void (*leave)(struct cpu *cpu, const void *arg), const void *arg)
{
	struct cpu *self = cpu_this();
	uint64_t ticket[CAY_VCPU_MAX], running = 0;

	if (!smp_active)
		return;
	/* Between the change of the tables and the look at who has loaded them. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned id = 0; id < cpu_count(); id++) {
		struct cpu *cpu = cpu_by_id(id);

		if (cpu == self || (cr3 != 0 && __atomic_load_n(&cpu->cr3, __ATOMIC_SEQ_CST) != cr3))
			continue;
		if (leave != NULL)
			leave(cpu, arg);
		ticket[id] = __atomic_add_fetch(&cpu->asked, 1, __ATOMIC_SEQ_CST);
		if (is_out(cpu, cr3))
			continue;
		set_pending(cpu);
		running |= 1ull << id;
	}
	for (; running != 0; running &= running - 1) {
		unsigned id = (unsigned)__builtin_ctzll(running);

		wait_for(cpu_by_id(id), cr3, ticket[id], 0);
	}
}

static void leave_serialize(struct cpu *cpu, const void *arg)
{
	(void)arg;
	__atomic_store_n(&cpu->must_serialize, true, __ATOMIC_SEQ_CST);
}

void smp_serialize_others(uint64_t cr3)
{
	smp_tell_others(cr3, leave_serialize, NULL);
}

/* --- keeping them out --- */

static struct cpu *holder; /* all others stay out of the program; guarded by the kernel lock for those who set it */

static bool is_released(void *arg)
{
	(void)arg;
	return __atomic_load_n(&holder, __ATOMIC_SEQ_CST) == NULL;
}

void smp_hold_others(uint64_t cr3)
{
	struct cpu *self = cpu_this();
	uint64_t since_ns;

	if (!smp_active)
		return;
	ASSERT(self->holds_klock && holder == NULL);
	__atomic_store_n(&holder, self, __ATOMIC_SEQ_CST);
	for (unsigned id = 0; id < cpu_count(); id++) {
		if (cpu_by_id(id) != self && load_where(cpu_by_id(id)) != CPU_OFFLINE)
			set_pending(cpu_by_id(id));
	}
	since_ns = clock_monotonic_ns();
	for (unsigned id = 0; id < cpu_count(); id++)
		if (cpu_by_id(id) != self)
			wait_for(cpu_by_id(id), cr3, 0, since_ns);
}

void smp_release_others(void)
{
	struct cpu *self = cpu_this();

	if (!smp_active || holder != self)
		return;
	/* Before they are let go: whoever finds no holder finds this. */
	for (unsigned id = 0; id < cpu_count(); id++) {
		if (cpu_by_id(id) == self)
			continue;
		leave_serialize(cpu_by_id(id), NULL);
		__atomic_add_fetch(&cpu_by_id(id)->asked, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&holder, NULL, __ATOMIC_SEQ_CST);
}

void smp_before_program(void)
{
	if (!is_released(NULL))
		cpu_wait_until(is_released, NULL, STOP_SPIN_NS);
	tlb_catch_up();
}

/* --- quiet moments of the others --- */

/* What a reader had loaded before smp_quiet_begin, it loaded after it had entered the kernel, and masked; by now that
 * store has left its store buffer. Far more than UNMASK_SEEN_NS, because nobody is in a hurry. */
#define MASKED_SEEN_NS 20000ull

void smp_quiet_begin(struct smp_quiet *q)
{
	struct cpu *self = cpu_this();

	q->busy = 0;
	/* Between taking out of the tables and the look at who may have it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned id = 0; id < cpu_count(); id++) {
		struct cpu *cpu = cpu_by_id(id);

		if (cpu == self || load_where(cpu) != CPU_RUNS)
			continue;
		q->ticket[id] = __atomic_add_fetch(&cpu->asked, 1, __ATOMIC_SEQ_CST);
		set_pending(cpu); /* it looks on its way to the program, if it does not before */
		q->busy |= 1ull << id;
	}
	q->begun_ns = clock_monotonic_ns();
}

static bool was_quiet(const struct smp_quiet *q, unsigned id, uint64_t now_ns)
{
	struct cpu *cpu = cpu_by_id(id);

	return load_where(cpu) != CPU_RUNS || __atomic_load_n(&cpu->done, __ATOMIC_ACQUIRE) >= q->ticket[id] ||
	       (now_ns > q->begun_ns + MASKED_SEEN_NS && READ_ONCE(cpu->vcpu->masked) == 0);
}

bool smp_was_quiet(struct smp_quiet *q)
{
	uint64_t now_ns = clock_monotonic_ns();

	for (uint64_t left = q->busy; left != 0; left &= left - 1) {
		unsigned id = (unsigned)__builtin_ctzll(left);

		if (was_quiet(q, id, now_ns))
			q->busy &= ~(1ull << id);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* their last use, before what is freed is written */
	return q->busy == 0;
}

static void on_ipi(void *arg)
{
	(void)arg;
	/* The bit stays while somebody keeps us out, because it is what leads to smp_before_program; whatever else it
	 * was set for is seen to here. */
	if (!is_released(NULL) && holder != cpu_this())
		set_pending(cpu_this());
	else
		tlb_catch_up();
	sched_look();
}

void smp_init(void)
{
	event_register_unlocked(CAY_EVENT_IPI, on_ipi, NULL);
	smp_active = cpu_count() > 1;
	cpu_this()->where = CPU_RUNS;
	if (smp_active)
		klock_take();
}

/* First code of another CPU, on its idle thread's stack. */
static NORETURN void secondary_main(void)
{
	set_pending(cpu_this()); /* somebody may have begun to keep all others out before it saw this one */
	cpu_idle_end();
	sched_cpu_enter();
}

void smp_start_others(void)
{
	static bool started;

	if (!smp_active || started)
		return;
	started = true;
	for (unsigned id = 1; id < cpu_count(); id++) {
		struct thread *idle = sched_cpu_prepare(id);

		if (idle == NULL)
			return; /* no memory: it stays off */
		cpu_init(id);
		/* From here on it may be given threads: one that may run nowhere else is not to go on here until it is
		 * up. It finds them in its inbox. */
		__atomic_store_n(&cpu_by_id(id)->where, CPU_IDLE, __ATOMIC_SEQ_CST);
		/* As after a call, so that the stack is aligned as the ABI wants it. */
		if (gate_call(CAY_GATE_START_CPU, id, (uint64_t)secondary_main, idle->kstack_top - 8, id, 0) != 0)
			panic("CPU %u cannot be started", id);
	}
}
