/* SPDX-License-Identifier: MIT */
#include "kernel/arch/x86_64/callsite_table.h"

#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

#define SITES_MIN 64u
#define SITES_MAX 65536u
/* What a 32-bit displacement reaches, less an arena and the code that is copied. */
#define REACH ((1ull << 31) - (1ull << 20))

static struct callsite *slot_of(struct callsite *sites, uint32_t cap, uint64_t addr)
{
	uint32_t i = (uint32_t)((addr * 0x9e3779b97f4a7c15ull) >> 40) & (cap - 1);

	while (sites[i].addr != 0 && sites[i].addr != addr)
		i = (i + 1) & (cap - 1);
	return &sites[i];
}

static bool grow_sites(struct callsite_table *t)
{
	uint32_t cap = t->cap_sites ? t->cap_sites * 2 : SITES_MIN;
	struct callsite *sites = cap <= SITES_MAX ? kzalloc(cap * sizeof(*sites)) : NULL;

	if (sites == NULL)
		return false;
	for (uint32_t i = 0; i < t->cap_sites; i++)
		if (t->sites[i].addr != 0)
			*slot_of(sites, cap, t->sites[i].addr) = t->sites[i];
	kfree(t->sites);
	t->sites = sites;
	t->cap_sites = cap;
	return true;
}

struct callsite *callsite_find(struct callsite_table *t, uint64_t addr)
{
	struct callsite *s;

	if ((t->nr_sites + 1) * 4 > t->cap_sites * 3 && !grow_sites(t))
		return NULL;
	s = slot_of(t->sites, t->cap_sites, addr);
	if (s->addr == 0) {
		s->addr = addr;
		t->nr_sites++;
	}
	return s;
}

static bool in_reach(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < REACH;
}

struct callsite_arena *callsite_arena_near(struct callsite_table *t, uint64_t site, uint32_t bytes)
{
	for (uint32_t i = 0; i < t->nr_arenas; i++) {
		struct callsite_arena *a = &t->arenas[i];

		if (a->bytes - a->used >= bytes && in_reach(a->base, site))
			return a;
	}
	return NULL;
}

/* Room for one more element at the end of an array that doubles. */
static bool room_for_one(void **array, uint32_t nr, uint32_t *cap, size_t element)
{
	uint32_t more = *cap ? *cap * 2 : 8;
	void *p;

	if (nr < *cap)
		return true;
	p = krealloc(*array, more * element);
	if (p == NULL)
		return false;
	*array = p;
	*cap = more;
	return true;
}

bool callsite_arena_add(struct callsite_table *t, uint64_t base, uint32_t bytes)
{
	void *array = t->arenas;
	bool ok = room_for_one(&array, t->nr_arenas, &t->cap_arenas, sizeof(*t->arenas));

	t->arenas = array;
	if (ok)
		t->arenas[t->nr_arenas++] =
			(struct callsite_arena){.base = base, .used = sizeof(uint64_t), .bytes = bytes};
	return ok;
}

bool callsite_in_arena(const struct callsite_table *t, uint64_t addr)
{
	for (uint32_t i = 0; i < t->nr_arenas; i++)
		if (addr - t->arenas[i].base < t->arenas[i].bytes)
			return true;
	return false;
}

bool callsite_add_moves(struct callsite_table *t, const struct callsite_plan *plan)
{
	for (unsigned i = 0; i < plan->nr_moved; i++) {
		const struct callsite_patch *p = &plan->patch[plan->nr_patches - 1];
		void *array = t->moves;
		bool ok = room_for_one(&array, t->nr_moves, &t->cap_moves, sizeof(*t->moves));
		struct callsite_move *m;

		t->moves = array;
		if (!ok)
			return false;
		m = &t->moves[t->nr_moves++];
		*m = (struct callsite_move){.from = plan->moved[i].from,
					    .to = plan->moved[i].to,
					    .patch = p->addr,
					    .patch_bytes = p->bytes};
		memcpy(m->now, p->new, p->bytes);
	}
	return true;
}

static bool copy_array(void **to, const void *from, size_t bytes)
{
	if (bytes == 0)
		return true;
	*to = kmalloc(bytes);
	if (*to != NULL)
		memcpy(*to, from, bytes);
	return *to != NULL;
}

bool callsite_table_copy(struct callsite_table *to, const struct callsite_table *from)
{
	void *sites = NULL, *arenas = NULL, *moves = NULL;
	bool ok = copy_array(&sites, from->sites, from->cap_sites * sizeof(*from->sites)) &&
		  copy_array(&arenas, from->arenas, from->cap_arenas * sizeof(*from->arenas)) &&
		  copy_array(&moves, from->moves, from->cap_moves * sizeof(*from->moves));

	*to = *from;
	to->sites = sites;
	to->arenas = arenas;
	to->moves = moves;
	to->rewriting = false;
	return ok;
}

void callsite_table_free(struct callsite_table *t)
{
	kfree(t->sites);
	kfree(t->arenas);
	kfree(t->moves);
	memset(t, 0, sizeof(*t));
}
