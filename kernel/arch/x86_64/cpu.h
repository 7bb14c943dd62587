/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - the CPU under the kernel: per-CPU data, TLB, FPU, context switch, entry points.
 * Everything runs at CPL 3; nothing here is a privileged instruction. "Kernel mode" means: rsp is a kernel address.
 */
#ifndef CAY_KERNEL_ARCH_CPU_H
#define CAY_KERNEL_ARCH_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vcpu_page.h"
#include "kernel/arch/x86_64/frame.h"
#include "kernel/arch/x86_64/tlb.h"
#include "lib/compiler.h"

struct thread;
struct vmspace;

/*
 * Per-CPU data: the kernel's part of the vCPU page, whose address is the GS base in kernel and program alike (a program
 * has no GS base of its own). Kernel code always runs with upcalls masked: device events and timers are looked at on
 * the way back to the program, when a thread blocks, and when the CPU is idle. Offsets are known to entry.S: asserts in
 * cpu.c.
 */
struct cpu {
	struct cpu *self;
	struct thread *current;
	uint64_t kstack_top; /* of current */
	uint64_t scratch[4];
	struct cay_vcpu_page *vcpu;
	uint64_t id;            /* read by the vDSO, too */
	uint64_t syscall_entry; /* where the vDSO's code calls the kernel */
	/* kernel/sched/system_time.h: when it has counted down to 0 the call is timed */
	int32_t calls_to_sample;
	uint32_t sample_gap;
	const struct thread *sampled; /* its last call was timed, and its next one is */
	struct vmspace *vs;           /* whose page tables are loaded */
	uint64_t cr3;                 /* its root; the boot tables before the first */
	struct thread *idle;
	/* kernel/sched/klock.h, smp.h */
	uint32_t where; /* enum cpu_where */
	bool holds_klock;
	/* What others ask of this CPU before it goes on in the program: tlb.c, smp.c. Lock-free. */
	uint64_t asked, done;             /* how often; up to where it has been seen to */
	uint64_t unseen[TLB_BATCH_PAGES]; /* stale translations: pages, TLB_UNSEEN_ALL, 0 = none */
	bool must_serialize;              /* code was changed, or membarrier(2) */
};

/* Volatile: a thread that slept may go on on another CPU, so the answer is good only until then. */
static inline struct cpu *cpu_this(void)
{
	struct cpu *c;
	__asm__ volatile("mov %%gs:1024, %0" : "=r"(c));
	return c;
}

/* Of any CPU that the VM has. */
struct cpu *cpu_by_id(unsigned id);
unsigned cpu_count(void);

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline void wrfsbase(uint64_t v)
{
	__asm__ volatile("wrfsbase %0" ::"r"(v));
}

static inline uint64_t rdfsbase(void)
{
	uint64_t v;
	__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}

void cpu_init(unsigned id); /* before anything on that CPU; its GS base is its vCPU page */

/*
 * Forget translations of the loaded address space: one page (one stub entry, 18 us without VT-x), or all of the
 * program's. On all CPUs: afterwards none uses what the page tables said before. Lock: none, but change the tables
 * first.
 */
void tlb_flush_page(uint64_t va);
void tlb_flush_all(void);
/* What others left for this CPU to do before it goes on in the program, or touches its memory in another call. */
void tlb_catch_up(void);
/* Page va was missing and is there now: where a translation can be made ahead of its use, that spares a second fault.
 */
void tlb_fill(uint64_t va);
/* Load another address space on this CPU. */
void cr3_load(uint64_t pa);
/* A CPU that fetched old bytes of code that has changed must be told: SDM vol 3, 9.1.3. */
void cpu_serialize(void);

/* Saves and restores x87/SSE/AVX state to thread.fpu; the kernel itself never touches it. */
void fpu_init(void); /* before the others */
void fpu_save(struct thread *t);
void fpu_restore(struct thread *t);
void fpu_switch(struct thread *from, struct thread *to, uint32_t used); /* save and restore; used: fpu_in_use() */

/* What of x87 (1) and AVX (4) the registers hold something in now. Where the CPU does not say, or has more: all. */
static inline uint32_t fpu_in_use(void)
{
	extern bool fpu_tells_use;
	uint32_t low, high;

	if (!fpu_tells_use)
		return UINT32_MAX;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
	return low;
}
void fpu_init_state(void *area);

/*
 * A signal frame's state, written from the registers and read into them, without a stop in thread.fpu. SLOW: nothing
 * was done, because x87 is in use or the CPU does not say; that takes the other functions. FAULT: there is no memory;
 * after fpu_restore_user the registers are a mixture.
 */
enum fpu_frame { FPU_FRAME_DONE, FPU_FRAME_SLOW, FPU_FRAME_FAULT };
MUST_CHECK enum fpu_frame fpu_save_user(uint64_t to); /* aligned to 64 */
MUST_CHECK enum fpu_frame fpu_restore_user(uint64_t from);
/* A handler begins with the initial state, as on Linux. x87_unused: fpu_save_user has just been DONE. */
void fpu_begin_handler(struct thread *t, bool x87_unused);
size_t fpu_area_bytes(void);

/* Switches kernel stacks: saves callee-saved registers on the old stack, returns on the new one. */
void arch_switch(struct thread *prev, struct thread *next);
/* Prepares a new thread so that its first switch runs fn(arg) on its stack. */
void arch_thread_init(struct thread *t, void (*fn)(void *arg), void *arg);
/* Leaves the kernel through the current thread's trap frame. */
__attribute__((noreturn)) void frame_return(void);
/* Copies with fault recovery: returns the number of bytes NOT copied. Range checks are the caller's (uaccess.h). */
size_t arch_user_copy(void *dst, const void *src, size_t bytes);
size_t arch_user_zero(void *dst, size_t bytes);
/* 0 or -EFAULT; *old = value found. */
int arch_user_cmpxchg32(uint32_t *p, uint32_t expect, uint32_t desired, uint32_t *old);

/* 0, or -EFAULT where the page is not there already; under any lock. */
int arch_user_peek32(uint32_t *dst, const uint32_t *src);
extern const char arch_user_peek32_fault[];

/* Gate calls: abi/gate.h. */
int64_t gate_call(unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

#endif
