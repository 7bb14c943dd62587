/* SPDX-License-Identifier: MIT */
/*
 * code_bounds.h - what can be known of machine code around an address without a symbol table.
 * x86 code has no marks where instructions begin, but decoding is self-synchronising: readings that start at different
 * bytes fall into step after a few instructions. So a place before a known boundary is believed to be one when every
 * reading that starts well before it and meets the known boundary passes through it.
 */
#ifndef CAY_LIB_CODE_BOUNDS_H
#define CAY_LIB_CODE_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of readable code. Every address given to the functions below is checked against it. */
struct code_view {
	const uint8_t *bytes;
	uint64_t addr; /* of bytes[0] */
	size_t size;
};

static inline bool code_holds(const struct code_view *v, uint64_t addr, size_t bytes)
{
	return addr >= v->addr && addr - v->addr <= v->size && bytes <= v->size - (addr - v->addr);
}

static inline const uint8_t *code_at(const struct code_view *v, uint64_t addr)
{
	return v->bytes + (addr - v->addr);
}

#define CODE_LOOKBACK 192 /* readings start at most this far before the known boundary */

/* All readings of the bytes before one known boundary. */
struct code_bounds {
	uint64_t known;
	unsigned back;                 /* bytes looked at before it */
	uint8_t length[CODE_LOOKBACK]; /* of the instruction that starts i bytes before `known`; index i - 1; 0 = none
					*/
	bool reaches[CODE_LOOKBACK];   /* a reading from there meets the boundary */
};

/* known: an instruction boundary inside the view, for instance because the instruction there has just trapped. */
void code_bounds_init(struct code_bounds *b, const struct code_view *v, uint64_t known);

/*
 * How sure it is that an instruction begins at addr, 0..100: the share of readings starting 16 to 96 bytes before
 * it that pass through it, of those that meet the known boundary. 0 when there are too few to tell, or addr does not
 * reach it.
 */
unsigned code_bounds_confidence(const struct code_bounds *b, uint64_t addr);

/* Length of the instruction at addr, when a reading from there meets the boundary; else 0. */
unsigned code_bounds_length(const struct code_bounds *b, uint64_t addr);

/*
 * May some direct branch within +-4 KiB (as far as the view goes) have a target in [from, to)? Reads a branch at every
 * byte, aligned or not, so it may say yes wrongly, and no only if there is none.
 */
bool code_may_branch_into(const struct code_view *v, uint64_t from, uint64_t to);

/*
 * Padding that no execution enters: follows the straight line from addr (a known boundary) up to a ret or jump, and
 * looks at the bytes behind it, which must be nops or int3 up to a multiple of 16; or a run of int3 somewhere near.
 * Returns the address of `need` such bytes that lies within [lo, hi], or 0.
 */
uint64_t code_find_padding(const struct code_view *v, uint64_t addr, uint64_t lo, uint64_t hi, size_t need);

#endif
