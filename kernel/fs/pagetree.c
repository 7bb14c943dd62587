/* SPDX-License-Identifier: MIT */
/* pagetree.c - see pagetree.h. Recursion is bounded by the height, 9 at most (2^51 pages). */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/fs/pagetree.h"
#include "kernel/mm/kmalloc.h"

#define BITS   6
#define FANOUT (1u << BITS)

struct node {
	unsigned used;
	void *child[FANOUT];
};

/* Can a tree of this height hold the index? */
static bool fits(unsigned height, uint64_t index)
{
	unsigned shift = height * BITS;

	return shift >= 64 || index >> shift == 0;
}

static unsigned digit(uint64_t index, unsigned level)
{
	return (unsigned)(index >> ((level - 1) * BITS)) & (FANOUT - 1);
}

void *pagetree_get(const struct pagetree *t, uint64_t index)
{
	void *p = t->root;

	if (!fits(t->height, index))
		return NULL;
	for (unsigned level = t->height; level > 0 && p != NULL; level--)
		p = ((struct node *)p)->child[digit(index, level)];
	return p;
}

int pagetree_set(struct pagetree *t, uint64_t index, void *value)
{
	void **at = &t->root;

	while (!fits(t->height, index)) {
		if (t->root != NULL) {
			struct node *n = kzalloc(sizeof(*n));
			if (n == NULL)
				return -ENOMEM;
			n->child[0] = t->root;
			n->used = 1;
			t->root = n;
		}
		t->height++;
	}
	struct node *parent = NULL;
	for (unsigned level = t->height; level > 0; level--) {
		if (*at == NULL) {
			*at = kzalloc(sizeof(struct node));
			if (*at == NULL)
				return -ENOMEM; /* empty nodes may stay: they are found by the next set or freed by
						   remove */
			if (parent != NULL)
				parent->used++;
		}
		parent = *at;
		at = &parent->child[digit(index, level)];
	}
	*at = value;
	if (parent != NULL)
		parent->used++;
	return 0;
}

static void *next_below(void *p, unsigned level, uint64_t base, uint64_t *index)
{
	uint64_t span;
	void *found;

	if (p == NULL)
		return NULL;
	if (level == 0) {
		*index = base;
		return p;
	}
	span = 1ull << ((level - 1) * BITS);
	for (unsigned i = *index > base ? (unsigned)((*index - base) / span) : 0; i < FANOUT; i++) {
		found = next_below(((struct node *)p)->child[i], level - 1, base + i * span, index);
		if (found != NULL)
			return found;
	}
	return NULL;
}

void *pagetree_next(const struct pagetree *t, uint64_t *index)
{
	return fits(t->height, *index) ? next_below(t->root, t->height, 0, index) : NULL;
}

/* Returns true when *p became empty. */
static bool remove_below(void **p, unsigned level, uint64_t base, uint64_t first, uint64_t last,
			 void (*drop)(void *ctx, void *value), void *ctx)
{
	struct node *n = *p;
	uint64_t span;

	if (n == NULL)
		return false;
	if (level == 0) {
		drop(ctx, *p);
		*p = NULL;
		return true;
	}
	span = 1ull << ((level - 1) * BITS);
	for (unsigned i = first > base ? (unsigned)((first - base) / span) : 0; i < FANOUT; i++) {
		if (base + i * span > last)
			break;
		if (remove_below(&n->child[i], level - 1, base + i * span, first, last, drop, ctx))
			n->used--;
	}
	if (n->used > 0)
		return false;
	kfree(n);
	*p = NULL;
	return true;
}

void pagetree_remove(struct pagetree *t, uint64_t first, uint64_t last, void (*drop)(void *ctx, void *value), void *ctx)
{
	if (first > last || !fits(t->height, first))
		return;
	remove_below(&t->root, t->height, 0, first, last, drop, ctx);
	if (t->root == NULL)
		t->height = 0;
}
