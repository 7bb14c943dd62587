/* SPDX-License-Identifier: MIT */
/* callsite.c - see callsite.h. Each way is a function that fills the plan or says no. */
#include "lib/callsite.h"

#include "lib/string.h"
#include "lib/x86_length.h"

#define SITE_BYTES   2
#define JUMP_BYTES   5 /* e9 rel32 */
#define NR_SIGRETURN 15
#define NR_MAX       512

/* How far before the site the replaced instruction may be, and so how much is copied. */
#define BEFORE_MAX        64
#define NUMBER_CONFIDENCE 60 /* percent; the number itself is strong evidence */
#define ALONE_CONFIDENCE  100

const struct callsite_insn callsite_syscall = {{0x0f, 0x05}, 1};
const struct callsite_insn callsite_cpuid = {{0x0f, 0xa2}, 2};

struct planner {
	const struct callsite_insn *insn;
	const struct code_view *view;
	uint64_t site;
	uint64_t number;
	const struct callsite_target *target;
	struct code_bounds bounds;
	struct callsite_plan *plan;
	bool too_far; /* some way failed only because of the distance */
};

/* --- emitting --- */

static uint64_t here(const struct planner *pl)
{
	return pl->target->tramp + pl->plan->tramp_bytes;
}

static bool emit(struct planner *pl, const void *bytes, size_t n)
{
	if (n > CALLSITE_TRAMP_MAX - pl->plan->tramp_bytes)
		return false;
	memcpy(pl->plan->tramp + pl->plan->tramp_bytes, bytes, n);
	pl->plan->tramp_bytes += (unsigned)n;
	return true;
}

/* The displacement from an instruction that ends at `end`; false when 32 bits do not hold it. */
static bool displacement(struct planner *pl, uint64_t end, uint64_t to, int32_t *disp)
{
	int64_t d = (int64_t)(to - end);

	*disp = (int32_t)d;
	if (*disp == d)
		return true;
	pl->too_far = true;
	return false;
}

/* opcode bytes followed by a 32-bit displacement to `to`. */
static bool emit_rel32(struct planner *pl, const void *opcode, size_t n, uint64_t to)
{
	int32_t disp;

	return displacement(pl, here(pl) + n + 4, to, &disp) && emit(pl, opcode, n) && emit(pl, &disp, 4);
}

static bool emit_sequence(struct planner *pl, uint64_t after)
{
	const uint8_t lea[] = {0x48, 0x8d, (uint8_t)(0x05 | pl->insn->link << 3)};
	static const uint8_t jmp_mem[] = {0xff, 0x25};

	return emit_rel32(pl, lea, sizeof(lea), after) && emit_rel32(pl, jmp_mem, sizeof(jmp_mem), pl->target->slot);
}

static bool emit_jump(struct planner *pl, uint64_t to)
{
	static const uint8_t jmp[] = {0xe9};

	return emit_rel32(pl, jmp, sizeof(jmp), to);
}

/* Copies an instruction so that it does the same at its new place. Branches with 8-bit displacements get 32-bit ones.
 */
static bool emit_copy(struct planner *pl, uint64_t addr, const struct x86_insn *in)
{
	const uint8_t *code = code_at(pl->view, addr);
	uint8_t copy[X86_INSN_MAX];
	int32_t disp;

	if (in->relative_branch) {
		uint8_t jcc[2] = {0x0f, (uint8_t)(0x80 | (in->opcode & 0x0f))};
		uint64_t to = addr + in->length + (uint64_t)(int64_t)in->relative;

		if (in->flow == X86_FLOW_JUMP)
			return emit_jump(pl, to);
		/* not loop and jrcxz: there is no longer form; not calls: their return address would change */
		if (in->flow != X86_FLOW_BRANCH || (in->opcode & 0xf0) == 0xe0)
			return false;
		return emit_rel32(pl, jcc, sizeof(jcc), to);
	}
	if (in->flow != X86_FLOW_NEXT && !(in->flow == X86_FLOW_END && (in->opcode == 0xc3 || in->opcode == 0xc2)))
		return false;
	memcpy(copy, code, in->length);
	if (in->disp_bytes) {
		memcpy(&disp, code + in->disp_offset, 4);
		if (!displacement(pl, here(pl) + in->length, addr + in->length + (uint64_t)(int64_t)disp, &disp))
			return false;
		memcpy(copy + in->disp_offset, &disp, 4);
	}
	return emit(pl, copy, in->length);
}

static void add_patch(struct planner *pl, uint64_t addr, const uint8_t *bytes, size_t n)
{
	struct callsite_patch *p = &pl->plan->patch[pl->plan->nr_patches++];

	p->addr = addr;
	p->bytes = (uint8_t)n;
	memcpy(p->old, code_at(pl->view, addr), n);
	memcpy(p->new, bytes, n);
}

/* A jump of 5 bytes at addr to the trampoline. */
static bool add_jump_patch(struct planner *pl, uint64_t addr)
{
	uint8_t jmp[JUMP_BYTES] = {0xe9};
	int32_t disp;

	if (!code_holds(pl->view, addr, JUMP_BYTES) || !displacement(pl, addr + JUMP_BYTES, pl->target->tramp, &disp))
		return false;
	memcpy(jmp + 1, &disp, 4);
	add_patch(pl, addr, jmp, sizeof(jmp));
	return true;
}

static void start_over(struct planner *pl)
{
	pl->plan->nr_patches = 0;
	pl->plan->tramp_bytes = 0;
	pl->plan->nr_moved = 0;
}

/* --- the ways --- */

/* Copies the straight line [start, site). Boundaries that the patch of 5 bytes at start swallows go to `moved`. */
static bool emit_line_before(struct planner *pl, uint64_t start)
{
	struct x86_insn in;

	for (uint64_t a = start; a < pl->site; a += in.length) {
		if (!x86_decode(code_at(pl->view, a), pl->site - a, &in) || in.flow != X86_FLOW_NEXT)
			return false;
		if (a > start && a < start + JUMP_BYTES) {
			if (pl->plan->nr_moved == CALLSITE_MOVED_MAX)
				return false;
			pl->plan->moved[pl->plan->nr_moved].from = a;
			pl->plan->moved[pl->plan->nr_moved++].to = here(pl);
		}
		if (!emit_copy(pl, a, &in))
			return false;
	}
	return emit_sequence(pl, pl->site + SITE_BYTES);
}

static bool replace_before(struct planner *pl, uint64_t start)
{
	start_over(pl);
	return emit_line_before(pl, start) && add_jump_patch(pl, start);
}

/* Is `mov %reg,%eax` what stands right before the site? */
static bool takes_number_from(const struct planner *pl, uint8_t reg)
{
	const uint8_t *p = code_at(pl->view, pl->site - 2);

	return p[0] == 0x89 && p[1] == (0xc0 | reg << 3);
}

/* Does `mov $number,%eax` (or its 64-bit form, or one by way of another register: glibc's thread exit) stand at addr?
 */
static bool is_number_load(const struct planner *pl, uint64_t addr)
{
	const uint8_t *p = code_at(pl->view, addr);
	uint32_t imm;

	if ((p[0] & 0xf8) == 0xb8 && (p[0] == 0xb8 || takes_number_from(pl, p[0] & 7)) && code_holds(pl->view, addr, 5))
		memcpy(&imm, p + 1, 4);
	else if (code_holds(pl->view, addr, 7) && p[0] == 0x48 && p[1] == 0xc7 && p[2] == 0xc0)
		memcpy(&imm, p + 3, 4);
	else
		return false;
	return imm == pl->number && imm < NR_MAX;
}

/* Nearest first: the fewest instructions to copy. */
static bool way_single(struct planner *pl, bool number_only)
{
	unsigned max = MIN(pl->bounds.back, (unsigned)BEFORE_MAX);

	for (unsigned i = JUMP_BYTES; i <= max; i++) {
		uint64_t start = pl->site - i;

		if (code_bounds_length(&pl->bounds, start) < JUMP_BYTES)
			continue;
		if (number_only && !is_number_load(pl, start))
			continue;
		/* directly before the site, the number is proof enough even where little code precedes it */
		if (code_bounds_confidence(&pl->bounds, start) < (number_only ? NUMBER_CONFIDENCE : ALONE_CONFIDENCE))
			continue;
		if (replace_before(pl, start)) {
			pl->plan->how = number_only ? CALLSITE_NUMBER : CALLSITE_BEFORE;
			return true;
		}
	}
	return false;
}

static bool way_padding(struct planner *pl)
{
	uint64_t after = pl->site + SITE_BYTES;
	uint64_t lo = MAX(after - MIN(after, (uint64_t)128), pl->view->addr);
	uint64_t pad = code_find_padding(pl->view, after, lo, after + 127, JUMP_BYTES);
	uint8_t hop[SITE_BYTES] = {0xeb};

	if (!pad)
		return false;
	start_over(pl);
	hop[1] = (uint8_t)(pad - after);
	if (!emit_sequence(pl, after) || !add_jump_patch(pl, pad))
		return false;
	add_patch(pl, pl->site, hop, sizeof(hop));
	pl->plan->how = CALLSITE_PADDING;
	return true;
}

/*
 * Layout: sequence, the original instruction (restarts land on it), then `after`: what followed the site, and a jump
 * back.
 */
static bool way_after(struct planner *pl)
{
	struct x86_insn in = {0};
	uint64_t a = pl->site + SITE_BYTES, end = pl->site + JUMP_BYTES, after;

	if (!code_holds(pl->view, pl->site, JUMP_BYTES) || code_may_branch_into(pl->view, a, end))
		return false;
	start_over(pl);
	after = here(pl) + 7 + 6 + SITE_BYTES;
	if (!emit_sequence(pl, after) || !emit(pl, pl->insn->bytes, SITE_BYTES))
		return false;
	while (a < end) {
		if (!code_holds(pl->view, a, 1) ||
		    !x86_decode(code_at(pl->view, a), pl->view->size - (a - pl->view->addr), &in))
			return false;
		pl->plan->moved[pl->plan->nr_moved].from = a;
		pl->plan->moved[pl->plan->nr_moved++].to = here(pl);
		if (!emit_copy(pl, a, &in))
			return false;
		a += in.length;
		/* behind a ret or jump is another function, or a place that something jumps to */
		if (a < end && in.flow != X86_FLOW_NEXT && in.flow != X86_FLOW_BRANCH)
			return false;
	}
	if ((in.flow == X86_FLOW_NEXT || in.flow == X86_FLOW_BRANCH) && !emit_jump(pl, a))
		return false;
	if (!add_jump_patch(pl, pl->site))
		return false;
	pl->plan->how = CALLSITE_AFTER;
	return true;
}

static bool way_group(struct planner *pl)
{
	unsigned max = MIN(pl->bounds.back, (unsigned)BEFORE_MAX);

	for (unsigned i = JUMP_BYTES; i <= max; i++) {
		uint64_t start = pl->site - i;

		if (code_bounds_confidence(&pl->bounds, start) < ALONE_CONFIDENCE ||
		    code_may_branch_into(pl->view, start + 1, start + JUMP_BYTES))
			continue;
		if (replace_before(pl, start)) {
			pl->plan->how = CALLSITE_GROUP;
			return true;
		}
	}
	return false;
}

enum callsite_how callsite_plan(const struct callsite_insn *insn, const struct code_view *view, uint64_t site,
				uint64_t number, const struct callsite_target *target, struct callsite_plan *plan)
{
	struct planner pl = {
		.insn = insn, .view = view, .site = site, .number = number, .target = target, .plan = plan};

	plan->how = CALLSITE_NOT_THE_INSN;
	if (!code_holds(view, site, SITE_BYTES) || memcmp(code_at(view, site), insn->bytes, SITE_BYTES) != 0)
		return plan->how;
	plan->how = CALLSITE_SIGRETURN;
	if (insn == &callsite_syscall && number == NR_SIGRETURN)
		return plan->how;
	code_bounds_init(&pl.bounds, view, site);
	if (way_single(&pl, true) || way_single(&pl, false) || way_padding(&pl) || way_after(&pl) || way_group(&pl))
		return plan->how;
	plan->how = pl.too_far ? CALLSITE_TOO_FAR : CALLSITE_NO_WAY;
	return plan->how;
}

uint64_t callsite_scan(const struct callsite_insn *insn, const struct code_view *view, uint64_t from, uint64_t *number)
{
	for (uint64_t a = MAX(from, view->addr + 5); code_holds(view, a, SITE_BYTES); a++) {
		const uint8_t *p = code_at(view, a);
		uint32_t imm;

		if (p[0] != insn->bytes[0] || p[1] != insn->bytes[1])
			continue;
		memcpy(&imm, p - 4, 4);
		if (imm >= NR_MAX)
			continue;
		/* not 41 b8: that loads r8d */
		if (p[-5] == 0xb8 && a > view->addr + 5 && (p[-6] & 0xf0) != 0x40) {
			*number = imm;
			return a;
		}
		if (a >= view->addr + 7 && p[-5] == 0xc0 && p[-6] == 0xc7 && p[-7] == 0x48) {
			*number = imm;
			return a;
		}
	}
	return 0;
}
