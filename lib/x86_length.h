/* SPDX-License-Identifier: MIT */
/*
 * x86_length.h - how long an instruction is, and where control goes after it: 64-bit mode, user code.
 * Covers what compilers and hand-written libraries emit (general, x87, SSE, AVX, AVX-512); refuses the rest: privileged
 * and far instructions, XOP, 3DNow!, encodings on which Intel and AMD disagree. Operands are not decoded, except what a
 * caller needs to move an instruction elsewhere.
 * Source: Intel SDM volume 2 (2023), appendix A (opcode maps) and chapter 2 (prefixes, ModRM, VEX, EVEX).
 */
#ifndef CAY_LIB_X86_LENGTH_H
#define CAY_LIB_X86_LENGTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_INSN_MAX 15

enum x86_flow {
	X86_FLOW_NEXT,   /* goes on behind it */
	X86_FLOW_BRANCH, /* conditional: `relative`, or behind it */
	X86_FLOW_JUMP,   /* always to `relative` */
	X86_FLOW_CALL,   /* direct: to `relative`, normally comes back; indirect: relative is 0 */
	X86_FLOW_END,    /* ret, indirect jump, int3, ud2, hlt: nothing known behind it */
	X86_FLOW_TRAP    /* syscall, cpuid, int n: the system does something, then goes on behind it */
};

struct x86_insn {
	uint8_t length; /* bytes, 1..15 */
	uint8_t flow;   /* enum x86_flow */
	bool relative_branch;
	/* Where its rip-relative operand or branch displacement lies; disp_bytes 0 = neither: it means the same
	 * anywhere. */
	uint8_t disp_offset;
	uint8_t disp_bytes;
	int32_t relative; /* of the branch: target = address + length + relative */
	uint16_t opcode;  /* one byte; 0x0fxx for the two-byte map; others: 0xffff */
	uint8_t rex;      /* 0 when there is none */
	bool has_modrm;
	uint8_t modrm;
	/* For lib/x86_address.h; of any encoding: */
	uint8_t modrm_offset;
	uint8_t base_high, index_high; /* 8 when the operand's base or index is one of r8 to r15 */
	uint8_t segment;               /* 0x64 or 0x65 when the prefix fs or gs is there */
	bool address32;
};

/*
 * Decodes the instruction at code, of which avail bytes may be read.
 * Returns true and fills *insn; false when it is refused or does not end within avail bytes.
 * Any bytes are allowed; context: any.
 */
bool x86_decode(const uint8_t *code, size_t avail, struct x86_insn *insn);

#endif
