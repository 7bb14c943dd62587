/* SPDX-License-Identifier: MIT */
/* cbpf.c - see cbpf.h. */
#include "lib/cbpf.h"

#include "lib/string.h"

/* ---- checking */

static bool jumps_inside(unsigned pc, uint32_t by, unsigned nr)
{
	return by < nr - pc - 1;
}

/* An instruction by itself. */
static bool is_known(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return i->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_IMM:
	case BPF_ALU | BPF_NEG:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_JMP | BPF_JA:
		return true;
	}
	/* A jump always has no source: with BPF_X it would pass here and be checked as a branch, which has other
	 * targets. */
	if (BPF_CLASS(i->code) == BPF_JMP)
		return !(i->code & ~0x7f) && BPF_OP(i->code) <= BPF_JSET && BPF_OP(i->code) != BPF_JA;
	return BPF_CLASS(i->code) == BPF_ALU && !(i->code & ~0xff) && BPF_OP(i->code) <= BPF_XOR &&
	       BPF_OP(i->code) != BPF_NEG;
}

/* Marks in `written`, bit by bit, what is certainly written when an instruction is reached. False: one is read before.
 */
static bool reads_what_was_written(const struct sock_filter *insn, unsigned nr, uint16_t *written)
{
	uint16_t now = 0;

	memset(written, 0xff, nr * sizeof(*written));
	for (unsigned pc = 0; pc < nr; pc++) {
		const struct sock_filter *i = &insn[pc];

		now &= written[pc];
		if (i->code == BPF_ST || i->code == BPF_STX)
			now |= (uint16_t)(1u << i->k);
		else if ((i->code == (BPF_LD | BPF_MEM) || i->code == (BPF_LDX | BPF_MEM)) && !(now >> i->k & 1))
			return false;
		if (BPF_CLASS(i->code) != BPF_JMP)
			continue;
		if (i->code == (BPF_JMP | BPF_JA)) {
			written[pc + 1 + i->k] &= now;
		} else {
			written[pc + 1 + i->jt] &= now;
			written[pc + 1 + i->jf] &= now;
		}
		now = UINT16_MAX; /* what follows is reached by jumps only */
	}
	return true;
}

bool cbpf_is_valid(const struct sock_filter *insn, unsigned nr, uint16_t *written)
{
	if (nr == 0 || nr > BPF_MAXINSNS || BPF_CLASS(insn[nr - 1].code) != BPF_RET)
		return false;
	for (unsigned pc = 0; pc < nr; pc++) {
		const struct sock_filter *i = &insn[pc];

		if (!is_known(i))
			return false;
		if (i->code == (BPF_JMP | BPF_JA) ? !jumps_inside(pc, i->k, nr)
						  : BPF_CLASS(i->code) == BPF_JMP && (!jumps_inside(pc, i->jt, nr) ||
										      !jumps_inside(pc, i->jf, nr)))
			return false;
	}
	return reads_what_was_written(insn, nr, written);
}

/* ---- running */

static bool compute(uint16_t op, uint32_t *a, uint32_t by)
{
	switch (op) {
	case BPF_ADD:
		*a += by;
		break;
	case BPF_SUB:
		*a -= by;
		break;
	case BPF_MUL:
		*a *= by;
		break;
	case BPF_DIV:
	case BPF_MOD:
		if (by == 0)
			return false;
		*a = op == BPF_DIV ? *a / by : *a % by;
		break;
	case BPF_OR:
		*a |= by;
		break;
	case BPF_AND:
		*a &= by;
		break;
	case BPF_XOR:
		*a ^= by;
		break;
	case BPF_LSH:
		*a <<= by & 31;
		break;
	case BPF_RSH:
		*a >>= by & 31;
		break;
	default:
		*a = 0 - *a; /* BPF_NEG */
	}
	return true;
}

static bool holds(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return a & b; /* BPF_JSET */
	}
}

static unsigned width(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* A load into *to. False: beyond the data's end. */
static bool fetch(const struct sock_filter *i, const struct cbpf_data *d, uint32_t x, const uint32_t *mem, uint32_t *to)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		return d->load(d, i->k, width(i->code), to);
	case BPF_IND:
		return x + i->k < (uint32_t)SKF_AD_OFF && d->load(d, x + i->k, width(i->code), to);
	case BPF_MSH:
		if (!d->load(d, i->k, 1, to))
			return false;
		*to = (*to & 15) * 4;
		return true;
	case BPF_LEN:
		*to = d->len;
		return true;
	case BPF_MEM:
		*to = mem[i->k];
		return true;
	default:
		*to = i->k; /* BPF_IMM */
		return true;
	}
}

uint32_t cbpf_run(const struct sock_filter *insn, const struct cbpf_data *d)
{
	uint32_t a = 0, x = 0, mem[BPF_MEMWORDS];

	for (const struct sock_filter *i = insn;; i++) {
		uint32_t by = BPF_SRC(i->code) == BPF_X ? x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (!fetch(i, d, x, mem, &a))
				return 0;
			break;
		case BPF_LDX:
			if (!fetch(i, d, x, mem, &x))
				return 0;
			break;
		case BPF_ST:
			mem[i->k] = a;
			break;
		case BPF_STX:
			mem[i->k] = x;
			break;
		case BPF_ALU:
			if (!compute(BPF_OP(i->code), &a, by))
				return 0;
			break;
		case BPF_JMP:
			i += BPF_OP(i->code) == BPF_JA ? i->k : holds(BPF_OP(i->code), a, by) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		default: /* BPF_MISC */
			*(BPF_MISCOP(i->code) == BPF_TAX ? &x : &a) = BPF_MISCOP(i->code) == BPF_TAX ? a : x;
		}
	}
}
