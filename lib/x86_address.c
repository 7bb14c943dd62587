/* SPDX-License-Identifier: MIT */
#include "lib/x86_address.h"

static uint64_t displacement(const uint8_t *at, unsigned bytes)
{
	if (bytes == 1)
		return (uint64_t)(int8_t)at[0];
	return (uint64_t)(int32_t)(at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
}

bool x86_memory_operand(const uint8_t *code, const struct x86_insn *in, const uint64_t gpr[X86_NR_GPR], uint64_t rip,
			uint64_t fs_base, uint64_t *address)
{
	unsigned mod = in->modrm >> 6, rm = in->modrm & 7, base = rm;
	const uint8_t *at = code + in->modrm_offset + 1;
	uint64_t a = 0;

	if (!in->has_modrm || mod == 3)
		return false;
	if (rm == 4) {
		uint8_t sib = *at++;
		unsigned index = (sib >> 3 & 7) + in->index_high;

		base = sib & 7;
		if (index != 4)
			a = gpr[index] << (sib >> 6);
	}
	if (mod == 0 && base == 5) { /* no base: rip without SIB, nothing with it */
		a += displacement(at, 4) + (rm == 5 ? rip + in->length : 0);
	} else {
		a += gpr[base + in->base_high];
		if (mod != 0)
			a += displacement(at, mod == 1 ? 1 : 4);
	}
	if (in->address32)
		a = (uint32_t)a;
	*address = a + (in->segment == 0x64 ? fs_base : 0);
	return true;
}
