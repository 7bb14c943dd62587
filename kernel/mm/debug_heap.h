/* SPDX-License-Identifier: MIT */
/*
 * debug_heap.h - what the debug build (make DEBUG=1) does to memory that is handed out and taken back; nothing in
 * others. Freed memory is filled with junk, which must still be there when it is handed out again: whoever wrote to it
 * meanwhile used it after its end. Behind each object of kmalloc is a trailer with its size and who asked for it; what
 * lies between object and trailer must not change. A damage is a panic that names the object's owner.
 */
#ifndef CAY_KERNEL_MM_DEBUG_HEAP_H
#define CAY_KERNEL_MM_DEBUG_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/mm/page.h"

#ifdef CAY_DEBUG

/* At the end of an object's slot. */
struct heap_trailer {
	uint32_t state;  /* HEAP_GIVEN; anything else: not handed out */
	uint32_t bytes;  /* asked for */
	uint32_t mark;   /* debug_leak.c */
	uint32_t caller; /* debug_caller() makes it an address */
};
#define HEAP_GIVEN 0x6e657669u

#define HEAP_TRAILER_BYTES sizeof(struct heap_trailer)

/* A slot of a slab is handed out; its first `link` bytes were the allocator's. */
void debug_heap_give(void *slot, size_t slot_bytes, size_t link, size_t bytes, const void *caller);
/* It comes back. Panics on a double free, and on writes beyond the object's end. */
void debug_heap_take(void *slot, size_t slot_bytes);
/* Fills a new slab's slots as if they had been taken back. */
void debug_heap_fresh(void *slab, size_t bytes);
struct heap_trailer *debug_heap_trailer(void *slot, size_t slot_bytes);

/* The same for an object that is whole pages: size and owner are in the descriptor. */
void debug_heap_give_pages(void *va, struct page *p, size_t bytes, const void *caller);
void debug_heap_take_pages(void *va, const struct page *p);
size_t debug_heap_page_bytes(const struct page *p);

/* Pages: who has them; junk in, junk still there. Pages of zeros are not looked at. */
void debug_pages_give(void *va, struct page *p, unsigned order, const void *caller);
void debug_pages_take(void *va, unsigned order);
uint64_t debug_caller(uint32_t kept); /* page.prev, trailer.caller */
static inline void debug_page_inherit(struct page *piece, const struct page *block)
{
	piece->prev = block->prev;
}

#else

#define HEAP_TRAILER_BYTES 0ul

static inline void debug_heap_give(void *slot, size_t slot_bytes, size_t link, size_t bytes, const void *caller)
{
	(void)slot, (void)slot_bytes, (void)link, (void)bytes, (void)caller;
}

static inline void debug_heap_take(void *slot, size_t slot_bytes)
{
	(void)slot, (void)slot_bytes;
}

static inline void debug_heap_fresh(void *slab, size_t bytes)
{
	(void)slab, (void)bytes;
}

static inline void debug_heap_give_pages(void *va, struct page *p, size_t bytes, const void *caller)
{
	(void)va, (void)p, (void)bytes, (void)caller;
}

static inline void debug_heap_take_pages(void *va, const struct page *p)
{
	(void)va, (void)p;
}

static inline void debug_pages_give(void *va, struct page *p, unsigned order, const void *caller)
{
	(void)va, (void)p, (void)order, (void)caller;
}

static inline void debug_page_inherit(struct page *piece, const struct page *block)
{
	(void)piece, (void)block;
}

static inline void debug_pages_take(void *va, unsigned order)
{
	(void)va, (void)order;
}

#endif
#endif
