/* SPDX-License-Identifier: MIT */
/*
 * kmalloc.c - small objects by size class: a slab is one page of equal objects, its state is in the page descriptor.
 * Larger ones are blocks of pages. Invariant: a slab with a free object is in the partial list of its class.
 * Lock (when there are several CPUs): one per class.
 */
#include "kernel/mm/kmalloc.h"

#include "kernel/log.h"
#include "kernel/mm/debug_heap.h"
#include "kernel/mm/page.h"
#include "lib/string.h"

static const uint16_t class_bytes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 2048};
#define NR_CLASSES     ARRAY_SIZE(class_bytes)
#define SLAB_MAX_BYTES 2048
#define UNIT           16                 /* slab.first counts in these */
#define SLAB_FULL      (PAGE_SIZE / UNIT) /* slab.first when no object is free */
#define LINK_BYTES     sizeof(uint16_t)   /* of a free object, which hold the link to the next */
#define OBJECT_MAX     (SLAB_MAX_BYTES - HEAP_TRAILER_BYTES)

static uint32_t partial[NR_CLASSES]; /* frame numbers */
static size_t bytes_used;

static unsigned class_of(size_t bytes)
{
	unsigned c = 0;

	while (class_bytes[c] < bytes)
		c++;
	return c;
}

static uint32_t pfn_of(const void *va)
{
	return (uint32_t)(virt_to_pa(va).v >> PAGE_SHIFT);
}

static void partial_add(uint32_t pfn, struct page *p)
{
	p->prev = 0;
	p->next = partial[p->owner];
	if (p->next != 0)
		page_of_pfn(p->next)->prev = pfn;
	partial[p->owner] = pfn;
}

static void partial_remove(struct page *p)
{
	if (p->prev != 0)
		page_of_pfn(p->prev)->next = p->next;
	else
		partial[p->owner] = p->next;
	if (p->next != 0)
		page_of_pfn(p->next)->prev = p->prev;
	p->next = p->prev = 0;
}

/* A free object's first two bytes are the link to the next one. */
static uint16_t *object_at(uint32_t pfn, unsigned unit)
{
	return (uint16_t *)((char *)pa_to_virt(PA((uint64_t)pfn << PAGE_SHIFT)) + (size_t)unit * UNIT);
}

static bool slab_create(unsigned c)
{
	void *va = page_alloc(0, 0);
	unsigned step = class_bytes[c] / UNIT;
	unsigned nr = (unsigned)(PAGE_SIZE / class_bytes[c]);
	struct page *p;
	uint32_t pfn;

	if (va == NULL)
		return false;
	pfn = pfn_of(va);
	p = page_of_pfn(pfn);
	debug_heap_fresh(va, PAGE_SIZE);
	for (unsigned i = 0; i < nr; i++)
		*object_at(pfn, i * step) = (uint16_t)(i + 1 < nr ? (i + 1) * step : SLAB_FULL);
	p->state = PAGE_SLAB;
	p->owner = (uint8_t)c;
	p->slab.used = 0;
	p->slab.first = 0;
	partial_add(pfn, p);
	return true;
}

static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

static void *alloc_pages(size_t bytes, unsigned flags, const void *caller)
{
	void *va = bytes <= PAGE_SIZE << PAGE_ORDER_MAX ? page_alloc(order_of(bytes), flags) : NULL;

	if (va == NULL)
		return NULL;
	bytes_used += PAGE_SIZE << order_of(bytes);
	debug_heap_give_pages(va, page_of_pfn(pfn_of(va)), bytes, caller);
	return va;
}

static void *alloc_object(size_t bytes, const void *caller)
{
	unsigned c = class_of(bytes + HEAP_TRAILER_BYTES);
	uint32_t pfn;
	struct page *p;
	uint16_t *obj;

	if (partial[c] == 0 && !slab_create(c))
		return NULL;
	pfn = partial[c];
	p = page_of_pfn(pfn);
	obj = object_at(pfn, p->slab.first);
	p->slab.first = *obj;
	p->slab.used++;
	if (p->slab.first == SLAB_FULL)
		partial_remove(p);
	bytes_used += class_bytes[c];
	debug_heap_give(obj, class_bytes[c], LINK_BYTES, bytes, caller);
	return obj;
}

void *kmalloc(size_t bytes)
{
	const void *caller = __builtin_return_address(0);

	return bytes > OBJECT_MAX ? alloc_pages(bytes, 0, caller) : alloc_object(bytes, caller);
}

void *kzalloc(size_t bytes)
{
	const void *caller = __builtin_return_address(0);
	void *p;

	if (bytes > OBJECT_MAX)
		return alloc_pages(bytes, PAGE_ZERO, caller);
	p = alloc_object(bytes, caller);
	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

/* Bytes that the object takes. */
static size_t object_bytes(const struct page *p)
{
	return p->state == PAGE_SLAB ? class_bytes[p->owner] : PAGE_SIZE << p->order;
}

/* Room that it has. The debug build gives none beyond what was asked for. */
static size_t object_room(void *va)
{
	const struct page *p = page_of_pfn(pfn_of(va));

#ifdef CAY_DEBUG
	return p->state == PAGE_SLAB ? debug_heap_trailer(va, class_bytes[p->owner])->bytes : debug_heap_page_bytes(p);
#else
	return object_bytes(p);
#endif
}

void *krealloc(void *old, size_t bytes)
{
	const void *caller = __builtin_return_address(0);
	size_t room = old != NULL ? object_room(old) : 0;
	void *new;

	if (old != NULL && bytes <= room && bytes > room / 4)
		return old;
	new = bytes > OBJECT_MAX ? alloc_pages(bytes, 0, caller) : alloc_object(bytes, caller);
	if (old == NULL)
		return new;
	if (new == NULL)
		return bytes <= room ? old : NULL;
	memcpy(new, old, MIN(bytes, room));
	kfree(old);
	return new;
}

char *kstrdup(const char *s)
{
	size_t bytes = strlen(s) + 1;
	const void *caller = __builtin_return_address(0);
	char *copy = bytes > OBJECT_MAX ? alloc_pages(bytes, 0, caller) : alloc_object(bytes, caller);

	if (copy != NULL)
		memcpy(copy, s, bytes);
	return copy;
}

void kfree(void *va)
{
	uint32_t pfn;
	struct page *p;
	unsigned unit;

	if (va == NULL)
		return;
	pfn = pfn_of(va);
	p = page_of_pfn(pfn);
	bytes_used -= object_bytes(p);
	if (p->state != PAGE_SLAB) {
		ASSERT(((uintptr_t)va & (PAGE_SIZE - 1)) == 0);
		debug_heap_take_pages(va, p);
		page_free(va, p->order);
		return;
	}
	unit = (unsigned)((uintptr_t)va & (PAGE_SIZE - 1)) / UNIT;
	ASSERT((uintptr_t)va % UNIT == 0 && p->slab.used > 0 && p->slab.first != unit);
	debug_heap_take(va, object_bytes(p));
	if (p->slab.first == SLAB_FULL)
		partial_add(pfn, p);
	*object_at(pfn, unit) = p->slab.first;
	p->slab.first = (uint16_t)unit;
	/* An empty slab goes back, unless it is the last of its class: that one saves the next allocation the work. */
	if (--p->slab.used == 0 && (p->next != 0 || p->prev != 0)) {
		partial_remove(p);
		p->state = PAGE_USED;
		p->order = 0;
		p->refs = 1;
		page_free(pa_to_virt(PA((uint64_t)pfn << PAGE_SHIFT)), 0);
	}
}

size_t kmalloc_slot_bytes(unsigned size_class)
{
	return class_bytes[size_class];
}

size_t kmalloc_bytes_used(void)
{
	return bytes_used;
}
