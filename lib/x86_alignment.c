/* SPDX-License-Identifier: MIT */
#include "lib/x86_alignment.h"

/* Of what kind an opcode is, as its prefix says: a bit for each with which it demands alignment. */
enum { NONE = 1, P66 = 2, PF3 = 4, PF2 = 8, PS_PD = NONE | P66 };

/* The two-byte map, 0F xx. Not there: what has no operand of 16 bytes, what is called unaligned, MMX;
 * and in the other maps SHA, on which manual and CPUs differ. */
static const uint8_t map_0f[256] = {
	[0x12] = PF3,                /* movsldup */
	[0x14 ... 0x15] = PS_PD,     /* unpck */
	[0x16] = PF3,                /* movshdup */
	[0x28 ... 0x29] = PS_PD,     /* movaps */
	[0x2b] = PS_PD,              /* movntps */
	[0x2c ... 0x2d] = P66,       /* cvtpd2pi */
	[0x51] = PS_PD,              /* sqrt */
	[0x52 ... 0x53] = NONE,      /* rsqrtps, rcpps */
	[0x54 ... 0x59] = PS_PD,     /* and, andn, or, xor, add, mul */
	[0x5a] = P66,                /* cvtpd2ps */
	[0x5b] = NONE | P66 | PF3,   /* cvtdq2ps and back */
	[0x5c ... 0x5f] = PS_PD,     /* sub, min, div, max */
	[0x60 ... 0x6d] = P66,       /* punpck, pack, pcmpgt */
	[0x6f] = P66,                /* movdqa */
	[0x70] = P66 | PF3 | PF2,    /* pshufd, pshufhw, pshuflw */
	[0x74 ... 0x76] = P66,       /* pcmpeq */
	[0x7c ... 0x7d] = P66 | PF2, /* hadd, hsub */
	[0x7f] = P66,                /* movdqa */
	[0xc2] = PS_PD,              /* cmp */
	[0xc6] = PS_PD,              /* shuf */
	[0xd0] = P66 | PF2,          /* addsub */
	[0xd1 ... 0xd5] = P66,       /* integers, up to the end */
	[0xd8 ... 0xe5] = P66,
	[0xe6] = P66 | PF2,    /* cvtpd2dq */
	[0xe7 ... 0xef] = P66, /* movntdq and more integers */
	[0xf1 ... 0xf6] = P66,
	[0xf8 ... 0xfe] = P66,
};

static const uint8_t map_0f38[256] = {
	[0x00 ... 0x0b] = P66,               /* pshufb, phadd, pmulhrsw */
	[0x10] = P66,                        /* blends by a mask */
	[0x14 ... 0x15] = P66, [0x17] = P66, /* ptest */
	[0x1c ... 0x1e] = P66,               /* pabs */
	[0x28 ... 0x2b] = P66,               /* pmuldq, pcmpeqq, movntdqa, packusdw */
	[0x37 ... 0x41] = P66,               /* pcmpgtq, min, max, pmulld */
	[0xcf] = P66,                        /* gf2p8mulb */
	[0xdb ... 0xdf] = P66,               /* AES */
};

static const uint8_t map_0f3a[256] = {
	[0x08 ... 0x09] = P66, /* roundps, roundpd */
	[0x0c ... 0x0f] = P66, /* blends, palignr */
	[0x40 ... 0x42] = P66, /* dpps, dppd, mpsadbw */
	[0x44] = P66,          /* pclmulqdq; pcmpestri and its kin take any address */
	[0xce ... 0xcf] = P66, /* gf2p8affine */
	[0xdf] = P66,          /* aeskeygenassist */
};

static bool is_legacy_prefix(uint8_t byte)
{
	return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x26 ||
	       byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 || byte == 0x65;
}

/* Without VEX: 16, or 1. The opcode is before ModRM. */
static unsigned sse_alignment(const uint8_t *code, const struct x86_insn *in)
{
	uint8_t op = code[in->modrm_offset - 1], which = NONE;
	const uint8_t *map, *at = code;

	for (; is_legacy_prefix(*at); at++) {
		if (*at == 0xf2 || *at == 0xf3)
			which = *at == 0xf2 ? PF2 : PF3;
		else if (*at == 0x66 && which == NONE)
			which = P66;
	}
	at += (*at & 0xf0) == 0x40; /* REX */
	if (*at != 0x0f)
		return 1;
	map = in->modrm_offset - (at - code) == 2 ? map_0f : at[1] == 0x38 ? map_0f38 : map_0f3a;
	return map[op] & which ? 16 : 1;
}

/* The moves that are called aligned. pp: the prefix as VEX and EVEX say it, 0 none, 1 for 66. */
static bool is_aligned_move(unsigned map, uint8_t op, unsigned pp)
{
	if (map == 2)
		return op == 0x2a && pp == 1; /* vmovntdqa */
	if (map != 1)
		return false;
	if (op == 0x28 || op == 0x29 || op == 0x2b) /* vmovaps, vmovapd, vmovntps, vmovntpd */
		return pp <= 1;
	return (op == 0x6f || op == 0x7f || op == 0xe7) && pp == 1; /* vmovdqa, vmovntdq */
}

bool x86_is_misaligned(const uint8_t *code, const struct x86_insn *in, uint64_t address)
{
	const uint8_t *at = code;
	uint8_t op;
	bool aligned_move;

	if (!in->has_modrm || in->modrm >> 6 == 3)
		return false;
	op = code[in->modrm_offset - 1];
	while (*at == 0x67 || *at == 0x64 || *at == 0x65 || *at == 0x2e || *at == 0x36 || *at == 0x3e || *at == 0x26)
		at++;
	switch (*at) {
	case 0xc5:
		return is_aligned_move(1, op, at[1] & 3) && address % (at[1] & 4 ? 32 : 16) != 0;
	case 0xc4:
		return is_aligned_move(at[1] & 0x1f, op, at[2] & 3) && address % (at[2] & 4 ? 32 : 16) != 0;
	case 0x62:
		/* A short displacement counts vectors, so it does not matter here. */
		if (in->modrm >> 6 == 1)
			address -= (uint64_t)(int8_t)code[in->modrm_offset + ((in->modrm & 7) == 4 ? 2 : 1)];
		aligned_move = is_aligned_move(at[1] & 7, op, at[2] & 3);
		return aligned_move && address % (16u << (at[3] >> 5 & 3)) != 0;
	default:
		return address % sse_alignment(code, in) != 0;
	}
}
