/* SPDX-License-Identifier: MIT */
/*
 * stub.S - the only code that runs at CPL 0: the far ends of the interrupt gates, copied into the system page.
 * It turns an exception into a record in the vCPU page and goes on in the kernel at CPL 3; and it executes invlpg and
 * mov to CR3 for the kernel. A KVM without VT-x interprets each instruction (about 1 us) and knows few: keep it to moves,
 * compares, invlpg, CR loads and iretq. Position-independent; everything is addressed from rsp, which the IST entry puts
 * at the end of the exception record (abi/vcpu_page.h). Vector v enters at v * STUB_ENTRY_BYTES.
 */
#include "abi/vcpu_page.h"
#include "vmm/backend/kvm/stub.h"

/* rsp at entry: the hardware frame is 40 bytes, 48 with an error code. */
#define NOERR (CAY_VCPU_OFF_EXC_TOP - 40)
#define ERR (CAY_VCPU_OFF_EXC_TOP - 48)
#define CR2 CAY_VCPU_OFF_EXC
#define VECTOR (CAY_VCPU_OFF_EXC + 8)
#define SCRATCH (CAY_VCPU_OFF_EXC + 16)
#define FLUSH_RIP (CAY_VCPU_OFF_EXC_TOP + 40)

.macro noerr vec
	.org cay_stub + \vec * STUB_ENTRY_BYTES
	movq $\vec, VECTOR - NOERR(%rsp)
	lea 40(%rsp), %rsp
	iretq
.endm

.macro err vec
	.org cay_stub + \vec * STUB_ENTRY_BYTES
	movq $\vec, VECTOR - ERR(%rsp)
	lea 48(%rsp), %rsp
	iretq
.endm

	.section .rodata
	.global cay_stub, cay_stub_end
	.balign 16
cay_stub:
	noerr 0
	noerr 1
	noerr 2
	noerr 3
	noerr 4
	noerr 5

	/* #UD: the kernel's request, or a program's bad instruction */
	.org cay_stub + 6 * STUB_ENTRY_BYTES
	mov %rax, SCRATCH - NOERR(%rsp)
	mov (%rsp), %rax
	cmp %rax, FLUSH_RIP - NOERR(%rsp)
	jne 1f
	jmp flush
1:	mov SCRATCH - NOERR(%rsp), %rax
	movq $6, VECTOR - NOERR(%rsp)
	lea 40(%rsp), %rsp
	iretq

	noerr 7
	err 8
	noerr 9
	err 10
	err 11
	err 12
	err 13

	/* #PF: CR2 can only be read here */
	.org cay_stub + 14 * STUB_ENTRY_BYTES
	mov %rax, SCRATCH - ERR(%rsp)
	mov %cr2, %rax
	mov %rax, CR2 - ERR(%rsp)
	mov SCRATCH - ERR(%rsp), %rax
	movq $14, VECTOR - ERR(%rsp)
	lea 48(%rsp), %rsp
	iretq

	noerr 15
	noerr 16
	err 17
	noerr 18
	noerr 19
	noerr 20
	err 21
	noerr 22
	noerr 23
	noerr 24
	noerr 25
	noerr 26
	noerr 27
	noerr 28
	err 29
	err 30
	noerr 31

	/* rdi = address and rsi = 0: invlpg; else rsi = new CR3. rax is clobbered; resumes after the ud2. */
	.org cay_stub + 32 * STUB_ENTRY_BYTES
flush:
	test %rsi, %rsi
	jnz 2f
	invlpg (%rdi)
	addq $2, (%rsp)
	iretq
2:	mov %rsi, %cr3
	addq $2, (%rsp)
	iretq
cay_stub_end:

	.section .note.GNU-stack, "", @progbits
