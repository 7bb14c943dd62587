/* SPDX-License-Identifier: MIT */
/* stint.c - the address spaces that were current last. The guest can write here: indices are checked where they are
 * used. */
#include "vmm/backend/process/stub/stint.h"

static struct stint stints[STINT_SPACES];
static uint64_t clock;

/* That of root, or the one used longest ago. */
static struct stint *find(uint64_t root)
{
	struct stint *oldest = &stints[0];

	for (unsigned i = 0; i < STINT_SPACES; i++) {
		if (stints[i].root == root)
			return &stints[i];
		if (stints[i].used < oldest->used)
			oldest = &stints[i];
	}
	return oldest;
}

struct stint *stint_begin(uint64_t root)
{
	struct stint *s = find(root);

	if (s->root != root || ++s->turn == STINT_TURNS) {
		s->root = root;
		s->turn = 0;
		s->nr = 0;
	}
	s->used = ++clock;
	return s;
}

void stint_note(struct stint *s, uint64_t va)
{
	if (s->nr < STINT_PAGES)
		s->va[s->nr++] = va;
}
