/* SPDX-License-Identifier: MIT */
/*
 * x86_length.c - see x86_length.h. Two tables say for each opcode which parts follow; the maps 0F38 and 0F3A, VEX and
 * EVEX are so regular that a rule is enough. Unlisted entries are zero, which means refused.
 */
#include "lib/x86_length.h"

/* What an opcode brings: any combination of parts, or refused. */
#define OK  0x01 /* a known opcode */
#define M   0x03 /* ModRM */
#define I8  0x05 /* 8-bit immediate */
#define IZ  0x09 /* 16 or 32-bit immediate by operand size */
#define REL 0x10 /* the immediate is a branch displacement */

static const uint8_t one_byte[256] = {
	[0x00 ... 0x03] = M,
	[0x04] = I8,
	[0x05] = IZ,
	[0x08 ... 0x0b] = M,
	[0x0c] = I8,
	[0x0d] = IZ,
	[0x10 ... 0x13] = M,
	[0x14] = I8,
	[0x15] = IZ,
	[0x18 ... 0x1b] = M,
	[0x1c] = I8,
	[0x1d] = IZ,
	[0x20 ... 0x23] = M,
	[0x24] = I8,
	[0x25] = IZ,
	[0x28 ... 0x2b] = M,
	[0x2c] = I8,
	[0x2d] = IZ,
	[0x30 ... 0x33] = M,
	[0x34] = I8,
	[0x35] = IZ,
	[0x38 ... 0x3b] = M,
	[0x3c] = I8,
	[0x3d] = IZ,
	[0x50 ... 0x5f] = OK,
	[0x63] = M,
	[0x68] = IZ,
	[0x69] = M | IZ,
	[0x6a] = I8,
	[0x6b] = M | I8,
	[0x70 ... 0x7f] = I8 | REL,
	[0x80] = M | I8,
	[0x81] = M | IZ,
	[0x83] = M | I8,
	[0x84 ... 0x8b] = M,
	[0x8d] = M,
	[0x8f] = M,
	[0x90 ... 0x99] = OK,
	[0x9b ... 0x9f] = OK,
	[0xa0 ... 0xa3] = OK, /* 64-bit address behind the opcode */
	[0xa4 ... 0xa7] = OK,
	[0xa8] = I8,
	[0xa9] = IZ,
	[0xaa ... 0xaf] = OK,
	[0xb0 ... 0xb7] = I8,
	[0xb8 ... 0xbf] = OK, /* immediate of operand size, also 64 bits */
	[0xc0 ... 0xc1] = M | I8,
	[0xc2] = OK /* ret imm16 */,
	[0xc3] = OK,
	[0xc6] = M | I8,
	[0xc7] = M | IZ,
	[0xc9] = OK,
	[0xcc] = OK,
	[0xcd] = I8,
	[0xd0 ... 0xd3] = M,
	[0xd7] = OK,
	[0xd8 ... 0xdf] = M,
	[0xe0 ... 0xe3] = I8 | REL,
	[0xe8 ... 0xe9] = IZ | REL,
	[0xeb] = I8 | REL,
	[0xf4 ... 0xf5] = OK,
	[0xf6 ... 0xf7] = M, /* immediate only with /0 and /1 */
	[0xf8 ... 0xf9] = OK,
	[0xfc ... 0xfd] = OK,
	[0xfe ... 0xff] = M,
};

static const uint8_t two_byte[256] = {
	[0x05] = OK,
	[0x0b] = OK,
	[0x0d] = M,
	[0x10 ... 0x19] = M,
	[0x1a ... 0x1f] = M,
	[0x28 ... 0x2f] = M,
	[0x31] = OK,
	[0x40 ... 0x6f] = M,
	[0x70 ... 0x73] = M | I8,
	[0x74 ... 0x76] = M,
	[0x77] = OK,
	[0x7c ... 0x7f] = M,
	[0x80 ... 0x8f] = IZ | REL,
	[0x90 ... 0x9f] = M,
	[0xa2] = OK,
	[0xa3] = M,
	[0xa4] = M | I8,
	[0xa5] = M,
	[0xab] = M,
	[0xac] = M | I8,
	[0xad ... 0xaf] = M,
	[0xb0 ... 0xb1] = M,
	[0xb3] = M,
	[0xb6 ... 0xb8] = M,
	[0xb9] = M,
	[0xba] = M | I8,
	[0xbb ... 0xc1] = M,
	[0xc2] = M | I8,
	[0xc3] = M,
	[0xc4 ... 0xc6] = M | I8,
	[0xc7] = M,
	[0xc8 ... 0xcf] = OK,
	[0xd0 ... 0xff] = M,
	[0x01] = M,
};

struct cursor {
	const uint8_t *code;
	size_t avail, pos;
	bool operand16, address32, repeat, lock;
};

static bool next_byte(struct cursor *c, uint8_t *b)
{
	if (c->pos >= c->avail || c->pos >= X86_INSN_MAX)
		return false;
	*b = c->code[c->pos++];
	return true;
}

static bool skip(struct cursor *c, size_t n)
{
	c->pos += n;
	return c->pos <= c->avail && c->pos <= X86_INSN_MAX;
}

/* Legacy prefixes and REX. REX counts only as the last one; elsewhere nothing sane has it, so it is refused. */
static bool read_prefixes(struct cursor *c, struct x86_insn *in, uint8_t *op)
{
	for (;;) {
		if (!next_byte(c, op))
			return false;
		switch (*op) {
		case 0x66:
			c->operand16 = true;
			continue;
		case 0x67:
			c->address32 = true;
			continue;
		case 0xf0:
			c->lock = true;
			continue;
		case 0xf2:
		case 0xf3:
			c->repeat = true;
			continue;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			continue;
		case 0x64:
		case 0x65:
			in->segment = *op;
			continue;
		default:
			break;
		}
		break;
	}
	if ((*op & 0xf0) == 0x40) {
		in->rex = *op;
		in->base_high = *op & 1 ? 8 : 0;
		in->index_high = *op & 2 ? 8 : 0;
		if (!next_byte(c, op))
			return false;
		if ((*op & 0xf0) == 0x40 || *op == 0x66 || *op == 0x67 || *op == 0xf0 || *op == 0xf2 || *op == 0xf3 ||
		    (*op & 0xe7) == 0x26 || *op == 0x64 || *op == 0x65)
			return false;
	}
	return true;
}

/* ModRM, SIB and displacement. */
static bool read_modrm(struct cursor *c, struct x86_insn *in)
{
	uint8_t mod, rm, sib;

	in->modrm_offset = (uint8_t)c->pos;
	if (!next_byte(c, &in->modrm))
		return false;
	in->has_modrm = true;
	mod = in->modrm >> 6;
	rm = in->modrm & 7;
	if (mod == 3)
		return true;
	if (rm == 4) {
		if (!next_byte(c, &sib))
			return false;
		if (mod == 0 && (sib & 7) == 5)
			return skip(c, 4);
	} else if (mod == 0 && rm == 5) {
		in->disp_offset = (uint8_t)c->pos;
		in->disp_bytes = 4;
		return skip(c, 4);
	}
	return mod == 0 || skip(c, mod == 1 ? 1 : 4);
}

/* The immediate as a branch displacement. */
static bool read_relative(struct cursor *c, struct x86_insn *in, size_t bytes)
{
	size_t at = c->pos;

	if (!skip(c, bytes))
		return false;
	in->disp_offset = (uint8_t)at;
	in->disp_bytes = (uint8_t)bytes;
	in->relative_branch = true;
	if (bytes == 1)
		in->relative = (int8_t)c->code[at];
	else
		in->relative = (int32_t)(c->code[at] | (uint32_t)c->code[at + 1] << 8 |
					 (uint32_t)c->code[at + 2] << 16 | (uint32_t)c->code[at + 3] << 24);
	return true;
}

/* What one_byte cannot say: immediates of odd sizes, opcodes that are fine only with some ModRM. */
static bool read_one_byte_extra(struct cursor *c, const struct x86_insn *in, uint8_t op)
{
	unsigned reg = in->modrm >> 3 & 7;

	switch (op) {
	case 0x8f: /* with another /reg it is the XOP prefix */
		return reg == 0;
	case 0xa0 ... 0xa3:
		return skip(c, c->address32 ? 4 : 8);
	case 0xb8 ... 0xbf:
		return skip(c, in->rex & 8 ? 8 : c->operand16 ? 2 : 4);
	case 0xc2:
		return skip(c, 2);
	case 0xc6:
	case 0xc7: /* /7 are the transactional xabort and xbegin */
		return reg == 0;
	case 0xf6:
		return reg > 1 || skip(c, 1);
	case 0xf7:
		return reg > 1 || skip(c, c->operand16 && !(in->rex & 8) ? 2 : 4);
	case 0xfe:
		return reg <= 1;
	case 0xff: /* far calls and jumps, and /7 */
		return reg != 3 && reg != 5 && reg != 7;
	default:
		return true;
	}
}

/* Group 0F 01 is mostly privileged: only xgetbv, xend, xtest, rdtscp and rdpkru. 0F C7: no vmx. */
static bool two_byte_is_allowed(const struct x86_insn *in, uint8_t op)
{
	if (op == 0x01)
		return in->modrm == 0xd0 || in->modrm == 0xd5 || in->modrm == 0xd6 || in->modrm == 0xf9 ||
		       in->modrm == 0xee;
	return true;
}

static uint8_t flow_of(const struct x86_insn *in)
{
	switch (in->opcode) {
	case 0x70 ... 0x7f:
	case 0x0f80 ... 0x0f8f:
	case 0xe0 ... 0xe3:
		return X86_FLOW_BRANCH;
	case 0xe9:
	case 0xeb:
		return X86_FLOW_JUMP;
	case 0xe8:
		return X86_FLOW_CALL;
	case 0xc2:
	case 0xc3:
	case 0xcc:
	case 0xf4:
	case 0x0f0b:
	case 0x0fb9:
	case 0x0fff:
		return X86_FLOW_END;
	case 0xff:
		return (in->modrm >> 3 & 7) == 2   ? X86_FLOW_CALL
		       : (in->modrm >> 3 & 7) == 4 ? X86_FLOW_END
						   : X86_FLOW_NEXT;
	case 0xcd:
	case 0x0f05:
	case 0x0fa2:
		return X86_FLOW_TRAP;
	default:
		return X86_FLOW_NEXT;
	}
}

/* Everything behind the opcode, as the table entry says. */
static bool read_operands(struct cursor *c, struct x86_insn *in, uint8_t parts)
{
	if ((parts & M) == M && !read_modrm(c, in))
		return false;
	if (parts & REL) {
		/* Intel ignores the operand size prefix here, AMD does not, except that REX.W wins (the TLS call idiom)
		 */
		if (c->operand16 && !(in->rex & 8))
			return false;
		return read_relative(c, in, (parts & I8) == I8 ? 1 : 4);
	}
	if ((parts & I8) == I8)
		return skip(c, 1);
	if ((parts & IZ) == IZ)
		return skip(c, c->operand16 && !(in->rex & 8) ? 2 : 4);
	return true;
}

/* VEX and EVEX: the map comes with the prefix; ModRM always, an immediate in map 3 and a few of map 1. */
static bool read_vector(struct cursor *c, struct x86_insn *in, uint8_t prefix)
{
	uint8_t p, op, map = 1;

	if (c->operand16 || c->repeat || c->lock || in->rex || !next_byte(c, &p))
		return false;
	if (prefix != 0xc5) { /* inverted bits of REX */
		in->base_high = p & 0x20 ? 0 : 8;
		in->index_high = p & 0x40 ? 0 : 8;
	}
	if (prefix == 0xc4) {
		map = p & 0x1f;
		if (!skip(c, 1))
			return false;
	} else if (prefix == 0x62) {
		map = p & 7;
		/* bits that tell EVEX from the BOUND of 32-bit mode and from later extensions */
		if ((p & 8) || !next_byte(c, &p) || !(p & 4) || !skip(c, 1))
			return false;
	}
	if (map == 0 || map > (prefix == 0x62 ? 6 : 3) || map == 4 || !next_byte(c, &op))
		return false;
	in->opcode = 0xffff;
	if (map == 1 && op == 0x77 && prefix != 0x62)
		return true; /* vzeroupper, vzeroall */
	if (!read_modrm(c, in))
		return false;
	if (map == 3 || (map == 1 && (op == 0xc2 || (op >= 0xc4 && op <= 0xc6) || (op >= 0x70 && op <= 0x73))))
		return skip(c, 1);
	return true;
}

static bool read_escape(struct cursor *c, struct x86_insn *in)
{
	uint8_t op;

	if (!next_byte(c, &op))
		return false;
	if (op == 0x38 || op == 0x3a) {
		uint8_t map = op;

		in->opcode = 0xffff;
		return next_byte(c, &op) && read_modrm(c, in) && (map == 0x38 || skip(c, 1));
	}
	in->opcode = (uint16_t)(0x0f00 | op);
	return two_byte[op] && read_operands(c, in, two_byte[op]) && two_byte_is_allowed(in, op);
}

bool x86_decode(const uint8_t *code, size_t avail, struct x86_insn *in)
{
	struct cursor c = {.code = code, .avail = avail};
	uint8_t op;
	bool ok;

	*in = (struct x86_insn){0};
	if (!read_prefixes(&c, in, &op))
		return false;
	if (op == 0x0f) {
		ok = read_escape(&c, in);
	} else if (op == 0xc4 || op == 0xc5 || op == 0x62) {
		ok = read_vector(&c, in, op);
	} else {
		in->opcode = op;
		ok = one_byte[op] && read_operands(&c, in, one_byte[op]) && read_one_byte_extra(&c, in, op);
	}
	if (!ok)
		return false;
	in->length = (uint8_t)c.pos;
	in->address32 = c.address32;
	in->flow = flow_of(in);
	return true;
}
