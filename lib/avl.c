/* SPDX-License-Identifier: MIT */
/* avl.c - see avl.h. Invariant after each call: heights of siblings differ by at most one. */
#include "lib/avl.h"

#include <stdbool.h>

static int height(const struct avl_node *n)
{
	return n ? n->height : 0;
}

static void refresh(struct avl_tree *t, struct avl_node *n)
{
	int l = height(n->left), r = height(n->right);

	n->height = (l > r ? l : r) + 1;
	if (t->update)
		t->update(n);
}

/* Puts `now` in the place that `was` has under its parent. */
static void replace(struct avl_tree *t, struct avl_node *was, struct avl_node *now)
{
	struct avl_node *p = was->parent;

	if (p == NULL)
		t->root = now;
	else if (p->left == was)
		p->left = now;
	else
		p->right = now;
	if (now)
		now->parent = p;
}

/* The right child rises over n, or the left one; returns the new top. */
static struct avl_node *rotate(struct avl_tree *t, struct avl_node *n, bool right_rises)
{
	struct avl_node *up = right_rises ? n->right : n->left;
	struct avl_node *middle = right_rises ? up->left : up->right;

	replace(t, n, up);
	if (right_rises) {
		up->left = n;
		n->right = middle;
	} else {
		up->right = n;
		n->left = middle;
	}
	n->parent = up;
	if (middle)
		middle->parent = n;
	refresh(t, n);
	refresh(t, up);
	return up;
}

static void rebalance_up(struct avl_tree *t, struct avl_node *n)
{
	for (; n != NULL; n = n->parent) {
		int lean;

		refresh(t, n);
		lean = height(n->right) - height(n->left);
		if (lean > 1) {
			if (height(n->right->left) > height(n->right->right))
				rotate(t, n->right, false);
			n = rotate(t, n, true);
		} else if (lean < -1) {
			if (height(n->left->right) > height(n->left->left))
				rotate(t, n->left, true);
			n = rotate(t, n, false);
		}
	}
}

void avl_insert(struct avl_tree *t, struct avl_node *n, struct avl_node *parent, struct avl_node **link)
{
	n->left = n->right = NULL;
	n->parent = parent;
	n->height = 0;
	*link = n;
	rebalance_up(t, n);
}

void avl_remove(struct avl_tree *t, struct avl_node *n)
{
	struct avl_node *start; /* lowest node whose subtree changes */

	if (n->left == NULL || n->right == NULL) {
		start = n->parent;
		replace(t, n, n->left ? n->left : n->right);
	} else {
		struct avl_node *heir = n->right;

		while (heir->left)
			heir = heir->left;
		if (heir->parent == n) {
			start = heir;
		} else {
			start = heir->parent;
			replace(t, heir, heir->right);
			heir->right = n->right;
			heir->right->parent = heir;
		}
		replace(t, n, heir);
		heir->left = n->left;
		heir->left->parent = heir;
	}
	rebalance_up(t, start);
}

void avl_changed(struct avl_tree *t, struct avl_node *n)
{
	for (; n != NULL; n = n->parent)
		refresh(t, n);
}

struct avl_node *avl_first(const struct avl_tree *t)
{
	struct avl_node *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct avl_node *avl_last(const struct avl_tree *t)
{
	struct avl_node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct avl_node *avl_next(const struct avl_node *n)
{
	if (n->right) {
		for (n = n->right; n->left; n = n->left)
			;
		return (struct avl_node *)n;
	}
	while (n->parent && n->parent->right == n)
		n = n->parent;
	return n->parent;
}

struct avl_node *avl_prev(const struct avl_node *n)
{
	if (n->left) {
		for (n = n->left; n->right; n = n->right)
			;
		return (struct avl_node *)n;
	}
	while (n->parent && n->parent->left == n)
		n = n->parent;
	return n->parent;
}
