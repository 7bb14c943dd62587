/* SPDX-License-Identifier: MIT */
/*
 * shared_tables.h - last-level page tables that several address spaces have in common.
 *
 * A program that starts touches some hundred pages of ld.so, libc and its own code. Where KVM has no VT-x each first
 * touch in a new table costs 4.5 us, which a table that others have used before does not. So a block of 2 MiB in which
 * there is nothing but read-only parts of one unchanging file gets a table that all processes with the same parts at
 * the same places of a block share; placement (vmspace_place_image) sees to it that there are such blocks.
 *
 * Invariants: nobody writes an entry of a shared table once it is linked. While an address space has one, the areas of
 * that block are what the table maps. Whoever changes the areas leaves it first, and takes page faults anew.
 * Lock: vs's vmspace lock, and the kernel lock but for asking and leaving.
 */
#ifndef CAY_KERNEL_MM_SHARED_TABLES_H
#define CAY_KERNEL_MM_SHARED_TABLES_H

#include <stdbool.h>
#include <stdint.h>

struct vmspace;
struct tlb_batch;

/* Fewer bytes of read-only parts than these are not worth a block of their own. */
#define SHARED_MIN_BYTES (64u << 10)

/*
 * Gives the block of addr, which has no table yet, one that is shared, if all that lies in the block can be. Makes it
 * if nobody has one, which asks the file for its pages and may sleep. False: the block is as it was. An entry may be
 * empty even so, where the file has no page.
 */
bool shared_tables_join(struct vmspace *vs, uint64_t addr);
/* Has the block of addr a shared table? */
bool shared_tables_has(const struct vmspace *vs, uint64_t addr);
/* Takes the shared tables of all blocks that [start, end) touches out of vs. What must be forgotten is added to b, or
 * is forgotten at once where b is NULL. */
void shared_tables_leave(struct vmspace *vs, uint64_t start, uint64_t end, struct tlb_batch *b);
/* That was forgotten, or nobody runs on vs's tables: others may free those that it has left. */
void shared_tables_let_go(struct vmspace *vs);
/* The child, whose areas are those of the parent, gets the same. Without memory it has fewer, and faults. */
void shared_tables_fork(const struct vmspace *parent, struct vmspace *child);
/* Frees the tables that nobody has, and lets their files go. */
void shared_tables_drop_unused(void);

#endif
