/* SPDX-License-Identifier: MIT */
/* debug_heap.c - see debug_heap.h. */
#ifdef CAY_DEBUG
#include "kernel/mm/debug_heap.h"

#include "kernel/log.h"
#include "kernel/mm/page.h"
#include "lib/list.h"
#include "lib/string.h"

#define OBJECT_JUNK 0x5a
#define GUARD       0xcc /* between an object and its trailer */
#define PAGE_JUNK   0x6b6b6b6b6b6b6b6bull

/* The kernel's image begins where the lower half of an address is 0, and is smaller than that. */
uint64_t debug_caller(uint32_t kept)
{
	return CAY_KERNEL_GVA | kept;
}

/* Ends the VM, naming what was damaged and who asked for it (last). */
static NORETURN void damaged(const char *how, const void *what, size_t byte, uint32_t caller)
{
	uint64_t distance;
	const char *name = kernel_symbol(debug_caller(caller), &distance);

	panic("memory %s: byte %zu of %p, asked for by %s+%#lx", how, byte, what, name, distance);
}

/* Where the byte differs first; `bytes` when nowhere. */
static size_t first_other(const uint8_t *at, size_t bytes, uint8_t want)
{
	size_t i = 0;

	while (i < bytes && at[i] == want)
		i++;
	return i;
}

struct heap_trailer *debug_heap_trailer(void *slot, size_t slot_bytes)
{
	return (struct heap_trailer *)((char *)slot + slot_bytes - HEAP_TRAILER_BYTES);
}

void debug_heap_fresh(void *slab, size_t bytes)
{
	memset(slab, OBJECT_JUNK, bytes);
}

void debug_heap_give(void *slot, size_t slot_bytes, size_t link, size_t bytes, const void *caller)
{
	struct heap_trailer *t = debug_heap_trailer(slot, slot_bytes);
	uint8_t *at = slot;
	size_t checked = slot_bytes - sizeof(t->caller); /* the last owner stays known */
	size_t other = link + first_other(at + link, checked - link, OBJECT_JUNK);

	if (other != checked)
		damaged("was written after it was freed", slot, other, t->caller);
	memset(at + bytes, GUARD, slot_bytes - HEAP_TRAILER_BYTES - bytes);
	*t = (struct heap_trailer){.state = HEAP_GIVEN, .bytes = (uint32_t)bytes, .caller = (uint32_t)(uint64_t)caller};
}

void debug_heap_take(void *slot, size_t slot_bytes)
{
	struct heap_trailer *t = debug_heap_trailer(slot, slot_bytes);
	size_t room = slot_bytes - HEAP_TRAILER_BYTES, other;

	if (t->state != HEAP_GIVEN || t->bytes > room)
		damaged("was freed twice, or its trailer overwritten", slot, 0, t->caller);
	other = first_other((uint8_t *)slot + t->bytes, room - t->bytes, GUARD);
	if (other != room - t->bytes)
		damaged("was written beyond its end", slot, t->bytes + other, t->caller);
	memset(slot, OBJECT_JUNK, slot_bytes - sizeof(t->caller));
}

size_t debug_heap_page_bytes(const struct page *p)
{
	return p->next;
}

void debug_heap_give_pages(void *va, struct page *p, size_t bytes, const void *caller)
{
	p->next = (uint32_t)bytes;
	p->prev = (uint32_t)(uint64_t)caller;
	memset((char *)va + bytes, GUARD, (PAGE_SIZE << p->order) - bytes);
}

void debug_heap_take_pages(void *va, const struct page *p)
{
	size_t rest = (PAGE_SIZE << p->order) - p->next;
	size_t other = first_other((uint8_t *)va + p->next, rest, GUARD);

	if (other != rest)
		damaged("was written beyond its end", va, p->next + other, p->prev);
}

/* caller: who gets it now. Who had it before is not known any more. */
static void check_page(const uint64_t *at, uint32_t caller)
{
	uint64_t want = at[0] == 0 ? 0 : PAGE_JUNK;

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*at); i++)
		if (at[i] != want)
			damaged("was written after it was freed", at, i * sizeof(*at), caller);
}

void debug_pages_give(void *va, struct page *p, unsigned order, const void *caller)
{
	for (size_t i = 0; !p->zero && i < 1ul << order; i++)
		check_page((const uint64_t *)((char *)va + i * PAGE_SIZE), (uint32_t)(uint64_t)caller);
	p->next = 0;
	p->prev = (uint32_t)(uint64_t)caller;
}

void debug_pages_take(void *va, unsigned order)
{
	uint64_t *at = va;

	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*at); i++)
		at[i] = PAGE_JUNK;
}

/* lib/list.h */
NORETURN void list_damaged(const struct list *l)
{
	panic("the links of a list are damaged at %p: next %p, prev %p", (const void *)l, (const void *)l->next,
	      (const void *)l->prev);
}
#endif
