/* SPDX-License-Identifier: MIT */
/*
 * avl.h - intrusive balanced binary search tree (AVL). The tree never compares: the user walks down from `root`, finds
 * the empty link, and inserts there, so that one tree serves any key. Height is at most 1.44 log2(n).
 * Augmented trees: `update` recomputes a node's summary from itself and its children; it is called bottom-up for
 * each node whose subtree changed. Not thread-safe: the owner says which lock guards it. Takes no memory.
 */
#ifndef CAY_LIB_AVL_H
#define CAY_LIB_AVL_H

#include <stddef.h>

struct avl_node {
	struct avl_node *left, *right, *parent;
	int height;
};

struct avl_tree {
	struct avl_node *root;
	void (*update)(struct avl_node *n); /* or NULL */
};

/* Inserts n where *link (a NULL child link of parent, or &tree->root with parent NULL) is. */
void avl_insert(struct avl_tree *t, struct avl_node *n, struct avl_node *parent, struct avl_node **link);
void avl_remove(struct avl_tree *t, struct avl_node *n);
/* The node's own data changed: recomputes summaries from it to the root. */
void avl_changed(struct avl_tree *t, struct avl_node *n);

/* In order; NULL at the end. */
struct avl_node *avl_first(const struct avl_tree *t);
struct avl_node *avl_last(const struct avl_tree *t);
struct avl_node *avl_next(const struct avl_node *n);
struct avl_node *avl_prev(const struct avl_node *n);

#endif
