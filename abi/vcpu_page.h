/* SPDX-License-Identifier: MIT */
/*
 * vcpu_page.h - the page that one vCPU shares with the VMM.
 * One cache line per writer. Both sides read each field once, check, and use the copy.
 *
 * Events and upcalls: the VMM sets a bit in `pending` (atomic or), then looks at `state`:
 *   CAY_VCPU_RUNNING  and masked == 0: kicks the vCPU; on re-entry it makes an upcall (below)
 *   CAY_VCPU_POLLING  sends nothing: the guest is looking at `pending`
 *   CAY_VCPU_WAITING  wakes the vCPU from its wait gate call
 * The guest sets `state` and then reads `pending`; the VMM sets `pending` and then reads `state`. Both orders
 * are sequentially consistent, so one of the two sees the other (the store-buffer litmus test).
 *
 * Upcall: the VMM stores rip, rsp and rflags of the interrupted code in `up_*`, sets masked = 1, and resumes at
 * `upcall_entry` with rsp = `upcall_stack`; all other registers are the interrupted code's.
 */
#ifndef CAY_ABI_VCPU_PAGE_H
#define CAY_ABI_VCPU_PAGE_H

#include <stddef.h>
#include <stdint.h>

enum cay_vcpu_state { CAY_VCPU_RUNNING = 0, CAY_VCPU_POLLING = 1, CAY_VCPU_WAITING = 2 };

/* Bits of `pending`. Device queues take the bits from CAY_EVENT_QUEUE on. */
#define CAY_EVENT_TIMER 0   /* the deadline has passed */
#define CAY_EVENT_SIGNAL 1  /* host signals to forward: see boot-wide signal word below */
#define CAY_EVENT_IPI 2     /* another vCPU */
#define CAY_EVENT_QUEUE 8

/* Exception record, filled by hardware (the frame) and by the CPL 0 stub (cr2, vector). */
struct cay_exc_record {
	uint64_t cr2;
	uint64_t vector;
	uint64_t stub_scratch[2];
	/* The IST stack's top is the end of this frame: */
	uint64_t error; /* 0 for vectors without one */
	uint64_t rip, cs, rflags, rsp, ss;
};

struct cay_gate_args {
	uint64_t arg[6];
	int64_t ret; /* >= 0, or -errno */
};

struct cay_vcpu_page {
	/* written by the guest */
	uint32_t masked; /* the virtual interrupt flag, inverted: 1 = no upcalls */
	uint32_t state;  /* enum cay_vcpu_state */
	uint64_t upcall_entry;
	uint64_t upcall_stack;
	uint64_t exc_entry; /* where the CPL 0 stub resumes, at CPL 3 */
	uint64_t exc_stack;
	uint64_t timer_deadline_ns; /* CLOCK_MONOTONIC of the host; 0 = none. Read by the VMM at gate calls */
	uint64_t rsvd0[2];
	/* written by the VMM (pending also cleared by the guest) */
	_Alignas(64) uint64_t pending;
	uint64_t signals; /* bit n-1: host signal n arrived (exchanged with 0 by the guest) */
	uint64_t rsvd1[6];
	/* clock: ns = base_ns + ((tsc - base_tsc) * mult >> 32); seq is even when stable */
	_Alignas(64) uint32_t clock_seq;
	uint32_t clock_mult;
	uint64_t clock_base_tsc;
	uint64_t clock_mono_ns;
	uint64_t clock_real_ns;
	uint64_t tsc_khz;
	uint64_t rsvd2[3];
	/* gate call arguments: guest writes arg, VMM writes ret */
	_Alignas(64) struct cay_gate_args gate;
	/* interrupted context of an upcall, written by the VMM */
	_Alignas(64) uint64_t up_rip;
	uint64_t up_rsp, up_rflags;
	uint64_t rsvd3[5];
	_Alignas(64) struct cay_exc_record exc;
};

#define CAY_VCPU_OFF_EXC 320
#define CAY_VCPU_OFF_EXC_TOP 400 /* IST stack top: the hardware frame ends here; 16-aligned as the CPU demands */
_Static_assert(offsetof(struct cay_vcpu_page, pending) == 64, "VMM line");
_Static_assert(offsetof(struct cay_vcpu_page, clock_seq) == 128, "clock line");
_Static_assert(offsetof(struct cay_vcpu_page, gate) == 192, "gate line");
_Static_assert(offsetof(struct cay_vcpu_page, up_rip) == 256, "upcall line");
_Static_assert(offsetof(struct cay_vcpu_page, exc) == CAY_VCPU_OFF_EXC, "known to assembly");
_Static_assert(CAY_VCPU_OFF_EXC + sizeof(struct cay_exc_record) == CAY_VCPU_OFF_EXC_TOP, "known to the TSS");
_Static_assert(sizeof(struct cay_vcpu_page) <= 4096, "one page");

#endif
