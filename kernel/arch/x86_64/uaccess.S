/* SPDX-License-Identifier: MIT */
/*
 * uaccess.S - touching memory that may not be there. Each instruction that may fault has a row in __ex_table: address of
 * the instruction, address to go on at.
 */
.macro on_fault insn, fixup
	.pushsection __ex_table, "a"
	.quad \insn, \fixup
	.popsection
.endm

	.text
	/*
	 * size_t arch_user_copy(void *dst, const void *src, size_t bytes): bytes not copied. `rep movsb` takes some 30
	 * cycles to start, also for a byte.
	 */
	.global arch_user_copy
arch_user_copy:
	cmp $64, %rdx
	ja 6f
	mov %edx, %ecx
	shr $3, %ecx
	jz 2f
1:	mov (%rsi), %rax
11:	mov %rax, (%rdi)
	add $8, %rsi
	add $8, %rdi
	sub $8, %rdx
	dec %ecx
	jnz 1b
2:	test $4, %dl
	jz 3f
12:	mov (%rsi), %eax
13:	mov %eax, (%rdi)
	add $4, %rsi
	add $4, %rdi
	sub $4, %rdx
3:	test $2, %dl
	jz 4f
14:	movzwl (%rsi), %eax
15:	mov %ax, (%rdi)
	add $2, %rsi
	add $2, %rdi
	sub $2, %rdx
4:	test $1, %dl
	jz 5f
16:	movzbl (%rsi), %eax
17:	mov %al, (%rdi)
	dec %rdx
5:	mov %rdx, %rax
	ret
6:	mov %rdx, %rcx
18:	rep movsb
7:	mov %rcx, %rax
	ret
	/* A piece that faults may have its first bytes where there is memory: they are not copied either. */
	on_fault 1b, 5b
	on_fault 11b, 5b
	on_fault 12b, 5b
	on_fault 13b, 5b
	on_fault 14b, 5b
	on_fault 15b, 5b
	on_fault 16b, 5b
	on_fault 17b, 5b
	on_fault 18b, 7b

	/* size_t arch_user_zero(void *dst, size_t bytes): bytes not cleared */
	.global arch_user_zero
arch_user_zero:
	mov %rsi, %rcx
	xor %eax, %eax
1:	rep stosb
2:	mov %rcx, %rax
	ret
	on_fault 1b, 2b

	/* int arch_user_cmpxchg32(uint32_t *p, uint32_t expect, uint32_t desired, uint32_t *old) */
	.global arch_user_cmpxchg32
arch_user_cmpxchg32:
	mov %rcx, %r8
	mov %esi, %eax
1:	lock cmpxchg %edx, (%rdi)
	mov %eax, (%r8)
	xor %eax, %eax
	ret
2:	mov $-14, %eax /* -EFAULT */
	ret
	on_fault 1b, 2b

	/*
	 * int arch_user_peek32(uint32_t *dst, const uint32_t *src): does not fault. A page fault of its first instruction
	 * goes on at arch_user_peek32_fault whatever could be made of the page (trap.c).
	 */
	.global arch_user_peek32, arch_user_peek32_fault
arch_user_peek32:
	mov (%rsi), %eax
	mov %eax, (%rdi)
	xor %eax, %eax
	ret
arch_user_peek32_fault:
	mov $-14, %eax /* -EFAULT */
	ret
	on_fault arch_user_peek32, arch_user_peek32_fault

	/* size_t arch_user_strncpy(char *dst, const char *src, size_t max, bool *fault): bytes copied before the NUL, or max */
	.global arch_user_strncpy
arch_user_strncpy:
	movb $0, (%rcx)
	xor %r8d, %r8d
1:	cmp %rdx, %r8
	jae 3f
2:	mov (%rsi, %r8), %al
	mov %al, (%rdi, %r8)
	test %al, %al
	jz 3f
	inc %r8
	jmp 1b
3:	mov %r8, %rax
	ret
4:	movb $1, (%rcx)
	mov %r8, %rax
	ret
	on_fault 2b, 4b

	.section .note.GNU-stack, "", @progbits
