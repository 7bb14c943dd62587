/* SPDX-License-Identifier: MIT */
/*
 * events.c - takes events out of the vCPU page and hands them to their handlers, under the kernel lock where they need
 * it. The kernel runs with upcalls masked.
 */
#include "kernel/plat/cay/events.h"

#include "abi/gate.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/klock.h"
#include "lib/compiler.h"

static struct {
	void (*fn)(void *arg);
	void *arg;
} handlers[EVENT_MAX];
static uint64_t unlocked; /* events whose handlers need no kernel lock */

void event_register(unsigned bit, void (*fn)(void *arg), void *arg)
{
	ASSERT(bit < EVENT_MAX && handlers[bit].fn == NULL);
	handlers[bit].arg = arg;
	handlers[bit].fn = fn;
}

void event_register_unlocked(unsigned bit, void (*fn)(void *arg), void *arg)
{
	event_register(bit, fn, arg);
	unlocked |= 1ull << bit;
}

bool events_poll(void)
{
	struct cay_vcpu_page *page = cpu_this()->vcpu;
	uint64_t pending;
	bool entered;

	if (READ_ONCE(page->pending) == 0)
		return false;
	pending = __atomic_exchange_n(&page->pending, 0, __ATOMIC_SEQ_CST);
	entered = (pending & ~unlocked) != 0 && kernel_enter();
	while (pending != 0) {
		unsigned bit = (unsigned)__builtin_ctzll(pending);

		pending &= pending - 1;
		/* An event without a handler is one the VMM offers and we have no use for. */
		if (handlers[bit].fn != NULL)
			handlers[bit].fn(handlers[bit].arg);
	}
	if (entered)
		kernel_leave();
	return true;
}

/* Full barrier between state and the next look at pending: pairs with vm_raise_event. */
static void set_state(enum cay_vcpu_state state)
{
	__atomic_store_n(&cpu_this()->vcpu->state, (uint32_t)state, __ATOMIC_SEQ_CST);
}

void events_wait(uint64_t deadline_ns)
{
	struct cay_vcpu_page *page = cpu_this()->vcpu;

	page->timer_deadline_ns = deadline_ns == UINT64_MAX ? 0 : deadline_ns;
	set_state(CAY_VCPU_WAITING);
	if (__atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) == 0) {
		stat_count(CAY_C_GATE_WAITS);
		gate_call(CAY_GATE_WAIT, 0, 0, 0, 0, 0);
	}
	set_state(CAY_VCPU_RUNNING);
}

void events_set_polling(bool polling)
{
	set_state(polling ? CAY_VCPU_POLLING : CAY_VCPU_RUNNING);
}

void events_arm_timer(uint64_t deadline_ns)
{
	cpu_this()->vcpu->timer_deadline_ns = deadline_ns;
	gate_call(CAY_GATE_TIMER, 0, 0, 0, 0, 0);
}
