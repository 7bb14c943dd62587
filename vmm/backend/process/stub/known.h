/* SPDX-License-Identifier: MIT */
/*
 * known.h - which pages of the program's half the host has mapped here, so that a mapping is made next to others and
 * not over them (which would throw away what the host has filled in), and nothing is unmapped that is not there.
 * Exact for as many 2 MiB blocks as there is room for. A block that is pushed out is unmapped when it comes back: the
 * caller's job, see known_block.
 */
#ifndef CAY_VMM_BACKEND_PROCESS_STUB_KNOWN_H
#define CAY_VMM_BACKEND_PROCESS_STUB_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#define KNOWN_BLOCK_PAGES 512u

struct known_block {
	uint64_t tag; /* which block, and since which known_forget_all */
	uint64_t page[KNOWN_BLOCK_PAGES / 64];
};

/* The block that va lies in. *stale: nothing was known of it and something may be mapped there. */
struct known_block *known_block(uint64_t va, bool *stale);

/* Nothing is mapped any more. */
void known_forget_all(void);

static inline bool known_is_mapped(const struct known_block *b, unsigned page)
{
	return b->page[page / 64] >> (page % 64) & 1;
}

/* Pages [first, end) of the block. */
void known_set(struct known_block *b, unsigned first, unsigned end, bool mapped);

#endif
