/* SPDX-License-Identifier: MIT */
/*
 * adaptive.c - see adaptive.h. A sleeper says that it waits, then looks whether the lock is free; the owner frees it,
 * then looks whether somebody waits. Both have a full barrier in between, so no sleeper is left behind: as long as one
 * waits, each release wakes one.
 */
#include "kernel/sched/adaptive.h"

#include "kernel/log.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/sched/klock.h"

#define LOOK_ON_NS 50000ull
/* Others may wait for the kernel lock meanwhile, even the owner. */
#define LOOK_ON_WITH_KLOCK_NS 5000ull

static struct thread *owner_of(const struct adaptive_mutex *m)
{
	return __atomic_load_n(&m->owner, __ATOMIC_SEQ_CST);
}

static bool try_take(struct adaptive_mutex *m)
{
	struct thread *none = NULL;

	if (owner_of(m) != NULL)
		return false;
	if (SPIN_NEEDS_ATOMIC)
		return __atomic_compare_exchange_n(&m->owner, &none, thread_current(), false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
	m->owner = thread_current();
	return true;
}

struct look {
	struct adaptive_mutex *m;
	bool taken;
};

/* Ours, or not worth waiting for: who has it does not run. (Descriptors of threads are only reused for threads.) */
static bool is_over(void *arg)
{
	struct look *l = arg;
	struct thread *t = owner_of(l->m);

	l->taken = t == NULL && try_take(l->m);
	return l->taken || (t != NULL && !READ_ONCE(t->on_cpu));
}

static bool look_on(struct adaptive_mutex *m)
{
	struct look l = {.m = m};

	if (SPIN_NEEDS_ATOMIC)
		cpu_spin_until(is_over, &l, cpu_has_klock() ? LOOK_ON_WITH_KLOCK_NS : LOOK_ON_NS);
	return l.taken;
}

static void wait_for_it(struct adaptive_mutex *m)
{
	struct waiter w = {.thread = thread_current(), .exclusive = true};

	list_init(&w.link);
	__atomic_add_fetch(&m->waiting, 1, __ATOMIC_SEQ_CST);
	waitq_add(&m->sleepers, &w);
	for (;;) {
		sched_prepare();
		if (try_take(m))
			break;
		sched_block();
	}
	waitq_remove(&w);
	__atomic_sub_fetch(&m->waiting, 1, __ATOMIC_SEQ_CST);
}

static NOINLINE void lock_slowly(struct adaptive_mutex *m)
{
	ASSERT(owner_of(m) != thread_current());
	if (!look_on(m))
		wait_for_it(m);
}

void adaptive_lock(struct adaptive_mutex *m)
{
	if (unlikely(!try_take(m)))
		lock_slowly(m);
}

void adaptive_unlock(struct adaptive_mutex *m)
{
	ASSERT(owner_of(m) == thread_current());
	if (SPIN_NEEDS_ATOMIC)
		__atomic_store_n(&m->owner, NULL, __ATOMIC_SEQ_CST);
	else
		m->owner = NULL;
	if (unlikely(__atomic_load_n(&m->waiting, __ATOMIC_SEQ_CST) != 0))
		waitq_wake_one(&m->sleepers, 0);
}
