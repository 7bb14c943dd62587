/* SPDX-License-Identifier: MIT */
/*
 * x86_alignment.h - which instructions fault where their memory operand does not lie at a multiple of its size: most of
 * SSE, and of AVX and AVX-512 the moves that are called aligned.
 * Source: Intel SDM volume 2 (2023), 2.4 to 2.6 (exception classes) and the instructions' own pages.
 */
#ifndef CAY_LIB_X86_ALIGNMENT_H
#define CAY_LIB_X86_ALIGNMENT_H

#include "lib/x86_length.h"

/*
 * The instruction at code, which x86_decode accepted as *in, has its memory operand at address, as x86_memory_operand
 * says: is that a general protection fault? Context: any.
 */
bool x86_is_misaligned(const uint8_t *code, const struct x86_insn *in, uint64_t address);

#endif
