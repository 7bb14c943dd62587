/* SPDX-License-Identifier: MIT */
/*
 * vcpu_page.h - the page that one vCPU shares with the VMM.
 * One cache line per writer. Both sides read each field once, check, and use the copy. GS base of the vCPU
 * is the guest-virtual address of this page, so that masking is one store.
 *
 * Events and upcalls: the VMM sets a bit in `pending` (atomic or), then looks at `state`:
 *   CAY_VCPU_RUNNING  and masked == 0: kicks the vCPU; on re-entry it makes an upcall (below)
 *   CAY_VCPU_POLLING  sends nothing: the guest is looking at `pending`
 *   CAY_VCPU_WAITING  wakes the vCPU from its wait gate call
 * state: the guest stores it and then, after a full barrier, reads `pending`; the VMM sets `pending` (a locked
 * instruction, so a full barrier) and then reads `state`: one of the two sees the other (store-buffer litmus).
 * masked: the guest clears it and reads `pending` *without* a barrier, because that is the return path of each system
 * call. So a VMM that found masked == 1 looks once more a few microseconds later, when the store has left the buffer.
 *
 * Upcall: the VMM stores rip, rsp and rflags of the interrupted code in `up_*`, sets masked = 1, and resumes at
 * `upcall_entry` with rsp = `upcall_stack`; all other registers are the interrupted code's. It makes none while rip is
 * in the system page (the CPL 0 stub always ends with upcalls masked) or equals iret.rip (the first instruction there
 * masks).
 *
 * Device events go to whichever vCPU can take them most cheaply: one that polls, else one that waits, else vCPU 0.
 * Signals, the debugger and the clock are in the page of vCPU 0; but SIGBUS is in the page of the vCPU whose kernel
 * touched a page of a file that the host does not have any more, and is for the thread it worked for.
 *
 * The kernel keeps its own per-CPU data from CAY_VCPU_OFF_GUEST on; the VMM does not look at it. Behind that, each CPU
 * counts its system calls by number, for --stats.
 */
#ifndef CAY_ABI_VCPU_PAGE_H
#define CAY_ABI_VCPU_PAGE_H

#define CAY_VCPU_OFF_MASKED  0
#define CAY_VCPU_OFF_PENDING 64
#define CAY_VCPU_OFF_UP      256
#define CAY_VCPU_OFF_EXC     320
#define CAY_VCPU_OFF_EXC_TOP 400 /* IST stack top; 16-aligned as the CPU demands */
#define CAY_VCPU_OFF_TSS     512
#define CAY_VCPU_OFF_GUEST   1024
#define CAY_VCPU_OFF_CALLS   2048

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

enum cay_vcpu_state { CAY_VCPU_RUNNING = 0, CAY_VCPU_POLLING = 1, CAY_VCPU_WAITING = 2 };

/* Bits of `pending`. Device queues take the bits from CAY_EVENT_QUEUE on. */
#define CAY_EVENT_TIMER  0 /* the deadline has passed */
#define CAY_EVENT_SIGNAL 1 /* see `signals` */
#define CAY_EVENT_IPI    2 /* another vCPU */
#define CAY_EVENT_DEBUG  3 /* the debugger wants the program stopped */
#define CAY_EVENT_QUEUE  8

struct cay_gate_args {
	uint64_t arg[6];
	int64_t ret; /* >= 0, or -errno */
};

/* Exception record, filled by hardware (the frame) and by the CPL 0 stub (cr2, vector). */
struct cay_exc_record {
	uint64_t cr2;
	uint64_t vector;
	uint64_t stub_scratch[2];
	/* The IST stack's top is the end of this frame: */
	uint64_t error; /* only for vectors that have one */
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Where the stub resumes at CPL 3: popped by its iretq. Written by the guest once. */
struct cay_iret_frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

struct cay_vcpu_page {
	/* written by the guest */
	uint32_t masked; /* the virtual interrupt flag, inverted: 1 = no upcalls */
	uint32_t state;  /* enum cay_vcpu_state */
	uint64_t upcall_entry;
	uint64_t upcall_stack;
	uint64_t timer_deadline_ns; /* CLOCK_MONOTONIC of the host; 0 = none. Read by the VMM at gate calls */
	uint32_t job_control;       /* vCPU 0: 1 = Ctrl-Z is for the guest's jobs: SIGTSTP is forwarded */
	uint32_t zeros_wanted; /* 1 = no VEC_MC for the next touch of a page that is gone: zeros. Cleared by the VMM */
	uint64_t rsvd0[3];
	/* written by the VMM (pending and signals are also cleared by the guest, atomically) */
	_Alignas(64) uint64_t pending;
	uint64_t signals; /* bit n-1: host signal n is to be forwarded (exchanged with 0 by the guest) */
	uint64_t rsvd1[6];
	/* clock: ns = *_ns + ((tsc - clock_base_tsc) * clock_mult >> 32); seq is even when stable */
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
	struct cay_iret_frame iret;
	uint64_t flush_rip; /* address of the one ud2 that means "stub: invlpg rdi if rsi is 0, else load CR3 with rsi"
			     */
	uint64_t rsvd4[8];
	uint8_t tss[104]; /* set up by the VMM; the CPU reads the IST entry */
	uint8_t rsvd5[408];
	uint8_t guest[1024];
	uint32_t syscall_count[512];
};

_Static_assert(offsetof(struct cay_vcpu_page, masked) == CAY_VCPU_OFF_MASKED, "known to assembly");
_Static_assert(offsetof(struct cay_vcpu_page, pending) == CAY_VCPU_OFF_PENDING, "VMM line");
_Static_assert(offsetof(struct cay_vcpu_page, clock_seq) == 128, "clock line");
_Static_assert(offsetof(struct cay_vcpu_page, gate) == 192, "gate line");
_Static_assert(offsetof(struct cay_vcpu_page, up_rip) == CAY_VCPU_OFF_UP, "upcall line");
_Static_assert(offsetof(struct cay_vcpu_page, exc) == CAY_VCPU_OFF_EXC, "known to assembly");
_Static_assert(CAY_VCPU_OFF_EXC + sizeof(struct cay_exc_record) == CAY_VCPU_OFF_EXC_TOP, "known to the TSS");
_Static_assert(offsetof(struct cay_vcpu_page, iret) == CAY_VCPU_OFF_EXC_TOP, "known to the stub");
_Static_assert(offsetof(struct cay_vcpu_page, flush_rip) == CAY_VCPU_OFF_EXC_TOP + 40, "known to the stub");
_Static_assert(offsetof(struct cay_vcpu_page, tss) == CAY_VCPU_OFF_TSS, "known to the VMM");
_Static_assert(offsetof(struct cay_vcpu_page, guest) == CAY_VCPU_OFF_GUEST, "kernel's part");
_Static_assert(offsetof(struct cay_vcpu_page, syscall_count) == CAY_VCPU_OFF_CALLS, "known to assembly");
_Static_assert(sizeof(struct cay_vcpu_page) == 4096, "one page");

#endif /* __ASSEMBLER__ */

#endif
