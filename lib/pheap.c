/* SPDX-License-Identifier: MIT */
/* pheap.c - see pheap.h. Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap" (1986), two-pass variant. */
#include "lib/pheap.h"

/* Joins two trees that nothing links to; the smaller root becomes the parent of the other. */
static struct pheap_node *meld(struct pheap_node *a, struct pheap_node *b)
{
	if (b->key < a->key) {
		struct pheap_node *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->link = &b->next;
	a->child = b;
	b->link = &a->child;
	return a;
}

/* Joins a list of siblings into one tree: pairs from the left, then the pairs from the right. */
static struct pheap_node *meld_siblings(struct pheap_node *n)
{
	struct pheap_node *pairs = NULL, *tree;

	while (n != NULL) {
		struct pheap_node *a = n, *b = n->next;

		n = b != NULL ? b->next : NULL;
		a->next = NULL;
		if (b != NULL) {
			b->next = NULL;
			a = meld(a, b);
		}
		a->next = pairs;
		pairs = a;
	}
	if (pairs == NULL)
		return NULL;
	tree = pairs;
	pairs = tree->next;
	tree->next = NULL;
	while (pairs != NULL) {
		struct pheap_node *rest = pairs->next;

		pairs->next = NULL;
		tree = meld(tree, pairs);
		pairs = rest;
	}
	return tree;
}

static void set_root(struct pheap *h, struct pheap_node *n)
{
	h->root = n;
	if (n != NULL) {
		n->next = NULL;
		n->link = &h->root;
	}
}

void pheap_insert(struct pheap *h, struct pheap_node *n, uint64_t key)
{
	n->key = key;
	n->child = NULL;
	n->next = NULL;
	set_root(h, h->root != NULL ? meld(h->root, n) : n);
}

void pheap_remove(struct pheap *h, struct pheap_node *n)
{
	struct pheap_node *sub;

	*n->link = n->next;
	if (n->next != NULL)
		n->next->link = n->link;
	n->link = NULL;
	sub = meld_siblings(n->child);
	n->child = NULL;
	n->next = NULL;
	if (sub == NULL)
		return;
	set_root(h, h->root != NULL ? meld(h->root, sub) : sub);
}
