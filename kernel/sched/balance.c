/* SPDX-License-Identifier: MIT */
/*
 * balance.c - which CPU runs a thread.
 * A woken thread is queued on the waker's CPU, where it runs as soon as the waker blocks (a switch costs 0.1 us, waking
 * a sleeping CPU 20 us and more), unless its own CPU is polling for work. A CPU that polls takes a thread that has
 * waited elsewhere for longer than such a hand-over lasts. CPUs that sleep are woken when threads really compete, and
 * while all are busy the one with more gives away at the end of a slice.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/sched_priv.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"

#define STEAL_AFTER_NS 2000ull
#define PULL_AGAIN_NS  50000ull /* after looking in vain */
#define CALL_AGAIN_NS  200000ull
/* A thread that is this far behind one that has a CPU for itself changes places with it. */
#define BEHIND_NS (RQ_SLICE_NS + RQ_SLICE_NS / 2)

static bool is_idle(unsigned id)
{
	return READ_ONCE(cpu_by_id(id)->where) == CPU_IDLE && !sched_has_waiting(&sched_cpus[id]);
}

static bool is_polling(unsigned id)
{
	return is_idle(id) && READ_ONCE(cpu_by_id(id)->vcpu->state) == CAY_VCPU_POLLING;
}

static bool is_online(unsigned id)
{
	return READ_ONCE(cpu_by_id(id)->where) != CPU_OFFLINE;
}

/* t is queued, under its queue's lock. It may still be on its way off its CPU, and its registers in that one. */
static bool may_run(const struct thread *t, unsigned id)
{
	int fpu_cpu = __atomic_load_n(&t->fpu_cpu, __ATOMIC_ACQUIRE); /* pairs with FPU_IN_MEMORY after the save */

	return (t->affinity >> id & 1) && (fpu_cpu == FPU_IN_MEMORY || fpu_cpu == (int)id) &&
	       !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE);
}

/* Threads that run or want to. */
static unsigned load(unsigned id)
{
	return READ_ONCE(sched_cpus[id].rq.nr) + (READ_ONCE(sched_cpus[id].running_kind) != RUNS_NOBODY);
}

unsigned balance_choose(const struct thread *t)
{
	unsigned here = (unsigned)cpu_this()->id, best;

	int fpu_cpu;

	if (!smp_active)
		return here;
	/* Still on its way off its CPU: that one goes on with it when it gets there. */
	if (__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) && t->cpu != here)
		return t->cpu;
	fpu_cpu = __atomic_load_n(&t->fpu_cpu, __ATOMIC_ACQUIRE);
	if (fpu_cpu != FPU_IN_MEMORY && fpu_cpu != (int)here)
		return (unsigned)fpu_cpu;
	if (t->cpu != here && (t->affinity >> t->cpu & 1) && is_polling(t->cpu))
		return t->cpu;
	if (t->affinity >> here & 1)
		return here;
	best = here;
	for (unsigned id = 0; id < cpu_count(); id++)
		if ((t->affinity >> id & 1) && is_online(id) && (best == here || load(id) < load(best)))
			best = id;
	return best;
}

bool balance_may_pull(unsigned self, uint64_t now_ns)
{
	if (now_ns < sched_cpus[self].pull_after_ns)
		return false;
	for (unsigned id = 0; id < cpu_count(); id++)
		if (id != self && READ_ONCE(sched_cpus[id].rq.nr) != 0 &&
		    now_ns > READ_ONCE(sched_cpus[id].waiting_since_ns) + STEAL_AFTER_NS)
			return true;
	return false;
}

/* The one that has waited longest of those that may run on `to`, if it was queued before that moment. Lock: the
 * queue's. */
static struct thread *find_waiting(unsigned from, unsigned to, uint64_t before_ns)
{
	list_for_each (t, &sched_cpus[from].rq.queued, queue_link, struct thread) {
		if (may_run(t, to) && t->queued_ns < before_ns)
			return t;
	}
	return NULL;
}

bool balance_pull(unsigned self, uint64_t now_ns)
{
	for (unsigned id = 0; id < cpu_count(); id++) {
		struct sched_cpu *from = &sched_cpus[id];
		struct thread *t;

		if (id == self || READ_ONCE(from->rq.nr) == 0 || !spin_trylock(&from->lock))
			continue;
		t = find_waiting(id, self, now_ns - STEAL_AFTER_NS);
		if (t != NULL)
			rq_remove(&from->rq, t);
		spin_unlock(&from->lock);
		if (t != NULL) {
			sched_enqueue(self, t, false, now_ns);
			return true;
		}
	}
	sched_cpus[self].pull_after_ns = now_ns + PULL_AGAIN_NS;
	return false;
}

/* Is t, which waits on `self`, better off on `id`? */
static bool gains(const struct thread *t, unsigned self, unsigned id, uint64_t now_ns)
{
	const struct sched_cpu *there = &sched_cpus[id];
	uint64_t since_ns = READ_ONCE(there->running_since_ns);
	uint64_t ran_ns = now_ns > since_ns ? now_ns - since_ns : 0;

	if (load(id) + 2 <= load(self))
		return true;
	return load(id) + 1 == load(self) && !rq_is_realtime(t) && READ_ONCE(there->running_kind) == RUNS_FAIR &&
	       READ_ONCE(there->running_vruntime_ns) + ran_ns > t->vruntime_ns + BEHIND_NS;
}

void balance_push(unsigned self, uint64_t now_ns)
{
	struct sched_cpu *sc = &sched_cpus[self];

	for (unsigned id = 0; id < cpu_count(); id++) {
		struct thread *found = NULL;

		if (id == self || !is_online(id))
			continue;
		spin_lock(&sc->lock);
		list_for_each (t, &sc->rq.queued, queue_link, struct thread) {
			if (!may_run(t, id) || !gains(t, self, id, now_ns))
				continue;
			found = t;
			rq_remove(&sc->rq, t);
			break;
		}
		spin_unlock(&sc->lock);
		if (found != NULL)
			sched_enqueue(id, found, false, now_ns);
	}
}

void balance_call_help(unsigned self, uint64_t now_ns)
{
	struct sched_cpu *sc = &sched_cpus[self];

	if (sc->rq.nr == 0 || now_ns < sc->called_ns + CALL_AGAIN_NS)
		return;
	for (unsigned id = 0; id < cpu_count(); id++) {
		bool any;

		if (id == self || !is_idle(id))
			continue;
		spin_lock(&sc->lock);
		any = find_waiting(self, id, UINT64_MAX) != NULL;
		spin_unlock(&sc->lock);
		if (!any)
			continue;
		if (!is_polling(id)) {
			sc->called_ns = now_ns;
			smp_poke(id);
		}
		return;
	}
}
