/* SPDX-License-Identifier: MIT */
/*
 * x86_address.h - which memory an instruction names.
 * Source: Intel SDM volume 2 (2023), 2.1.5 (ModRM and SIB), 2.2.1.6 (relative to rip).
 */
#ifndef CAY_LIB_X86_ADDRESS_H
#define CAY_LIB_X86_ADDRESS_H

#include "lib/x86_length.h"

/* Numbered as in ModRM: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15. */
#define X86_NR_GPR 16

/*
 * The linear address of the memory operand that ModRM describes.
 *   code     the instruction that x86_decode accepted as *in
 *   gpr, rip registers before it; rip is that of its first byte
 *   fs_base  what the prefix fs adds; gs adds nothing
 * Returns false when there is no such operand (none, or a register). What ModRM does not say is not known: operands of
 * string instructions, the vector of addresses of a gather, the factor that AVX-512 puts on short displacements.
 * Context: any.
 */
bool x86_memory_operand(const uint8_t *code, const struct x86_insn *in, const uint64_t gpr[X86_NR_GPR], uint64_t rip,
			uint64_t fs_base, uint64_t *address);

/* Is this an address that a CPU with four levels of page tables can translate? */
static inline bool x86_is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

#endif
