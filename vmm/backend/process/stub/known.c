/* SPDX-License-Identifier: MIT */
/* known.c - a direct-mapped cache of bit maps. */
#include "vmm/backend/process/stub/known.h"

#include "abi/layout.h"

#define BLOCKS 2048u /* 144 KiB, of which only what is used is touched; a power of two */
/* Numbers of 2 MiB blocks below 2^47 have 26 bits. */
#define GENERATION_SHIFT 26

static struct known_block blocks[BLOCKS];
static uint64_t generation = 1; /* so that an unused entry is of none */
static bool pushed_out;         /* some block, in this generation */

struct known_block *known_block(uint64_t va, bool *stale)
{
	uint64_t number = va / CAY_HUGE_BYTES, tag = number | generation << GENERATION_SHIFT;
	struct known_block *b = &blocks[(number ^ number >> 11) % BLOCKS];

	*stale = false;
	if (b->tag == tag)
		return b;
	*stale = pushed_out;
	pushed_out |= b->tag >> GENERATION_SHIFT == generation;
	b->tag = tag;
	for (unsigned i = 0; i < KNOWN_BLOCK_PAGES / 64; i++)
		b->page[i] = 0;
	return b;
}

void known_forget_all(void)
{
	generation++;
	pushed_out = false;
}

void known_set(struct known_block *b, unsigned first, unsigned end, bool mapped)
{
	for (unsigned i = first; i < end; i++) {
		if (mapped)
			b->page[i / 64] |= 1ull << (i % 64);
		else
			b->page[i / 64] &= ~(1ull << (i % 64));
	}
}
