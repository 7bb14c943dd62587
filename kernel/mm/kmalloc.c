/* SPDX-License-Identifier: MIT */
/*
 * kmalloc.c - small objects by size class: a slab is one page of equal objects, its state is in the page descriptor.
 * Larger ones are blocks of pages. Each CPU keeps some free objects of each class, which it hands out and takes back
 * without a lock; they count as handed out for their slab. They come from slabs and go back there in batches.
 * Invariant: a slab with a free object is in the partial list of its class.
 * Lock: one spin lock per class, for partial lists and slabs; no other is taken under it.
 */
#include "kernel/mm/kmalloc.h"

#include "kernel/log.h"
#include "kernel/mm/debug_heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/percpu.h"
#include "kernel/sched/spinlock.h"
#include "lib/string.h"

static const uint16_t class_bytes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 2048};
#define NR_CLASSES     ARRAY_SIZE(class_bytes)
#define SLAB_MAX_BYTES 2048
#define UNIT           16                 /* slab.first counts in these */
#define SLAB_FULL      (PAGE_SIZE / UNIT) /* slab.first when no object is free */
#define LINK_BYTES     sizeof(void *)     /* of a free object, which hold the link to the next */
#define OBJECT_MAX     (SLAB_MAX_BYTES - HEAP_TRAILER_BYTES)

/* What a CPU keeps of a class: at most KEEP_BYTES, between KEEP_MIN and KEEP_MAX objects. */
#define KEEP_BYTES 4096u
#define KEEP_MIN   4u
#define KEEP_MAX   32u

static struct class
{
	struct spinlock lock;
	uint32_t partial; /* frame numbers */
} classes[NR_CLASSES] = {[0 ... NR_CLASSES - 1] = {.lock = SPINLOCK_INIT("heap")}};

/* Of one CPU. */
static struct heap {
	struct kept {
		void *first; /* linked by their first word */
		unsigned nr;
	} kept[NR_CLASSES];
	int64_t bytes_used; /* handed out less taken back by this CPU */
} ALIGNED(64) heaps[CAY_VCPU_MAX];

/* By size in units, rounded up; the smallest class that holds it. */
static uint8_t class_by_units[SLAB_MAX_BYTES / UNIT + 1];

/* The table's own first use fills it in: kmalloc has no beginning of its own. */
static unsigned class_of(size_t bytes)
{
	uint8_t *known = &class_by_units[(bytes + UNIT - 1) / UNIT];
	unsigned c = *known;

	if (likely(c != 0))
		return c - 1;
	while (class_bytes[c] < bytes)
		c++;
	*known = (uint8_t)(c + 1);
	return c;
}

static unsigned keep_max(unsigned c)
{
	return MAX(KEEP_MIN, MIN(KEEP_MAX, KEEP_BYTES / class_bytes[c]));
}

static uint32_t pfn_of(const void *va)
{
	return (uint32_t)(virt_to_pa(va).v >> PAGE_SHIFT);
}

static void partial_add(uint32_t pfn, struct page *p)
{
	p->prev = 0;
	p->next = classes[p->owner].partial;
	if (p->next != 0)
		page_of_pfn(p->next)->prev = pfn;
	classes[p->owner].partial = pfn;
}

static void partial_remove(struct page *p)
{
	if (p->prev != 0)
		page_of_pfn(p->prev)->next = p->next;
	else
		classes[p->owner].partial = p->next;
	if (p->next != 0)
		page_of_pfn(p->next)->prev = p->prev;
	p->next = p->prev = 0;
}

/* A free object's first two bytes are the link to the next one. */
static uint16_t *object_at(uint32_t pfn, unsigned unit)
{
	return (uint16_t *)((char *)pa_to_virt(PA((uint64_t)pfn << PAGE_SHIFT)) + (size_t)unit * UNIT);
}

/* A new slab, in no list yet. 0 without memory. */
static uint32_t slab_create(unsigned c)
{
	void *va = page_alloc(0, 0);
	unsigned step = class_bytes[c] / UNIT;
	unsigned nr = (unsigned)(PAGE_SIZE / class_bytes[c]);
	struct page *p;
	uint32_t pfn;

	if (va == NULL)
		return 0;
	pfn = pfn_of(va);
	p = page_of_pfn(pfn);
	debug_heap_fresh(va, PAGE_SIZE);
	for (unsigned i = 0; i < nr; i++)
		*object_at(pfn, i * step) = (uint16_t)(i + 1 < nr ? (i + 1) * step : SLAB_FULL);
	p->state = PAGE_SLAB;
	p->owner = (uint8_t)c;
	p->slab.used = 0;
	p->slab.first = 0;
	return pfn;
}

/* One object of the first partial slab to k. Lock: the class's. */
static void slab_take(struct class *class, struct kept *k)
{
	uint32_t pfn = class->partial;
	struct page *p = page_of_pfn(pfn);
	uint16_t *obj = object_at(pfn, p->slab.first);

	p->slab.first = *obj;
	p->slab.used++;
	if (p->slab.first == SLAB_FULL)
		partial_remove(p);
	*(void **)(void *)obj = k->first;
	k->first = obj;
	k->nr++;
}

/* Half of what is kept. False without memory. */
static NOINLINE bool kept_fill(struct kept *k, unsigned c)
{
	struct class *class = &classes[c];
	bool none = READ_ONCE(class->partial) == 0;
	uint32_t fresh = none ? slab_create(c) : 0;

	spin_lock(&class->lock);
	if (fresh != 0)
		partial_add(fresh, page_of_pfn(fresh));
	while (k->nr < keep_max(c) / 2 && class->partial != 0)
		slab_take(class, k);
	spin_unlock(&class->lock);
	return k->nr > 0 || !none; /* others were quicker with what there was: once more */
}

/* An object back to its slab. True: the slab is empty and in no list any more. An empty slab stays when it is the last
 * of its class: that saves the next allocation the work. Lock: the class's. */
static bool slab_give(void *va, uint32_t pfn, struct page *p)
{
	unsigned unit = (unsigned)((uintptr_t)va & (PAGE_SIZE - 1)) / UNIT;

	ASSERT(p->slab.used > 0 && p->slab.first != unit);
	if (p->slab.first == SLAB_FULL)
		partial_add(pfn, p);
	*object_at(pfn, unit) = p->slab.first;
	p->slab.first = (uint16_t)unit;
	if (--p->slab.used != 0 || (p->next == 0 && p->prev == 0))
		return false;
	partial_remove(p);
	return true;
}

static void slab_destroy(uint32_t pfn)
{
	struct page *p = page_of_pfn(pfn);

	p->state = PAGE_USED;
	p->order = 0;
	p->refs = 1;
	page_free(pa_to_virt(PA((uint64_t)pfn << PAGE_SHIFT)), 0);
}

/* Half of what is kept goes back. */
static NOINLINE void kept_empty(struct kept *k, unsigned c)
{
	struct class *class = &classes[c];
	uint32_t empty = 0; /* slabs, linked by page.next */

	spin_lock(&class->lock);
	while (k->nr > keep_max(c) / 2) {
		void *va = k->first;
		uint32_t pfn = pfn_of(va);
		struct page *p = page_of_pfn(pfn);

		k->first = *(void **)va;
		k->nr--;
		debug_heap_fresh(va, LINK_BYTES);
		if (slab_give(va, pfn, p)) {
			p->next = empty;
			empty = pfn;
		}
	}
	spin_unlock(&class->lock);
	while (empty != 0) {
		uint32_t pfn = empty;

		empty = page_of_pfn(pfn)->next;
		slab_destroy(pfn);
	}
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
	heaps[percpu_id()].bytes_used += (int64_t)(PAGE_SIZE << order_of(bytes));
	debug_heap_give_pages(va, page_of_pfn(pfn_of(va)), bytes, caller);
	return va;
}

static void *alloc_object(size_t bytes, const void *caller)
{
	unsigned c = class_of(bytes + HEAP_TRAILER_BYTES);
	struct heap *heap = &heaps[percpu_id()];
	struct kept *k = &heap->kept[c];
	void *obj;

	while (unlikely(k->nr == 0))
		if (!kept_fill(k, c))
			return NULL;
	obj = k->first;
	k->first = *(void **)obj;
	k->nr--;
	heap->bytes_used += class_bytes[c];
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
	struct heap *heap = &heaps[percpu_id()];
	struct page *p;
	struct kept *k;

	if (va == NULL)
		return;
	p = page_of_pfn(pfn_of(va));
	heap->bytes_used -= (int64_t)object_bytes(p);
	if (p->state != PAGE_SLAB) {
		ASSERT(((uintptr_t)va & (PAGE_SIZE - 1)) == 0);
		debug_heap_take_pages(va, p);
		page_free(va, p->order);
		return;
	}
	k = &heap->kept[p->owner];
	ASSERT((uintptr_t)va % UNIT == 0 && va != k->first);
	debug_heap_take(va, object_bytes(p));
	if (unlikely(k->nr == keep_max(p->owner)))
		kept_empty(k, p->owner);
	*(void **)va = k->first;
	k->first = va;
	k->nr++;
}

size_t kmalloc_slot_bytes(unsigned size_class)
{
	return class_bytes[size_class];
}

size_t kmalloc_bytes_used(void)
{
	int64_t used = 0;

	for (unsigned i = 0; i < CAY_VCPU_MAX; i++)
		used += READ_ONCE(heaps[i].bytes_used);
	return (size_t)MAX(used, 0);
}
