/* SPDX-License-Identifier: MIT */
/* cpus.c - the scheduler's part of a CPU's start. */
#include <linux/sched.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/thread.h"

#define POLL_START_NS 20000ull

/* A thread has run for a slice, and others wait. */
static void slice_over(struct ktimer *timer)
{
	struct sched_cpu *sc = timer->arg;
	struct thread *t = thread_current();
	unsigned id = (unsigned)cpu_this()->id;
	uint64_t now_ns = clock_monotonic_ns();

	if (sc->rq.nr == 0)
		return;
	if (now_ns < sc->slice_start_ns + RQ_SLICE_NS) {
		ktimer_arm(timer, sc->slice_start_ns + RQ_SLICE_NS);
		return;
	}
	if (cpu_count() > 1) {
		balance_call_help(id, now_ns);
		balance_push(id, now_ns);
	}
	if (sc->rq.nr == 0)
		return;
	if (t->policy == SCHED_RR)
		t->rt_turn = 0;
	sc->need_resched = true;
	thread_work_set(t, THREAD_WORK_RESCHED);
}

void sched_cpu_init(unsigned id, struct thread *current, struct thread *idle)
{
	struct sched_cpu *sc = &sched_cpus[id];
	struct cpu *cpu = cpu_by_id(id);

	rq_init(&sc->rq);
	spin_init(&sc->lock, "run queue");
	ktimer_init_unlocked(&sc->slice, slice_over, sc);
	sc->poll_ns = boot_info->flags & CAY_BOOT_NO_POLL ? 0 : POLL_START_NS;
	idle->cpu = id;
	cpu->idle = idle;
	cpu->current = current;
	cpu->kstack_top = current->kstack_top;
	sc->running_kind = current == idle ? RUNS_NOBODY : RUNS_FAIR;
	current->cpu = id;
	current->on_cpu = idle->on_cpu = true;
	current->cpu_start_ns = clock_monotonic_ns();
	if (current->fpu != NULL) {
		sc->fpu_owner = current;
		current->fpu_cpu = (int)id;
	}
}

struct thread *sched_cpu_prepare(unsigned id)
{
	struct thread *idle = thread_alloc_idle();

	if (idle != NULL)
		sched_cpu_init(id, idle, idle);
	return idle;
}

NORETURN void sched_cpu_enter(void)
{
	sched_idle_loop(NULL);
}
