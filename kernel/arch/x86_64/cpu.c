/* SPDX-License-Identifier: MIT */
/* cpu.c - the CPU's state: per-CPU data, FPU, threads' first frames, requests to the CPL 0 stub. */
#include "kernel/arch/x86_64/cpu.h"

#include <stddef.h>

#include "abi/layout.h"
#include "kernel/arch/x86_64/offsets.h"
#include "kernel/log.h"
#include "kernel/plat/cay/boot.h"
#include "kernel/sched/thread.h"
#include "lib/compiler.h"
#include "lib/string.h"

#define PAGE_AT(field) offsetof(struct cay_vcpu_page, field)
#define CPU_AT(field)  (CAY_VCPU_OFF_GUEST + offsetof(struct cpu, field))
_Static_assert(PAGE_AT(masked) == PG_MASKED && PAGE_AT(pending) == PG_PENDING, "entry.S");
_Static_assert(PAGE_AT(up_rip) == PG_UP_RIP && PAGE_AT(up_rsp) == PG_UP_RSP && PAGE_AT(up_rflags) == PG_UP_RFLAGS,
	       "entry.S");
_Static_assert(PAGE_AT(exc.cr2) == PG_EXC_CR2 && PAGE_AT(exc.vector) == PG_EXC_VECTOR &&
		       PAGE_AT(exc.error) == PG_EXC_ERROR,
	       "entry.S");
_Static_assert(PAGE_AT(exc.rip) == PG_EXC_RIP && PAGE_AT(exc.rflags) == PG_EXC_RFLAGS && PAGE_AT(exc.rsp) == PG_EXC_RSP,
	       "entry.S");
_Static_assert(CPU_AT(self) == CPU_SELF && CPU_AT(current) == CPU_CURRENT && CPU_AT(kstack_top) == CPU_KSTACK_TOP,
	       "entry.S");
_Static_assert(CPU_AT(scratch[0]) == CPU_SCRATCH0 && CPU_AT(scratch[1]) == CPU_SCRATCH1, "entry.S");
_Static_assert(PAGE_AT(syscall_count) == PG_CALLS && CPU_AT(calls_to_sample) == CPU_TO_SAMPLE, "entry.S");
_Static_assert(CPU_AT(syscall_entry) == CPU_SYSCALL_ENTRY && CPU_AT(id) == CPU_ID, "the vDSO");
_Static_assert(offsetof(struct thread, switch_rsp) == THREAD_SWITCH_RSP && offsetof(struct thread, work) == THREAD_WORK,
	       "entry.S");
_Static_assert(offsetof(struct trapframe, rax) == FR_RAX && offsetof(struct trapframe, rip) == FR_RIP &&
		       offsetof(struct trapframe, rcx) == FR_RCX && offsetof(struct trapframe, rsp) == FR_RSP,
	       "entry.S");
_Static_assert(offsetof(struct trapframe, orig_rax) == FR_ORIG_RAX && offsetof(struct trapframe, rdi) == FR_RDI &&
		       FRAME_BYTES == FR_BYTES,
	       "entry.S");
_Static_assert(CAY_USER_END == (uint64_t)KERNEL_TOP_BITS << KERNEL_SHIFT,
	       "entry.S tells kernel stacks by their top bits");
_Static_assert(sizeof(struct cpu) <= sizeof(((struct cay_vcpu_page *)0)->guest), "room in the vCPU page");

extern char syscall_entry[], upcall_entry[], exc_entry[], stub_request_ud2[];
extern void thread_first(void);

/* An upcall or exception uses its stack only until it has found the thread's: a few pushes and, at worst, a panic. */
#define DOOR_STACK_BYTES 1024
static uint8_t door_stacks[CAY_VCPU_MAX][DOOR_STACK_BYTES] ALIGNED(16);

static struct cay_vcpu_page *vcpu_page(unsigned id)
{
	return (struct cay_vcpu_page *)(CAY_DIRECT_GVA + CAY_VCPU_GPA + id * CAY_PAGE_BYTES);
}

struct cpu *cpu_by_id(unsigned id)
{
	return (struct cpu *)vcpu_page(id)->guest;
}

unsigned cpu_count(void)
{
	return boot_info->nr_cpus;
}

void cpu_init(unsigned id)
{
	struct cay_vcpu_page *page = vcpu_page(id);
	struct cpu *cpu = (struct cpu *)page->guest;

	page->masked = 1;
	cpu->self = cpu;
	cpu->vcpu = page;
	cpu->id = id;
	cpu->cr3 = boot_info->cr3_gpa;
	cpu->sample_gap = 1;
	cpu->syscall_entry = (uint64_t)syscall_entry;
	page->upcall_entry = (uint64_t)upcall_entry;
	page->upcall_stack = (uint64_t)door_stacks[id] + DOOR_STACK_BYTES;
	page->iret = (struct cay_iret_frame){
		.rip = (uint64_t)exc_entry,
		.cs = SEL_USER_CS,
		.rflags = 2,
		.rsp = (uint64_t)door_stacks[id] + DOOR_STACK_BYTES / 2,
		.ss = SEL_USER_SS,
	};
	page->flush_rip = (uint64_t)stub_request_ud2;
}

/* Of the serializing instructions iretq is one that costs no exit. */
void cpu_serialize(void)
{
	uint64_t tmp;

	__asm__ volatile("mov %%rsp, %0\n\t"
			 "push %1\n\t"
			 "push %0\n\t"
			 "pushfq\n\t"
			 "push %2\n\t"
			 "lea 1f(%%rip), %0\n\t"
			 "push %0\n\t"
			 "iretq\n"
			 "1:"
			 : "=&r"(tmp)
			 : "i"(SEL_USER_SS), "i"(SEL_USER_CS)
			 : "memory", "cc");
}

void arch_thread_init(struct thread *t, void (*fn)(void *arg), void *arg)
{
	/* Below the frame, so that fn may leave through it. What arch_switch pops: r15 r14 r13 r12 rbx rbp, return
	 * address. */
	uint64_t *sp = (uint64_t *)(t->kstack_top - FRAME_BYTES - 16);

	*--sp = (uint64_t)thread_first;
	*--sp = 0;
	*--sp = (uint64_t)fn;
	*--sp = (uint64_t)arg;
	*--sp = 0;
	*--sp = 0;
	*--sp = 0;
	t->switch_rsp = (uint64_t)sp;
}
