/* SPDX-License-Identifier: MIT */
/*
 * callsite.h - turns a trapping instruction into a jump, in place, in code nobody told us about.
 *
 * Given the bytes around a two-byte instruction that has just trapped (so its address is an instruction boundary), it
 * plans a patch of the code and the text of a trampoline. It never uses the program's stack (there may be a red zone),
 * keeps all registers and flags but the link register of the sequence, and never changes what it cannot prove to be
 * code.
 *
 * Ways, tried in this order:
 *   NUMBER   `mov $nr,%eax` with the very number that trapped, in the straight line before: this one instruction
 *            becomes a jump to its copy and the copies of all up to the site. No place inside an instruction is ever
 *            jumped to, and the site itself stays as it was, so code that jumps to it still works (and traps).
 *   BEFORE   the same with any instruction of 5 bytes or more that all readings of the code agree on.
 *   PADDING  the site becomes a two-byte jump to padding behind a ret, where a five-byte jump fits.
 *   AFTER    the site and the instructions behind it move; only if no direct branch goes between them.
 *   GROUP    several short instructions before the site move; the same condition.
 * AFTER and GROUP swallow boundaries where a thread may stand, or a signal frame point to: `moved` says where those
 * continue, and the caller must redirect them.
 *
 * The sequence at the end of the trampoline is what the CPU does for syscall: rcx = address behind the site, then a
 * jump. lea after(%rip),%rcx ; jmp *slot(%rip) `after` always has the site's two bytes (or the patch leading here
 * again) right before it, so that a kernel that restarts a call by going back two bytes does so here too.
 */
#ifndef CAY_LIB_CALLSITE_H
#define CAY_LIB_CALLSITE_H

#include <stdint.h>

#include "lib/code_bounds.h"
#include "lib/compiler.h"

/* The instruction to replace; it is two bytes long. `link` is a register that it overwrites anyway and does not read.
 */
struct callsite_insn {
	uint8_t bytes[2];
	uint8_t link; /* register number 0..7 */
};
extern const struct callsite_insn callsite_syscall; /* link rcx */
extern const struct callsite_insn callsite_cpuid;   /* link rdx */

enum callsite_how {
	CALLSITE_NUMBER,
	CALLSITE_BEFORE,
	CALLSITE_PADDING,
	CALLSITE_AFTER,
	CALLSITE_GROUP,
	/* refusals */
	CALLSITE_NOT_THE_INSN, /* the bytes at the address are something else (now) */
	CALLSITE_SIGRETURN,    /* unwinders know signal frames by these bytes: left alone */
	CALLSITE_NO_WAY,       /* nothing safe to replace around it */
	CALLSITE_TOO_FAR,      /* the trampoline is out of reach of a 32-bit displacement */
	CALLSITE_HOW_NR
};
#define CALLSITE_REFUSED CALLSITE_NOT_THE_INSN /* from here on */

#define CALLSITE_TRAMP_MAX 128
#define CALLSITE_MOVED_MAX 4

struct callsite_patch {
	uint64_t addr;
	uint8_t bytes; /* 2 or 5 */
	uint8_t old[5], new[5];
};

struct callsite_plan {
	enum callsite_how how;
	unsigned nr_patches; /* to be applied in order, after the trampoline is in place */
	struct callsite_patch patch[2];
	unsigned tramp_bytes;
	uint8_t tramp[CALLSITE_TRAMP_MAX];
	unsigned nr_moved; /* program counters that lie inside a patch, and where the same instruction is now */
	struct {
		uint64_t from, to;
	} moved[CALLSITE_MOVED_MAX];
};

/* Where the trampoline will run, and the address of the 8 bytes that hold the entry point; both near the code. */
struct callsite_target {
	uint64_t tramp;
	uint64_t slot;
};

/*
 * view: readable code around site, the more the better up to 4 KiB each way; at least the site itself.
 * number: rax as it was at the trap (ways that need none still work with another).
 * Returns plan->how; the rest of *plan is valid when that is below CALLSITE_REFUSED. Hostile code in the view can cause
 * a refusal or a bad patch of that program, nothing else. Context: any; uses 2 KiB of stack.
 */
enum callsite_how callsite_plan(const struct callsite_insn *insn, const struct code_view *view, uint64_t site,
				uint64_t number, const struct callsite_target *target, struct callsite_plan *plan);

/*
 * May the patch be written while other CPUs execute the code? Only if one aligned 8-byte store does it: each CPU then
 * fetches the old or the new instruction. Otherwise it may be written only while no other CPU runs the program.
 */
static inline int callsite_patch_is_atomic(const struct callsite_patch *p)
{
	return p->addr / 8 == (p->addr + p->bytes - 1) / 8;
}

/*
 * Looks through code that nobody has executed for the one pattern that cannot be mistaken: `mov $nr,%eax` or
 * `mov $nr,%rax` (nr < 512) with the instruction right behind it. Returns the site's address, the first one at or
 * after `from`, with *number = nr; 0 when there is no more.
 */
uint64_t callsite_scan(const struct callsite_insn *insn, const struct code_view *view, uint64_t from, uint64_t *number);

#endif
