/* SPDX-License-Identifier: MIT */
/*
 * entry.S - the ways into the kernel and out of it. All at CPL 3: "entering" is masking upcalls and taking the thread's
 * kernel stack, "leaving" is the reverse.
 *
 * Upcalls are masked from the first instructions of each entry to the last of each exit, so an upcall finds either program
 * code or one of two critical regions: the instructions between unmasking and the jump to the program. There the
 * program's registers are all in the frame on the kernel stack (but rbx, rbp, r12-r15 in crit_syscall, which are live), so
 * the upcall discards the half-done exit and starts from that frame.
 */
#include "kernel/arch/x86_64/offsets.h"

#define USER_CS 0x33 /* SEL_USER_CS, SEL_USER_SS of frame.h */
#define USER_SS 0x2b
#define FRAME_SYSCALL 0
#define FRAME_INTERRUPT 1

/* Of a SYSCALL frame: the rest of the registers. */
.macro store_callee_saved
	mov %r15, FR_R15(%rsp)
	mov %r14, FR_R14(%rsp)
	mov %r13, FR_R13(%rsp)
	mov %r12, FR_R12(%rsp)
	mov %rbp, FR_RBP(%rsp)
	mov %rbx, FR_RBX(%rsp)
.endm

/* After the iret part and orig_rax; rax and rcx are in the scratch slots. */
.macro push_all_gprs
	push %rdi
	push %rsi
	push %rdx
	pushq %gs:CPU_SCRATCH1
	pushq %gs:CPU_SCRATCH0
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro pop_all_gprs
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	lea 8(%rsp), %rsp
.endm

	.section .text.entry, "ax", @progbits

	.global kernel_entry
kernel_entry:
	lea boot_stack_top(%rip), %rsp
	xor %ebp, %ebp
	call kernel_main
	ud2

	/* CAY_KERNEL_LSTAR_OFFSET: a `syscall` instruction that was not rewritten. rcx = return address, r11 = flags. */
	.org kernel_entry + 0x40
	.global lstar_entry
lstar_entry:
	movl $1, %gs:PG_MASKED
	mov %rsp, %gs:CPU_SCRATCH0
	mov %gs:CPU_KSTACK_TOP, %rsp
	push $FRAME_SYSCALL
	push $USER_SS
	pushq %gs:CPU_SCRATCH0
	push %r11
	push $USER_CS
	push %rcx
	push %rax
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	sub $48, %rsp
	store_callee_saved
	cld
	mov %rsp, %rdi
	call syscall_trapped
	/* The site may be a plain jump by now; this call is served as if it had been. */
	mov FR_RDI(%rsp), %rdi
	mov FR_RSI(%rsp), %rsi
	mov FR_RDX(%rsp), %rdx
	mov FR_R10(%rsp), %r10
	mov FR_R8(%rsp), %r8
	mov FR_R9(%rsp), %r9
	mov FR_ORIG_RAX(%rsp), %rax
	jmp syscall_dispatch

	.text
	/*
	 * A rewritten call site jumps here: rax = number, rdi rsi rdx r10 r8 r9 = arguments, rcx = return address, as
	 * the hardware's `syscall` would have it. rcx and r11 are free.
	 */
	.global syscall_entry
	.balign 64
syscall_entry:
	movl $1, %gs:PG_MASKED
	mov %rsp, %r11
	mov %gs:CPU_KSTACK_TOP, %rsp
	push $FRAME_SYSCALL
	push $USER_SS
	push %r11
	pushfq
	push $USER_CS
	push %rcx
	push %rax
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	sub $48, %rsp
	testl $RFLAGS_DF, FR_RFLAGS(%rsp)
	jnz clear_df
syscall_dispatch:
	mov %eax, %eax /* Linux looks at the low half only */
	cmp $SYSCALL_LIMIT, %eax
	jae syscall_bad
	incl %gs:PG_CALLS(, %rax, 4)
	lea syscall_live(%rip), %r11
	mov %r10, %rcx
	decl %gs:CPU_TO_SAMPLE
	jle syscall_timed
	call *(%r11, %rax, 8)
syscall_return:
	mov %rax, FR_RAX(%rsp)
	mov %gs:CPU_CURRENT, %rcx
	.global crit_syscall_start, crit_syscall_end
crit_syscall_start:
	movl $0, %gs:PG_MASKED
	mov %gs:PG_PENDING, %r11
	or THREAD_WORK(%rcx), %r11
	jnz syscall_slow
	/* Arithmetic flags by sahf and an addition that overflows or not: popfq takes ten times as long. */
	mov FR_RFLAGS(%rsp), %eax
	test $(RFLAGS_DF | RFLAGS_TF), %eax /* what sahf cannot restore and a program might have set */
	jnz syscall_slow
	mov %eax, %ecx
	shr $11, %ecx
	and $1, %ecx
	add $0x7f, %cl
	mov %al, %ah
	sahf
	mov FR_R10(%rsp), %r10
	mov FR_R9(%rsp), %r9
	mov FR_R8(%rsp), %r8
	mov FR_RDX(%rsp), %rdx
	mov FR_RSI(%rsp), %rsi
	mov FR_RDI(%rsp), %rdi
	mov FR_RAX(%rsp), %rax
	mov FR_RIP(%rsp), %rcx
	mov FR_RSP(%rsp), %rsp
	jmp *%rcx
syscall_slow:
	movl $1, %gs:PG_MASKED
crit_syscall_end:
	store_callee_saved
	mov %rsp, %rdi
	call exit_work
	jmp return_full

clear_df:
	cld
	jmp syscall_dispatch

	/* For system time (kernel/sched/system_time.h). Those that take the frame whole do not come back here. */
syscall_timed:
	mov (%r11, %rax, 8), %rax
	lea syscall_full_thunk(%rip), %r11
	cmp %r11, %rax
	je 1f
	call syscall_sampled
	jmp syscall_return
1:	call *%rax

syscall_bad:
	mov $-38, %eax /* -ENOSYS */
	cltq
	jmp syscall_return

	/*
	 * syscall_live[] entry for calls that read or change the whole frame. The real function is in syscall_full_calls; the
	 * result goes through the frame because rt_sigreturn puts back an arbitrary rax.
	 */
	.global syscall_full_thunk
syscall_full_thunk:
	lea 8(%rsp), %rsp /* the frame; we do not return to the dispatcher */
	store_callee_saved
	mov FR_ORIG_RAX(%rsp), %eax
	mov syscall_full_calls(%rip), %r11
	call *(%r11, %rax, 8)
	mov %rax, FR_RAX(%rsp)
	jmp return_full

	/* Leaves through the current thread's frame with all registers from it. */
	.global frame_return
frame_return:
	mov %gs:CPU_KSTACK_TOP, %rsp
	sub $FR_BYTES, %rsp
return_full:
	mov %gs:CPU_CURRENT, %rcx
	.global crit_full_start, crit_full_end
crit_full_start:
	movl $0, %gs:PG_MASKED
	mov %gs:PG_PENDING, %rax
	or THREAD_WORK(%rcx), %rax
	jnz full_slow
	/* Where rcx holds the address to go to (behind a system call, into a signal handler) a jump does: a third of iretq. */
	mov FR_RIP(%rsp), %rcx
	cmp %rcx, FR_RCX(%rsp)
	jne return_iret
	mov FR_RFLAGS(%rsp), %eax
	test $(RFLAGS_DF | RFLAGS_TF | RFLAGS_AC), %eax
	jnz return_iret
	mov %eax, %ecx
	shr $11, %ecx
	and $1, %ecx
	add $0x7f, %cl
	mov %al, %ah
	sahf
	mov FR_R15(%rsp), %r15
	mov FR_R14(%rsp), %r14
	mov FR_R13(%rsp), %r13
	mov FR_R12(%rsp), %r12
	mov FR_RBP(%rsp), %rbp
	mov FR_RBX(%rsp), %rbx
	mov FR_R11(%rsp), %r11
	mov FR_R10(%rsp), %r10
	mov FR_R9(%rsp), %r9
	mov FR_R8(%rsp), %r8
	mov FR_RDX(%rsp), %rdx
	mov FR_RSI(%rsp), %rsi
	mov FR_RDI(%rsp), %rdi
	mov FR_RAX(%rsp), %rax
	mov FR_RIP(%rsp), %rcx
	mov FR_RSP(%rsp), %rsp
	jmp *%rcx
return_iret:
	pop_all_gprs
	iretq
full_slow:
	movl $1, %gs:PG_MASKED
crit_full_end:
	mov %rsp, %rdi
	call exit_work
	jmp return_full

	/* The VMM resumes us here with rsp = upcall_stack, masked = 1, the interrupted rip, rsp, rflags in the vCPU page. */
	.global upcall_entry
upcall_entry:
	mov %rax, %gs:CPU_SCRATCH0
	mov %rcx, %gs:CPU_SCRATCH1
	/* Kernel code on a kernel stack, or the program? A program may put anything in rsp, so both must say so. */
	mov %gs:PG_UP_RSP, %rax
	shr $KERNEL_SHIFT, %rax
	cmp $KERNEL_TOP_BITS, %rax
	jne upcall_from_program
	mov %gs:PG_UP_RIP, %rax
	mov %rax, %rcx
	shr $KERNEL_SHIFT, %rcx
	cmp $KERNEL_TOP_BITS, %rcx
	jne upcall_from_program
	lea crit_syscall_start(%rip), %rcx
	cmp %rcx, %rax
	jb 1f
	lea crit_syscall_end(%rip), %rcx
	cmp %rcx, %rax
	jb upcall_in_syscall_exit
1:	lea crit_full_start(%rip), %rcx
	cmp %rcx, %rax
	jb upcall_unexpected
	lea crit_full_end(%rip), %rcx
	cmp %rcx, %rax
	jae upcall_unexpected
	mov %gs:CPU_KSTACK_TOP, %rsp
	sub $FR_BYTES, %rsp
	jmp upcall_common
upcall_in_syscall_exit:
	mov %gs:CPU_KSTACK_TOP, %rsp
	sub $FR_BYTES, %rsp
	store_callee_saved
	jmp upcall_common
upcall_from_program:
	mov %gs:CPU_KSTACK_TOP, %rsp
	push $FRAME_INTERRUPT
	push $USER_SS
	pushq %gs:PG_UP_RSP
	pushq %gs:PG_UP_RFLAGS
	push $USER_CS
	pushq %gs:PG_UP_RIP
	push $-1
	push_all_gprs
upcall_common:
	cld
	mov %rsp, %rdi
	call upcall_handler
	jmp return_full
upcall_unexpected:
	mov %gs:PG_UP_RIP, %rdi
	call upcall_in_kernel

	/* The CPL 0 stub resumes us here with rsp = exc_stack and the record in the vCPU page. The first instruction masks. */
	.global exc_entry
exc_entry:
	movl $1, %gs:PG_MASKED
	mov %rax, %gs:CPU_SCRATCH0
	mov %rcx, %gs:CPU_SCRATCH1
	lea upcall_entry(%rip), %rcx
	cmp %gs:PG_EXC_RIP, %rcx
	je exc_before_upcall
exc_context_known:
	/* As for upcalls: what interrupted kernel code goes below it on its stack, all else to the top of the thread's. */
	mov %gs:PG_EXC_RSP, %rax
	mov %rax, %rcx
	shr $KERNEL_SHIFT, %rcx
	cmp $KERNEL_TOP_BITS, %rcx
	cmovne %gs:CPU_KSTACK_TOP, %rax
	mov %gs:PG_EXC_RIP, %rcx
	shr $KERNEL_SHIFT, %rcx
	cmp $KERNEL_TOP_BITS, %rcx
	cmovne %gs:CPU_KSTACK_TOP, %rax
	mov %rax, %rsp
	and $-16, %rsp
	push $FRAME_INTERRUPT
	push $USER_SS
	pushq %gs:PG_EXC_RSP
	pushq %gs:PG_EXC_RFLAGS
	push $USER_CS
	pushq %gs:PG_EXC_RIP
	push $-1
	push_all_gprs
	cld
	mov %rsp, %rdi
	mov %gs:PG_EXC_VECTOR, %rsi
	mov %gs:PG_EXC_ERROR, %rdx
	mov %gs:PG_EXC_CR2, %rcx
	call exception_handler
	/* Back to kernel code: by its address alone, because a step through a system call's door still has the program's stack. */
	mov FR_RIP(%rsp), %rax
	shr $KERNEL_SHIFT, %rax
	cmp $KERNEL_TOP_BITS, %rax
	jne return_full
	pop_all_gprs
	iretq

	/*
	 * The VMM turned to an upcall a program whose int3 KVM had yet to deliver: such exceptions it cannot see (KVM
	 * reports no software exception). The exception comes first; what the upcall was for is seen on the way out.
	 */
exc_before_upcall:
	mov %gs:PG_UP_RIP, %rax
	mov %rax, %gs:PG_EXC_RIP
	mov %gs:PG_UP_RSP, %rax
	mov %rax, %gs:PG_EXC_RSP
	mov %gs:PG_UP_RFLAGS, %rax
	mov %rax, %gs:PG_EXC_RFLAGS
	jmp exc_context_known

	/* void arch_switch(struct thread *prev, struct thread *next): stacks only; the scheduler sets the rest */
	.global arch_switch
arch_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, THREAD_SWITCH_RSP(%rdi)
	mov THREAD_SWITCH_RSP(%rsi), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

	/* First code of a new thread: rbx = function, r12 = its argument. */
	.global thread_first
thread_first:
	mov %r12, %rdi
	xor %ebp, %ebp
	call *%rbx
	ud2

	/* The marked ud2: stub.S of the VMM. rdi = address (rsi = 0), or rsi = CR3. */
	.global stub_request, stub_request_ud2
stub_request:
stub_request_ud2:
	ud2
	ret

	.bss
	.balign 16
boot_stack:
	.skip 16384
	.global boot_stack_top
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
