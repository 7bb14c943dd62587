/* SPDX-License-Identifier: MIT */
/*
 * vmspace_lock.c - who is at work on an address space: one who has the mutex, or any number of quick faults.
 * A fault says which address space it is in (its CPU's slot) and then looks whether somebody wants it for himself; who
 * wants that says so and then looks at the slots. Both have a full barrier in between, so at least one sees the other.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/mm/percpu.h"
#include "kernel/mm/vmspace_priv.h"
#include "kernel/sched/cpu_wait.h"

static struct {
	struct vmspace *vs; /* a fault of this CPU is in there */
} ALIGNED(64) inside[CAY_VCPU_MAX];

static bool is_empty(void *arg)
{
	for (unsigned id = 0; id < cpu_count(); id++)
		if (__atomic_load_n(&inside[id].vs, __ATOMIC_SEQ_CST) == arg)
			return false;
	return true;
}

void vmspace_lock(struct vmspace *vs)
{
	adaptive_lock(&vs->lock);
	if (!smp_active)
		return;
	__atomic_store_n(&vs->exclusive, 1, __ATOMIC_SEQ_CST);
	if (!is_empty(vs))
		cpu_wait_until(is_empty, vs, CPU_WAIT_SPIN_NS);
}

void vmspace_unlock(struct vmspace *vs)
{
	struct area *gone = vs->gone;

	ASSERT(vs->dead == NULL && list_empty(&vs->left));
	vs->gone = NULL;
	if (smp_active)
		__atomic_store_n(&vs->exclusive, 0, __ATOMIC_RELEASE); /* pairs with vmspace_enter */
	adaptive_unlock(&vs->lock);
	if (gone != NULL)
		vmspace_free_gone(gone);
}

bool vmspace_enter(struct vmspace *vs)
{
	struct vmspace **slot = &inside[percpu_id()].vs;

	__atomic_store_n(slot, vs, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vs->exclusive, __ATOMIC_SEQ_CST) == 0)
		return true;
	__atomic_store_n(slot, NULL, __ATOMIC_RELEASE);
	return false;
}

void vmspace_leave(void)
{
	__atomic_store_n(&inside[percpu_id()].vs, NULL, __ATOMIC_RELEASE); /* pairs with is_empty */
}

struct spinlock *vmspace_block_lock(struct vmspace *vs, uint64_t addr)
{
	return &vs->block_locks[(addr / HUGE_SIZE * 0x9e3779b97f4a7c15ull) >> 58];
}
