/* SPDX-License-Identifier: MIT */
/* smp.c - see smp.h. */
#include "kernel/sched/smp.h"

#include "abi/gate.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/plat/cay/events.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"
#include "kernel/time/clock.h"

/* How long a CPU that is seen masked may in truth be past its last look at `pending`: its store that unmasks leaves the
 * store buffer within this (vcpu_page.h does without a barrier there). */
#define UNMASK_SEEN_NS 500ull
/* A CPU that does not stop for so long has lost its host CPU: sleep, so that it gets one. */
#define STOP_SPIN_NS  100000ull
#define STOP_SLEEP_NS 50000ull

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

static bool is_out(const struct cpu *cpu, uint64_t cr3)
{
	return load_where(cpu) != CPU_RUNS || (cr3 != 0 && cpu->cr3 != cr3);
}

/* Until it has left the program. Seen masked it is on its way to the lock, or out: then it meets `pending`. */
static void wait_until_out(struct cpu *cpu, uint64_t cr3)
{
	uint64_t begin_ns = clock_monotonic_ns();
	bool kicked = false;

	while (!is_out(cpu, cr3)) {
		if (!kicked && READ_ONCE(cpu->vcpu->masked) == 0) {
			kick(cpu);
			kicked = true;
		}
		cpu_relax();
		if (clock_monotonic_ns() - begin_ns > STOP_SPIN_NS) {
			gate_call(CAY_GATE_PAUSE, STOP_SLEEP_NS, 0, 0, 0, 0);
			kicked = false;
		}
	}
}

void smp_stop_others(uint64_t cr3)
{
	struct cpu *self = cpu_this();
	uint64_t running = 0;

	if (!smp_active)
		return;
	ASSERT(self->holds_klock);
	for (unsigned id = 0; id < cpu_count(); id++) {
		struct cpu *cpu = cpu_by_id(id);

		if (cpu == self || is_out(cpu, cr3))
			continue;
		set_pending(cpu);
		running |= 1ull << id;
	}
	for (; running != 0; running &= running - 1)
		wait_until_out(cpu_by_id((unsigned)__builtin_ctzll(running)), cr3);
}

void smp_serialize_others(uint64_t cr3)
{
	for (unsigned id = 0; id < cpu_count(); id++)
		if (cpu_by_id(id) != cpu_this() && cpu_by_id(id)->cr3 == cr3)
			cpu_by_id(id)->must_serialize = true;
	smp_stop_others(cr3);
}

static void on_ipi(void *arg)
{
	(void)arg;
	sched_look();
}

void smp_init(void)
{
	event_register(CAY_EVENT_IPI, on_ipi, NULL);
	smp_active = cpu_count() > 1;
	cpu_this()->where = CPU_RUNS;
	if (smp_active)
		klock_take();
}

/* First code of another CPU, on its idle thread's stack. */
static NORETURN void secondary_main(uint64_t id)
{
	cpu_init((unsigned)id);
	cpu_this()->where = CPU_IDLE;
	klock_take();
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
		/* As after a call, so that the stack is aligned as the ABI wants it. */
		if (gate_call(CAY_GATE_START_CPU, id, (uint64_t)secondary_main, idle->kstack_top - 8, id, 0) != 0)
			panic("CPU %u cannot be started", id);
	}
}
