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
	return READ_ONCE(cpu_by_id(id)->where) == CPU_IDLE && sched_cpus[id].rq.nr == 0;
}

static bool is_polling(unsigned id)
{
	return is_idle(id) && READ_ONCE(cpu_by_id(id)->vcpu->state) == CAY_VCPU_POLLING;
}

static bool is_online(unsigned id)
{
	return READ_ONCE(cpu_by_id(id)->where) != CPU_OFFLINE;
}

static bool may_run(const struct thread *t, unsigned id)
{
	return (t->affinity >> id & 1) && (t->fpu_cpu == FPU_IN_MEMORY || t->fpu_cpu == (int)id);
}

/* Threads that run or want to. */
static unsigned load(unsigned id)
{
	return sched_cpus[id].rq.nr + (cpu_by_id(id)->current != cpu_by_id(id)->idle);
}

unsigned balance_choose(const struct thread *t)
{
	unsigned here = (unsigned)cpu_this()->id, best;

	if (!smp_active)
		return here;
	if (t->fpu_cpu != FPU_IN_MEMORY && t->fpu_cpu != (int)here)
		return (unsigned)t->fpu_cpu;
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

static void move(struct thread *t, unsigned to)
{
	rq_remove(&sched_cpus[t->cpu].rq, t);
	sched_enqueue(to, t, false);
}

/* The one that has waited longest of those that may run on `to`, if it was queued before that moment. */
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
		struct thread *t;

		if (id == self || sched_cpus[id].rq.nr == 0)
			continue;
		t = find_waiting(id, self, now_ns - STEAL_AFTER_NS);
		if (t != NULL) {
			move(t, self);
			return true;
		}
	}
	sched_cpus[self].pull_after_ns = now_ns + PULL_AGAIN_NS;
	return false;
}

/* Is t, which waits on `self`, better off on `id`? */
static bool gains(const struct thread *t, unsigned self, unsigned id, uint64_t now_ns)
{
	const struct thread *there = cpu_by_id(id)->current;

	if (load(id) + 2 <= load(self))
		return true;
	return load(id) + 1 == load(self) && !rq_is_realtime(t) && !rq_is_realtime(there) &&
	       there != cpu_by_id(id)->idle && sched_running_vruntime(id, now_ns) > t->vruntime_ns + BEHIND_NS;
}

void balance_push(unsigned self, uint64_t now_ns)
{
	for (unsigned id = 0; id < cpu_count(); id++) {
		if (id == self || !is_online(id))
			continue;
		list_for_each (t, &sched_cpus[self].rq.queued, queue_link, struct thread) {
			if (!may_run(t, id) || !gains(t, self, id, now_ns))
				continue;
			move(t, id);
			return;
		}
	}
}

void balance_call_help(unsigned self, uint64_t now_ns)
{
	struct sched_cpu *sc = &sched_cpus[self];

	if (sc->rq.nr == 0 || now_ns < sc->called_ns + CALL_AGAIN_NS)
		return;
	for (unsigned id = 0; id < cpu_count(); id++) {
		if (id == self || !is_idle(id) || find_waiting(self, id, UINT64_MAX) == NULL)
			continue;
		if (!is_polling(id)) {
			sc->called_ns = now_ns;
			smp_poke(id);
		}
		return;
	}
}
