/* SPDX-License-Identifier: MIT */
/* groups.c - see groups.h. */
#include "kernel/fs/groups.h"

#include <stddef.h>

#include "kernel/mm/kmalloc.h"
#include "lib/list.h"

struct group_list *groups_create(uint32_t nr)
{
	struct group_list *g = kmalloc(sizeof(*g) + nr * sizeof(g->id[0]));

	if (g != NULL) {
		g->refs = 1;
		g->nr = nr;
	}
	return g;
}

/* Heap order below `at`, of the first nr: no child is greater. */
static void sift_down(uint32_t *id, uint32_t at, uint32_t nr)
{
	uint32_t moving = id[at], child;

	while ((child = 2 * at + 1) < nr) {
		if (child + 1 < nr && id[child + 1] > id[child])
			child++;
		if (id[child] <= moving)
			break;
		id[at] = id[child];
		at = child;
	}
	id[at] = moving;
}

/* A heap sort: whoever calls setgroups chooses the order that comes, and there may be many. */
void groups_sort(struct group_list *g)
{
	for (uint32_t at = g->nr / 2; at-- > 0;)
		sift_down(g->id, at, g->nr);
	for (uint32_t last = g->nr; last-- > 1;) {
		uint32_t greatest = g->id[0];

		g->id[0] = g->id[last];
		g->id[last] = greatest;
		sift_down(g->id, 0, last);
	}
}

struct group_list *groups_get(struct group_list *g)
{
	if (g != NULL)
		g->refs++;
	return g;
}

static void free_groups(struct rcu_head *h)
{
	kfree(container_of(h, struct group_list, rcu));
}

void groups_put(struct group_list *g)
{
	if (g != NULL && --g->refs == 0)
		rcu_free_later(&g->rcu, free_groups);
}

bool groups_have(const struct group_list *g, uint32_t gid)
{
	uint32_t from = 0, to = g != NULL ? g->nr : 0;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (g->id[middle] == gid)
			return true;
		if (g->id[middle] < gid)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}
