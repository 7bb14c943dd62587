/* SPDX-License-Identifier: MIT */
/*
 * misreported.c - invalid instructions that are none. A KVM without VT-x or AMD-V interprets the instruction that
 * raised a general protection fault, and reports #UD where its interpreter does not know it: most of SSE, AVX and x87,
 * `int n`. What the program did is found out by decoding it here.
 * Nor does any KVM say which address was touched whose page the host cannot give: found out in the same way.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/trap.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/vmspace.h"
#include "kernel/sched/thread.h"
#include "lib/x86_address.h"
#include "lib/x86_alignment.h"

#define INT_N 0xcd

/* Bytes at rip, as many as there are: the instruction may be the last of its page. */
static size_t fetch(uint8_t code[X86_INSN_MAX], uint64_t rip)
{
	size_t in_page = PAGE_SIZE - rip % PAGE_SIZE;

	if (copy_from_user(code, (const void *)rip, X86_INSN_MAX) == 0)
		return X86_INSN_MAX;
	return in_page < X86_INSN_MAX && copy_from_user(code, (const void *)rip, in_page) == 0 ? in_page : 0;
}

/* The operand that ModRM describes. */
static bool operand(const struct trapframe *f, uint8_t code[X86_INSN_MAX], struct x86_insn *in, uint64_t *address)
{
	const uint64_t gpr[X86_NR_GPR] = {f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
					  f->r8,  f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};
	size_t bytes = fetch(code, f->rip);

	*in = (struct x86_insn){.length = 0};
	return bytes != 0 && x86_decode(code, bytes, in) &&
	       x86_memory_operand(code, in, gpr, f->rip, rdfsbase(), address);
}

bool trap_is_protection_fault(const struct trapframe *f)
{
	uint8_t code[X86_INSN_MAX];
	struct x86_insn in;
	uint64_t address;
	bool has_operand = operand(f, code, &in, &address);

	if (in.opcode == INT_N)
		return true;
	return has_operand && in.flow == X86_FLOW_NEXT &&
	       (!x86_is_canonical(address) || x86_is_misaligned(code, &in, address));
}

/* movs, cmps, stos, lods, scas */
static bool is_string(const struct x86_insn *in)
{
	return in->length != 0 && in->opcode >= 0xa4 && in->opcode <= 0xaf && in->opcode != 0xa8 && in->opcode != 0xa9;
}

uint64_t trap_file_address(const struct trapframe *f)
{
	struct vmspace *vs = process_current()->vs;
	uint8_t code[X86_INSN_MAX];
	struct x86_insn in;
	uint64_t address;

	if (operand(f, code, &in, &address) && vmspace_is_file_at(vs, address))
		return address;
	if (is_string(&in) && vmspace_is_file_at(vs, f->rsi))
		return f->rsi;
	if (is_string(&in) && vmspace_is_file_at(vs, f->rdi))
		return f->rdi;
	return vmspace_is_file_at(vs, f->rsp - 8) ? f->rsp - 8 : 0;
}
