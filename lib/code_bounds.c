/* SPDX-License-Identifier: MIT */
/* code_bounds.c - see code_bounds.h. */
#include "lib/code_bounds.h"

#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/x86_length.h"

/* Readings start at least this far before the place they vouch for, so that they had time to fall into step. */
#define VOTE_NEAR 16
#define VOTE_FAR  96
#define VOTES_MIN 8

#define BRANCH_WINDOW     4096
#define STRAIGHT_LINE_MAX 24 /* instructions to a ret or jump */

void code_bounds_init(struct code_bounds *b, const struct code_view *v, uint64_t known)
{
	struct x86_insn in;

	*b = (struct code_bounds){.known = known};
	b->back = (unsigned)MIN(known - v->addr, (uint64_t)CODE_LOOKBACK);
	for (unsigned i = 1; i <= b->back; i++) {
		if (!x86_decode(code_at(v, known - i), i, &in))
			continue;
		b->length[i - 1] = in.length;
		b->reaches[i - 1] = in.length == i || b->reaches[i - in.length - 1];
	}
}

unsigned code_bounds_length(const struct code_bounds *b, uint64_t addr)
{
	uint64_t i = b->known - addr;

	return i >= 1 && i <= b->back && b->reaches[i - 1] ? b->length[i - 1] : 0;
}

unsigned code_bounds_confidence(const struct code_bounds *b, uint64_t addr)
{
	bool passes[CODE_LOOKBACK + 1] = {false}; /* index: bytes before `known` */
	unsigned at = (unsigned)(b->known - addr), met = 0, passed = 0;

	if (code_bounds_length(b, addr) == 0)
		return 0;
	passes[at] = true;
	for (unsigned i = at + 1; i <= MIN(b->back, at + VOTE_FAR); i++) {
		if (!b->reaches[i - 1])
			continue;
		passes[i] = passes[i - b->length[i - 1]];
		if (i >= at + VOTE_NEAR) {
			met++;
			passed += passes[i];
		}
	}
	return met >= VOTES_MIN ? passed * 100 / met : 0;
}

/* A branch whose displacement ends at p: rel8 behind one opcode byte, or rel32 behind e8, e9, 0f 8x, c7 f8. */
static bool targets(uint64_t end, int64_t rel, uint64_t from, uint64_t to)
{
	uint64_t t = end + (uint64_t)rel;

	return t >= from && t < to;
}

bool code_may_branch_into(const struct code_view *v, uint64_t from, uint64_t to)
{
	uint64_t lo = MAX(v->addr, from - MIN(from, (uint64_t)BRANCH_WINDOW));
	uint64_t hi = MIN(v->addr + v->size, to + BRANCH_WINDOW);

	for (uint64_t a = lo; a + 2 <= hi; a++) {
		const uint8_t *p = code_at(v, a);

		if (((p[0] & 0xf0) == 0x70 || p[0] == 0xeb || (p[0] & 0xfc) == 0xe0) &&
		    targets(a + 2, (int8_t)p[1], from, to))
			return true;
		if (a + 6 > hi)
			continue;
		if (p[0] == 0xe8 || p[0] == 0xe9 || ((p[0] & 0xf0) == 0x80 && a > lo && p[-1] == 0x0f)) {
			int32_t rel;

			memcpy(&rel, p + 1, 4);
			if (targets(a + 5, rel, from, to))
				return true;
		}
	}
	return false;
}

static bool is_nop(const uint8_t *p, const struct x86_insn *in)
{
	if (in->opcode == 0x90) /* 41 90 is xchg %r8,%rax; f3 90 is pause */
		return !(in->rex & 1) && p[0] != 0xf3;
	return in->opcode == 0x0f1f;
}

/* Where the padding ends that begins at addr: the multiple of 16 up to which everything is nop or int3; 0 if it is not
 * so. */
static uint64_t padding_end(const struct code_view *v, uint64_t addr)
{
	uint64_t end = ALIGN_UP(addr, 16ull);
	struct x86_insn in;

	while (addr < end) {
		if (!code_holds(v, addr, end - addr) || !x86_decode(code_at(v, addr), end - addr, &in))
			return 0;
		if (in.opcode != 0xcc && !is_nop(code_at(v, addr), &in))
			return 0;
		addr += in.length;
	}
	return end;
}

/* The first byte behind the ret or jump that ends the straight line from addr, or 0. */
static uint64_t straight_line_end(const struct code_view *v, uint64_t addr)
{
	struct x86_insn in;

	for (int i = 0; i < STRAIGHT_LINE_MAX && code_holds(v, addr, 1); i++) {
		if (!x86_decode(code_at(v, addr), v->size - (addr - v->addr), &in))
			return 0;
		addr += in.length;
		if (in.flow == X86_FLOW_JUMP || (in.flow == X86_FLOW_END && in.opcode != 0xcc))
			return addr;
		/* a call may never come back, and data may follow it */
		if (in.flow != X86_FLOW_NEXT && in.flow != X86_FLOW_BRANCH)
			return 0;
	}
	return 0;
}

/* A run of at least need int3 in [lo, hi]; executing one would have been a crash, so nobody does. */
static uint64_t find_int3(const struct code_view *v, uint64_t lo, uint64_t hi, size_t need)
{
	size_t run = 0;

	for (uint64_t a = lo; a < hi + need; a++) {
		run = code_holds(v, a, 1) && *code_at(v, a) == 0xcc ? run + 1 : 0;
		/* the run must end on a multiple of 16: an immediate operand cc cc cc cc would hardly */
		if (run >= need && (a + 1) % 16 == 0 && a + 1 - need >= lo && a + 1 - need <= hi)
			return a + 1 - need;
	}
	return 0;
}

uint64_t code_find_padding(const struct code_view *v, uint64_t addr, uint64_t lo, uint64_t hi, size_t need)
{
	uint64_t start = straight_line_end(v, addr), end;

	if (start) {
		end = padding_end(v, start);
		if (end >= start + need && start >= lo && start <= hi && !code_may_branch_into(v, start, start + need))
			return start;
	}
	return find_int3(v, lo, hi, need);
}
