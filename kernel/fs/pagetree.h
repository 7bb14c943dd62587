/* SPDX-License-Identifier: MIT */
/* pagetree.h - page index -> page, sparse: a radix tree with 64 children a node that is only as deep as the highest
 * index needs. Knows nothing of pages: values are non-NULL pointers. Lock: the owner's. */
#ifndef CAY_KERNEL_FS_PAGETREE_H
#define CAY_KERNEL_FS_PAGETREE_H

#include <stdint.h>

#include "lib/compiler.h"

struct pagetree {
	void *root; /* a value when height is 0, else a node */
	unsigned height;
};

void *pagetree_get(const struct pagetree *t, uint64_t index);
/* index must be free. 0 or -ENOMEM. */
MUST_CHECK int pagetree_set(struct pagetree *t, uint64_t index, void *value);
/* The lowest index >= *index that has a value; NULL if there is none. */
void *pagetree_next(const struct pagetree *t, uint64_t *index);
/* Removes [first, last]; each value goes to drop(), which must not touch the tree. Empty nodes are freed. */
void pagetree_remove(struct pagetree *t, uint64_t first, uint64_t last, void (*drop)(void *ctx, void *value),
		     void *ctx);

#endif
