/* SPDX-License-Identifier: MIT */
/*
 * pheap.h - intrusive pairing heap: the smallest 64-bit key first. Nodes live in the caller's objects, so nothing
 * is allocated and nothing can fail. Equal keys come out in no particular order.
 * Insert O(1); take-min and remove O(log n) amortised. No recursion: safe on small stacks.
 * Not thread-safe: the owner of the heap says which lock guards it.
 */
#ifndef CAY_LIB_PHEAP_H
#define CAY_LIB_PHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pheap_node {
	uint64_t key;
	struct pheap_node *child; /* first child */
	struct pheap_node *next;  /* next sibling */
	struct pheap_node **link; /* the pointer that points to this node; NULL = not in a heap */
};

struct pheap {
	struct pheap_node *root;
};

static inline void pheap_init(struct pheap *h)
{
	h->root = NULL;
}

static inline void pheap_node_init(struct pheap_node *n)
{
	n->link = NULL;
}

static inline bool pheap_queued(const struct pheap_node *n)
{
	return n->link != NULL;
}

/* The smallest, or NULL. Stays in the heap. */
static inline struct pheap_node *pheap_min(const struct pheap *h)
{
	return h->root;
}

/* n must not be queued. */
void pheap_insert(struct pheap *h, struct pheap_node *n, uint64_t key);

/* n must be queued in h. */
void pheap_remove(struct pheap *h, struct pheap_node *n);

#endif
