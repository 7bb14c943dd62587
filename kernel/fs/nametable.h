/* SPDX-License-Identifier: MIT */
/*
 * nametable.h - the entries of a folder kept in memory: name -> pointer, and a stable order for readdir.
 * A name keeps its slot number while it exists, so a slot number is a readdir position that survives changes.
 * Lock: the owner's.
 */
#ifndef CAY_KERNEL_FS_NAMETABLE_H
#define CAY_KERNEL_FS_NAMETABLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct name_entry {
	void *value; /* the owner's; may be NULL (a whiteout) */
	uint32_t hash;
	uint32_t slot;
	uint16_t len;
	char name[];
};

struct nametable {
	struct name_entry **slots; /* by slot; NULL = free */
	uint32_t *index;           /* open addressing by hash: slot + 1, 0 = empty, UINT32_MAX = removed */
	uint32_t nr_slots, slots_max;
	uint32_t index_size;    /* power of two */
	uint32_t nr_index_used; /* removed marks included */
	uint32_t count;
	uint32_t free_hint; /* no slot below is free */
};

void nametable_init(struct nametable *t); /* takes no memory until something is added */
void nametable_free(struct nametable *t); /* frees entries, not values */
struct name_entry *nametable_find(const struct nametable *t, const char *name, size_t len);
/* The name must not be there. NULL without memory. */
MUST_CHECK struct name_entry *nametable_add(struct nametable *t, const char *name, size_t len, void *value);
void nametable_remove(struct nametable *t, struct name_entry *e); /* frees e */
/* The first entry whose slot is >= slot, or NULL. */
struct name_entry *nametable_next(const struct nametable *t, uint32_t slot);

#endif
