/* SPDX-License-Identifier: MIT */
/* nametable.c - see nametable.h. */
#include "kernel/fs/dcache.h"
#include "kernel/fs/nametable.h"
#include "kernel/mm/kmalloc.h"
#include "lib/string.h"

#define INDEX_REMOVED UINT32_MAX
#define SLOTS_MIN     8u

void nametable_init(struct nametable *t)
{
	memset(t, 0, sizeof(*t));
}

void nametable_free(struct nametable *t)
{
	for (uint32_t i = 0; i < t->nr_slots; i++)
		kfree(t->slots[i]);
	kfree(t->slots);
	kfree(t->index);
	nametable_init(t);
}

static uint32_t *probe(const struct nametable *t, uint32_t hash, const char *name, size_t len)
{
	uint32_t mask = t->index_size - 1;

	if (t->index_size == 0)
		return NULL;
	for (uint32_t i = hash * 0x9e3779b1u >> 7 & mask;; i = (i + 1) & mask) {
		uint32_t v = t->index[i];
		if (v == 0)
			return NULL;
		if (v == INDEX_REMOVED)
			continue;
		struct name_entry *e = t->slots[v - 1];
		if (e->hash == hash && e->len == len && memcmp(e->name, name, len) == 0)
			return &t->index[i];
	}
}

struct name_entry *nametable_find(const struct nametable *t, const char *name, size_t len)
{
	uint32_t *at = probe(t, dcache_hash_name(name, len), name, len);

	return at != NULL ? t->slots[*at - 1] : NULL;
}

static void index_insert(struct nametable *t, const struct name_entry *e)
{
	uint32_t mask = t->index_size - 1;
	uint32_t i = e->hash * 0x9e3779b1u >> 7 & mask;

	while (t->index[i] != 0 && t->index[i] != INDEX_REMOVED)
		i = (i + 1) & mask;
	if (t->index[i] == 0)
		t->nr_index_used++;
	t->index[i] = e->slot + 1;
}

/* Keeps the index at most half full, marks of the removed included, so that a probe always meets an empty place. */
static int index_reserve(struct nametable *t)
{
	uint32_t size = t->index_size ? t->index_size : SLOTS_MIN * 2;
	uint32_t *index;

	if (t->index_size != 0 && (t->nr_index_used + 1) * 2 <= t->index_size)
		return 0;
	while (size < (t->count + 1) * 3)
		size *= 2;
	index = kzalloc(size * sizeof(*index));
	if (index == NULL)
		return -1;
	kfree(t->index);
	t->index = index;
	t->index_size = size;
	t->nr_index_used = 0;
	for (uint32_t i = 0; i < t->nr_slots; i++)
		if (t->slots[i] != NULL)
			index_insert(t, t->slots[i]);
	return 0;
}

static int slots_reserve(struct nametable *t)
{
	uint32_t max = t->slots_max ? t->slots_max * 2 : SLOTS_MIN;
	struct name_entry **slots;

	if (t->nr_slots < t->slots_max)
		return 0;
	slots = kmalloc(max * sizeof(*slots));
	if (slots == NULL)
		return -1;
	if (t->nr_slots > 0)
		memcpy(slots, t->slots, t->nr_slots * sizeof(*slots));
	kfree(t->slots);
	t->slots = slots;
	t->slots_max = max;
	return 0;
}

struct name_entry *nametable_add(struct nametable *t, const char *name, size_t len, void *value)
{
	struct name_entry *e;
	uint32_t slot = t->free_hint;

	if (index_reserve(t) != 0)
		return NULL;
	while (slot < t->nr_slots && t->slots[slot] != NULL)
		slot++;
	if (slot == t->nr_slots && slots_reserve(t) != 0)
		return NULL;
	e = kmalloc(sizeof(*e) + len + 1);
	if (e == NULL)
		return NULL;
	e->value = value;
	e->hash = dcache_hash_name(name, len);
	e->slot = slot;
	e->len = (uint16_t)len;
	memcpy(e->name, name, len);
	e->name[len] = '\0';
	t->slots[slot] = e;
	if (slot == t->nr_slots)
		t->nr_slots++;
	t->free_hint = slot + 1;
	t->count++;
	index_insert(t, e);
	return e;
}

void nametable_remove(struct nametable *t, struct name_entry *e)
{
	*probe(t, e->hash, e->name, e->len) = INDEX_REMOVED;
	t->slots[e->slot] = NULL;
	if (e->slot < t->free_hint)
		t->free_hint = e->slot;
	t->count--;
	kfree(e);
}

struct name_entry *nametable_next(const struct nametable *t, uint32_t slot)
{
	for (; slot < t->nr_slots; slot++)
		if (t->slots[slot] != NULL)
			return t->slots[slot];
	return NULL;
}
