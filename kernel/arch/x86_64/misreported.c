/* SPDX-License-Identifier: MIT */
/*
 * misreported.c - invalid instructions that are none. A KVM without VT-x or AMD-V interprets the instruction that
 * raised a general protection fault, and reports #UD where its interpreter does not know it: most of SSE, AVX and x87,
 * `int n`. What the program did is found out by decoding it here. Not recognised: SSE operands that are not aligned.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/mm/uaccess.h"
#include "lib/x86_address.h"

#define INT_N 0xcd

/* Bytes at rip, as many as there are: the instruction may be the last of its page. */
static size_t fetch(uint8_t code[X86_INSN_MAX], uint64_t rip)
{
	size_t in_page = PAGE_SIZE - rip % PAGE_SIZE;

	if (copy_from_user(code, (const void *)rip, X86_INSN_MAX) == 0)
		return X86_INSN_MAX;
	return in_page < X86_INSN_MAX && copy_from_user(code, (const void *)rip, in_page) == 0 ? in_page : 0;
}

bool trap_is_protection_fault(const struct trapframe *f)
{
	const uint64_t gpr[X86_NR_GPR] = {f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
					  f->r8,  f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};
	uint8_t code[X86_INSN_MAX];
	size_t bytes = fetch(code, f->rip);
	struct x86_insn in;
	uint64_t address;

	if (bytes == 0 || !x86_decode(code, bytes, &in))
		return false;
	if (in.opcode == INT_N)
		return true;
	return in.flow == X86_FLOW_NEXT && x86_memory_operand(code, &in, gpr, f->rip, rdfsbase(), &address) &&
	       !x86_is_canonical(address);
}
