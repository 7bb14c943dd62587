/* SPDX-License-Identifier: MIT */
/*
 * callsite_table.h - what is known of the call sites of one address space: which have trapped how often, where
 * trampolines are, and which program counters have moved into them.
 * Lock: the kernel lock. Rewriting may sleep, so one thread at a time does it (`rewriting`), and what leads into these
 * arrays is looked up anew after whatever may sleep.
 */
#ifndef CAY_KERNEL_ARCH_CALLSITE_TABLE_H
#define CAY_KERNEL_ARCH_CALLSITE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/callsite.h"
#include "lib/compiler.h"

enum site_state { SITE_NEW, SITE_PATCHED, SITE_REFUSED };

struct callsite {
	uint64_t addr;
	uint32_t traps;
	uint8_t state; /* enum site_state */
};

/* Memory for trampolines, read-execute for the program. Its first 8 bytes are the address of syscall_entry. */
struct callsite_arena {
	uint64_t base;
	uint32_t used, bytes;
};

/* A program counter inside a patch, and where that instruction is now; valid while the patch stands. */
struct callsite_move {
	uint64_t from, to;
	uint64_t patch;
	uint8_t patch_bytes, now[5];
};

struct callsite_table {
	struct callsite *sites; /* open addressing, a power of two */
	uint32_t nr_sites, cap_sites;
	struct callsite_arena *arenas;
	uint32_t nr_arenas, cap_arenas;
	struct callsite_move *moves;
	uint32_t nr_moves, cap_moves;
	uint32_t patched;      /* how often code was patched */
	bool rewriting;        /* somebody is at it: trampolines are laid out one after the other */
	uint32_t shared_traps; /* of sites that would be patched if their page tables were not shared */
};

/* A site's entry, made if needed. Valid until the next call. NULL: no memory, or more sites than a program can have. */
struct callsite *callsite_find(struct callsite_table *t, uint64_t addr);

/* An arena within reach of site with room for `bytes`, or NULL: then add one. */
struct callsite_arena *callsite_arena_near(struct callsite_table *t, uint64_t site, uint32_t bytes);
MUST_CHECK bool callsite_arena_add(struct callsite_table *t, uint64_t base, uint32_t bytes);
/* Whether addr lies in a trampoline. */
bool callsite_in_arena(const struct callsite_table *t, uint64_t addr);

MUST_CHECK bool callsite_add_moves(struct callsite_table *t, const struct callsite_plan *plan);

/* fork: to, which is empty, becomes equal. False without memory; then `to` is still fit for callsite_table_free. */
MUST_CHECK bool callsite_table_copy(struct callsite_table *to, const struct callsite_table *from);
void callsite_table_free(struct callsite_table *t); /* its contents; t stays the caller's */

#endif
