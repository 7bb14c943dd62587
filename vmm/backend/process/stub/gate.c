/* SPDX-License-Identifier: MIT */
/*
 * gate.c - gate calls in the guest's process. Waiting, timers and doorbells are served here by one host call each; all
 * else is a request to the VMM's thread of this vCPU, which costs two wake-ups across processes.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>

#include "abi/gate.h"
#include "lib/compiler.h"
#include "vmm/backend/process/stub/host.h"
#include "vmm/backend/process/stub/stub.h"

#define PAUSE_MAX_NS  1000000ull /* abi/gate.h */
#define NSEC_PER_SEC  1000000000ull
#define TIMER_ABSTIME 1 /* timer_settime(2) */

void gate_request(enum stub_request request, uint32_t offset)
{
	struct stub_control *c = stub.control;

	c->offset = offset;
	__atomic_store_n(&c->request, (uint32_t)request, __ATOMIC_SEQ_CST);
	HOST_CALL3(futex, &c->request, FUTEX_WAKE, 1);
	while (__atomic_load_n(&c->request, __ATOMIC_SEQ_CST) == (uint32_t)request)
		HOST_CALL4(futex, &c->request, FUTEX_WAIT, request, NULL);
}

void gate_crash(enum stub_crash reason, uint64_t detail)
{
	stub.control->crash = reason;
	stub.control->detail = detail;
	for (;;)
		gate_request(STUB_REQ_CRASH, 0);
}

/* CAY_GATE_WAIT: pairs with process_vcpu_wake, which adds to `wake` after it has set a bit of `pending`. */
static void wait_for_event(void)
{
	struct cay_vcpu_page *page = stub.page;
	uint64_t ns = page->timer_deadline_ns;
	struct __kernel_timespec until = {.tv_sec = (int64_t)(ns / NSEC_PER_SEC),
					  .tv_nsec = (int64_t)(ns % NSEC_PER_SEC)};

	for (;;) {
		uint32_t seq = __atomic_load_n(&stub.control->wake, __ATOMIC_SEQ_CST);
		long err;

		if (__atomic_load_n(&page->pending, __ATOMIC_SEQ_CST) != 0)
			return;
		err = HOST_CALL6(futex, &stub.control->wake, FUTEX_WAIT_BITSET, seq, ns == 0 ? NULL : &until, NULL,
				 FUTEX_BITSET_MATCH_ANY);
		if (err == -ETIMEDOUT) {
			__atomic_fetch_or(&page->pending, 1ull << CAY_EVENT_TIMER, __ATOMIC_SEQ_CST);
			return;
		}
	}
}

static void arm_timer(void)
{
	uint64_t ns = stub.page->timer_deadline_ns;
	struct __kernel_itimerspec when = {
		.it_value = {.tv_sec = (int64_t)(ns / NSEC_PER_SEC), .tv_nsec = (int64_t)(ns % NSEC_PER_SEC)}};

	HOST_CALL4(timer_settime, stub.timer, TIMER_ABSTIME, &when, NULL);
}

static void ring_doorbell(uint64_t offset)
{
	uint64_t one = 1;

	if (offset % 4 != 0 || (offset - CAY_DOORBELL_OFFSET) / 4 >= stub.nr_doorbells)
		gate_crash(STUB_CRASH_DOORBELL, offset);
	HOST_CALL3(write, STUB_FD_DOORBELL, &one, sizeof(one));
}

static void wake(uint64_t vcpu)
{
	struct stub_control *c = stub_control_of(vcpu);

	__atomic_fetch_add(&c->wake, 1, __ATOMIC_SEQ_CST);
	HOST_CALL3(futex, &c->wake, FUTEX_WAKE, 1);
}

/* CAY_GATE_IPI: those that wait are woken from here; a signal to one that runs is the VMM's to send. */
static void interrupt_others(void)
{
	struct cay_gate_args *g = &stub.page->gate;
	uint64_t left = 0, all = g->arg[0];

	if (stub.nr_vcpus < 64 && all >> stub.nr_vcpus != 0) {
		gate_request(STUB_REQ_GATE, 4 * CAY_GATE_IPI); /* it says what is wrong */
		return;
	}
	for (; all != 0; all &= all - 1) {
		unsigned id = (unsigned)__builtin_ctzll(all);
		struct cay_vcpu_page *page = stub_page_of(id);

		__atomic_fetch_or(&page->pending, 1ull << CAY_EVENT_IPI, __ATOMIC_SEQ_CST);
		switch (__atomic_load_n(&page->state, __ATOMIC_SEQ_CST)) {
		case CAY_VCPU_WAITING:
			wake(id);
			break;
		case CAY_VCPU_POLLING:
			break;
		default:
			left |= 1ull << id;
			break;
		}
	}
	g->ret = 0;
	if (left != 0) {
		g->arg[0] = left;
		gate_request(STUB_REQ_GATE, 4 * CAY_GATE_IPI);
	}
}

/* CAY_GATE_PAUSE: nobody wakes this word. */
static void pause(void)
{
	uint64_t ns = stub.page->gate.arg[0];
	struct __kernel_timespec time = {.tv_nsec = (int64_t)ns};

	if (ns > PAUSE_MAX_NS) {
		stub.page->gate.ret = -EINVAL;
		return;
	}
	HOST_CALL4(futex, &stub.control->unused, FUTEX_WAIT, stub.control->unused, &time);
	stub.page->gate.ret = 0;
}

void gate_call(uint64_t offset)
{
	if (offset >= CAY_DOORBELL_OFFSET && offset < CAY_PAGE_BYTES) {
		ring_doorbell(offset);
		return;
	}
	switch (offset) {
	case 4 * CAY_GATE_WAIT:
		wait_for_event();
		stub.page->gate.ret = 0;
		break;
	case 4 * CAY_GATE_TIMER:
		arm_timer();
		stub.page->gate.ret = 0;
		break;
	case 4 * CAY_GATE_IPI:
		interrupt_others();
		break;
	case 4 * CAY_GATE_PAUSE:
		pause();
		break;
	default:
		gate_request(STUB_REQ_GATE, (uint32_t)offset);
		window_update(); /* it may have mapped a file */
		break;
	}
}
