/* SPDX-License-Identifier: MIT */
/* area.c - see area.h. Each node keeps the gap below it, so that a place for mmap is found in O(log n). */
#include "kernel/mm/area.h"

#include "abi/layout.h"
#include "kernel/fs/file.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"

static struct area *area_of(struct avl_node *n)
{
	return n ? container_of(n, struct area, node) : NULL;
}

static uint64_t gap_of(struct avl_node *n)
{
	return n ? area_of(n)->gap_max : 0;
}

static void update(struct avl_node *n)
{
	struct area *a = area_of(n);

	a->gap_max = MAX(a->gap_before, MAX(gap_of(n->left), gap_of(n->right)));
}

void area_set_init(struct area_set *s)
{
	s->tree.root = NULL;
	s->tree.update = update;
	s->nr = 0;
	s->last = NULL;
}

struct area *area_first(struct area_set *s)
{
	return area_of(avl_first(&s->tree));
}

struct area *area_next(struct area *a)
{
	return area_of(avl_next(&a->node));
}

struct area *area_prev(struct area *a)
{
	return area_of(avl_prev(&a->node));
}

struct area *area_find_from(struct area_set *s, uint64_t addr)
{
	struct avl_node *n = s->tree.root;
	struct area *best = NULL, *last = READ_ONCE(s->last); /* quick faults look side by side, and each sets it */

	if (last != NULL && addr >= last->start && addr < last->end)
		return last;
	while (n != NULL) {
		struct area *a = area_of(n);

		if (addr < a->end) {
			best = a;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (best != NULL && addr >= best->start)
		WRITE_ONCE(s->last, best);
	return best;
}

struct area *area_find(struct area_set *s, uint64_t addr)
{
	struct area *a = area_find_from(s, addr);

	return a != NULL && addr >= a->start ? a : NULL;
}

/* Recomputes the gap below a. */
static void gap_refresh(struct area_set *s, struct area *a)
{
	struct area *prev;
	uint64_t gap;

	if (a == NULL)
		return;
	prev = area_prev(a);
	gap = a->start - (prev ? prev->end : MIN(a->start, CAY_USER_MIN));
	if (gap != a->gap_before) {
		a->gap_before = gap;
		avl_changed(&s->tree, &a->node);
	}
}

void area_insert(struct area_set *s, struct area *a)
{
	struct avl_node **link = &s->tree.root, *parent = NULL;

	while (*link != NULL) {
		struct area *p = area_of(*link);

		ASSERT(a->end <= p->start || a->start >= p->end);
		parent = *link;
		link = a->start < p->start ? &parent->left : &parent->right;
	}
	a->gap_before = 0;
	avl_insert(&s->tree, &a->node, parent, link);
	gap_refresh(s, a);
	gap_refresh(s, area_next(a));
	s->nr++;
}

void area_remove(struct area_set *s, struct area *a)
{
	struct area *next = area_next(a);

	avl_remove(&s->tree, &a->node);
	gap_refresh(s, next);
	s->nr--;
	if (s->last == a)
		s->last = NULL;
}

void area_resize(struct area_set *s, struct area *a, uint64_t start, uint64_t end)
{
	a->start = start;
	a->end = end;
	gap_refresh(s, a);
	gap_refresh(s, area_next(a));
}

struct area *area_alloc(void)
{
	return kzalloc(sizeof(struct area));
}

void area_free(struct area *a)
{
	if (a->file != NULL)
		file_put(a->file);
	kfree(a);
}

struct area *area_split(struct area_set *s, struct area *a, uint64_t addr)
{
	struct area *upper;

	ASSERT(addr > a->start && addr < a->end);
	if (s->nr >= AREAS_MAX)
		return NULL;
	upper = area_alloc();
	if (upper == NULL)
		return NULL;
	*upper = *a;
	if (upper->file != NULL)
		file_get(upper->file);
	upper->start = addr;
	if (upper->file != NULL)
		upper->pgoff += (addr - a->start) >> 12;
	area_resize(s, a, a->start, addr);
	area_insert(s, upper);
	return upper;
}

static bool can_join(const struct area *a, const struct area *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->file == b->file &&
	       a->name == b->name && !(a->flags & (AREA_GROWSDOWN | AREA_SPECIAL)) &&
	       (a->file == NULL || a->pgoff + ((a->end - a->start) >> 12) == b->pgoff);
}

static struct area *join(struct area_set *s, struct area *a, struct area *b)
{
	uint64_t end = b->end;

	a->touched = MAX(a->touched, b->touched);
	a->batch = MAX(a->batch, b->batch);
	area_remove(s, b);
	area_resize(s, a, a->start, end);
	area_free(b);
	return a;
}

struct area *area_merge(struct area_set *s, struct area *a)
{
	struct area *other = area_prev(a);

	if (other != NULL && can_join(other, a))
		a = join(s, other, a);
	other = area_next(a);
	if (other != NULL && can_join(a, other))
		a = join(s, a, other);
	return a;
}

/* Where memory must end below a, and where it may begin above it. */
static uint64_t limit_below(const struct area *a)
{
	uint64_t guard = a->flags & AREA_GROWSDOWN ? STACK_GUARD_BYTES : 0;

	return a->start > guard ? a->start - guard : 0;
}

/* Highest fit in [lo, hi), or 0. */
static uint64_t fit_high(uint64_t lo, uint64_t hi, uint64_t bytes, uint64_t align)
{
	uint64_t at;

	if (hi < bytes || hi - bytes < lo)
		return 0;
	at = ALIGN_DOWN(hi - bytes, align);
	return at >= lo ? at : 0;
}

static uint64_t fit_low(uint64_t lo, uint64_t hi, uint64_t bytes, uint64_t align)
{
	uint64_t at = ALIGN_UP(lo, align);

	return at < hi && hi - at >= bytes ? at : 0;
}

/* The recursion is as deep as the tree is high: at most 24 for AREAS_MAX. */
static uint64_t gap_high(struct avl_node *n, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align)
{
	struct area *a = area_of(n);
	uint64_t at = 0;

	if (a == NULL || a->gap_max < bytes)
		return 0;
	if (a->end < high)
		at = gap_high(n->right, bytes, low, high, align);
	if (at == 0)
		at = fit_high(MAX(low, a->start - a->gap_before), MIN(high, limit_below(a)), bytes, align);
	if (at == 0 && a->start - a->gap_before > low)
		at = gap_high(n->left, bytes, low, high, align);
	return at;
}

uint64_t area_find_gap(struct area_set *s, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align)
{
	struct area *last = area_of(avl_last(&s->tree));
	uint64_t at;

	low = MAX(low, CAY_USER_MIN);
	at = fit_high(MAX(low, last ? last->end : 0), high, bytes, align);
	return at ? at : gap_high(s->tree.root, bytes, low, high, align);
}

static uint64_t gap_low(struct avl_node *n, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align)
{
	struct area *a = area_of(n);
	uint64_t at = 0;

	if (a == NULL || a->gap_max < bytes)
		return 0;
	if (a->start - a->gap_before > low)
		at = gap_low(n->left, bytes, low, high, align);
	if (at == 0)
		at = fit_low(MAX(low, a->start - a->gap_before), MIN(high, limit_below(a)), bytes, align);
	if (at == 0 && a->end < high)
		at = gap_low(n->right, bytes, low, high, align);
	return at;
}

uint64_t area_find_gap_up(struct area_set *s, uint64_t bytes, uint64_t low, uint64_t high, uint64_t align)
{
	struct area *last = area_of(avl_last(&s->tree));
	uint64_t at;

	low = MAX(low, CAY_USER_MIN);
	at = gap_low(s->tree.root, bytes, low, high, align);
	return at ? at : fit_low(MAX(low, last ? last->end : 0), high, bytes, align);
}

bool area_range_free(struct area_set *s, uint64_t start, uint64_t end)
{
	struct area *a = area_find_from(s, start);

	return a == NULL || a->start >= end;
}
