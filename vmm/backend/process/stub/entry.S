/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where the host's exec enters the stub, where the stub enters the guest, and where signals return.
 * The jumps at the start have fixed addresses: the VMM tells the guest's kernel of them (vmm/backend/process/process.c).
 */
	.section .text.entry, "ax", @progbits
	.global stub_table
stub_table:
	jmp gate_call
	.org stub_table + 16
	jmp mmu_flush
	.org stub_table + 32
	jmp mmu_fill
	.org stub_table + 48

	.global stub_start
stub_start:
	xor %ebp, %ebp
	lea stub_stack_top(%rip), %rsp
	call stub_main
	ud2

	/* void enter_guest(rip, rsp, arg, gs_base): all other registers are zero, as after a reset. */
	.global enter_guest
enter_guest:
	wrgsbase %rcx
	mov %rsi, %rsp
	mov %rdi, %rcx
	mov %rdx, %rdi
	xor %eax, %eax
	xor %ebx, %ebx
	xor %edx, %edx
	xor %esi, %esi
	xor %ebp, %ebp
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	wrfsbase %rax
	jmp *%rcx

	.global signal_restorer
signal_restorer:
	mov $15, %eax /* rt_sigreturn */
	syscall
	ud2 /* it does not return */

	.bss
	.balign 16
	.skip 16384
stub_stack_top:
	.global signal_stack, signal_stack_end
signal_stack:
	.skip 131072
signal_stack_end:

	.section .note.GNU-stack, "", @progbits
