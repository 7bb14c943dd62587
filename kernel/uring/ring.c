/* SPDX-License-Identifier: MIT */
/*
 * ring.c - the memory a ring shares with the program: entries taken out of the submission queue, completions put into
 * the completion queue. The program may write all of it at any time: each of its words is read once, and no position
 * or size of ours is ever read back.
 */
#include <errno.h>

#include "kernel/fs/eventfd.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/uring/uring_priv.h"
#include "lib/string.h"

#include <poll.h>
#include <stddef.h>

_Static_assert(sizeof(struct io_uring_sqe) == 64 && sizeof(struct io_uring_cqe) == 16, "the plain formats");
_Static_assert(sizeof(struct uring_shared) + URING_CQ_MAX * 16ull + URING_SQ_MAX * 4ull <= PAGE_SIZE << PAGE_ORDER_MAX,
	       "the largest ring is one block of pages");
_Static_assert(URING_SQ_MAX * 64ull <= PAGE_SIZE << PAGE_ORDER_MAX, "and so are its entries");

static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

static void *alloc_pages(size_t bytes, unsigned *order)
{
	void *p;

	*order = order_of(bytes);
	p = page_alloc(*order, PAGE_ZERO);
	if (p != NULL)
		page_split(virt_to_pa(p), *order); /* each page is counted by itself once it is mapped */
	return p;
}

static void free_pages(void *p, unsigned order)
{
	for (size_t i = 0; p != NULL && i < 1ul << order; i++)
		page_unref(virt_to_pa((char *)p + i * PAGE_SIZE), 0);
}

static size_t array_offset(const struct uring *ring)
{
	return sizeof(struct uring_shared) + ring->cq_entries * sizeof(struct io_uring_cqe);
}

int ring_alloc(struct uring *ring)
{
	size_t bytes = array_offset(ring) + ring->sq_entries * sizeof(uint32_t);

	ring->shared = alloc_pages(bytes, &ring->shared_order);
	ring->sqes = alloc_pages(ring->sq_entries * sizeof(struct io_uring_sqe), &ring->sqes_order);
	if (ring->shared == NULL || ring->sqes == NULL) {
		ring_free(ring);
		return -ENOMEM;
	}
	ring->sq_array = (uint32_t *)((char *)ring->shared + array_offset(ring));
	ring->shared->sq_mask = ring->sq_entries - 1;
	ring->shared->sq_entries = ring->sq_entries;
	ring->shared->cq_mask = ring->cq_entries - 1;
	ring->shared->cq_entries = ring->cq_entries;
	return 0;
}

void ring_free(struct uring *ring)
{
	free_pages(ring->shared, ring->shared_order);
	free_pages(ring->sqes, ring->sqes_order);
	ring->shared = NULL;
	ring->sqes = NULL;
}

void ring_offsets(const struct uring *ring, struct io_uring_params *p)
{
	p->sq_off = (struct io_sqring_offsets){
		.head = offsetof(struct uring_shared, sq_head),
		.tail = offsetof(struct uring_shared, sq_tail),
		.ring_mask = offsetof(struct uring_shared, sq_mask),
		.ring_entries = offsetof(struct uring_shared, sq_entries),
		.flags = offsetof(struct uring_shared, sq_flags),
		.dropped = offsetof(struct uring_shared, sq_dropped),
		.array = (uint32_t)array_offset(ring),
	};
	p->cq_off = (struct io_cqring_offsets){
		.head = offsetof(struct uring_shared, cq_head),
		.tail = offsetof(struct uring_shared, cq_tail),
		.ring_mask = offsetof(struct uring_shared, cq_mask),
		.ring_entries = offsetof(struct uring_shared, cq_entries),
		.overflow = offsetof(struct uring_shared, cq_overflow),
		.cqes = offsetof(struct uring_shared, cqes),
		.flags = offsetof(struct uring_shared, cq_flags),
	};
}

/* The three places of io_uring_setup(2), of which the first two are one: the pages there, and their number. */
static char *place(const struct uring *ring, uint64_t offset, uint64_t *nr_pages)
{
	switch (offset & IORING_OFF_MMAP_MASK) {
	case IORING_OFF_SQ_RING:
	case IORING_OFF_CQ_RING:
		*nr_pages = 1ul << ring->shared_order;
		return (char *)ring->shared;
	case IORING_OFF_SQES:
		*nr_pages = 1ul << ring->sqes_order;
		return (char *)ring->sqes;
	default:
		return NULL;
	}
}

int ring_check_map(struct file *f, uint64_t offset, uint64_t bytes)
{
	uint64_t page = (offset & ~(uint64_t)IORING_OFF_MMAP_MASK) >> PAGE_SHIFT, nr_pages;

	if (place(f->priv, offset, &nr_pages) == NULL)
		return -EINVAL;
	return page >= nr_pages || bytes >> PAGE_SHIFT > nr_pages - page ? -EINVAL : 0;
}

int ring_map(struct file *f, uint64_t pgoff, size_t nr, bool write, struct page_run *run)
{
	uint64_t offset = pgoff << PAGE_SHIFT, nr_pages;
	uint64_t page = (offset & ~(uint64_t)IORING_OFF_MMAP_MASK) >> PAGE_SHIFT;
	char *memory = place(f->priv, offset, &nr_pages);

	(void)write;
	if (memory == NULL || page >= nr_pages)
		return -EINVAL;
	*run = (struct page_run){.pa = virt_to_pa(memory + page * PAGE_SIZE),
				 .nr = MIN(nr, (size_t)(nr_pages - page)),
				 .counted = true,
				 .writable = true};
	return 0;
}

bool ring_sq_full(const struct uring *ring)
{
	return __atomic_load_n(&ring->shared->sq_tail, __ATOMIC_RELAXED) - ring->sq_head >= ring->sq_entries;
}

bool ring_take_sqe(struct uring *ring, struct io_uring_sqe *out)
{
	/* Pairs with the program's release of the tail behind the entries it has filled in. */
	uint32_t tail = __atomic_load_n(&ring->shared->sq_tail, __ATOMIC_ACQUIRE);
	uint32_t index;

	if (tail == ring->sq_head)
		return false;
	index = READ_ONCE(ring->sq_array[ring->sq_head & (ring->sq_entries - 1)]);
	if (index < ring->sq_entries) {
		memcpy(out, &ring->sqes[index], sizeof(*out));
		__asm__ volatile("" ::: "memory"); /* from here on the copy counts */
	} else {
		WRITE_ONCE(ring->shared->sq_dropped, ring->shared->sq_dropped + 1);
	}
	/* The program may use the entry again. */
	__atomic_store_n(&ring->shared->sq_head, ++ring->sq_head, __ATOMIC_RELEASE);
	return index < ring->sq_entries;
}

/* What the program has not taken yet. A head that cannot be reads as a full ring. */
uint32_t ring_cq_ready(const struct uring *ring)
{
	return ring->cq_tail - __atomic_load_n(&ring->shared->cq_head, __ATOMIC_ACQUIRE);
}

bool ring_cq_full(const struct uring *ring)
{
	return ring->nr_overflow > 0 || ring_cq_ready(ring) >= ring->cq_entries;
}

static void put_cqe(struct uring *ring, uint64_t user_data, int32_t res, uint32_t flags)
{
	struct io_uring_cqe *cqe = &ring->shared->cqes[ring->cq_tail & (ring->cq_entries - 1)];

	cqe->user_data = user_data;
	cqe->res = res;
	cqe->flags = flags;
	/* Pairs with the program's acquire of the tail. */
	__atomic_store_n(&ring->shared->cq_tail, ++ring->cq_tail, __ATOMIC_RELEASE);
}

/* sq_flags has one writer, us; what the program may have written there is not kept. */
static void say_overflow(struct uring *ring, bool overflow)
{
	__atomic_store_n(&ring->shared->sq_flags, overflow ? IORING_SQ_CQ_OVERFLOW : 0u, __ATOMIC_RELEASE);
}

static void put_overflow(struct uring *ring, uint64_t user_data, int32_t res, uint32_t flags)
{
	struct uring_overflow *o = ring->nr_overflow < URING_OVERFLOW_MAX ? kmalloc(sizeof(*o)) : NULL;

	if (o == NULL) {
		WRITE_ONCE(ring->shared->cq_overflow, ring->shared->cq_overflow + 1);
		return;
	}
	*o = (struct uring_overflow){.user_data = user_data, .res = res, .flags = flags};
	list_push_back(&ring->overflow, &o->link);
	ring->nr_overflow++;
	say_overflow(ring, true);
}

bool ring_flush_overflow(struct uring *ring)
{
	while (ring->nr_overflow > 0 && ring_cq_ready(ring) < ring->cq_entries) {
		struct uring_overflow *o = list_first(&ring->overflow, struct uring_overflow, link);

		list_remove(&o->link);
		ring->nr_overflow--;
		put_cqe(ring, o->user_data, o->res, o->flags);
		kfree(o);
		if (ring->nr_overflow == 0)
			say_overflow(ring, false);
	}
	return ring->nr_overflow == 0;
}

static void tell_eventfd(struct uring *ring)
{
	if (ring->eventfd == NULL || (READ_ONCE(ring->shared->cq_flags) & IORING_CQ_EVENTFD_DISABLED))
		return;
	eventfd_add(ring->eventfd, 1);
}

void ring_post(struct uring *ring, uint64_t user_data, int32_t res, uint32_t flags, bool counts)
{
	if (ring_cq_full(ring))
		put_overflow(ring, user_data, res, flags);
	else
		put_cqe(ring, user_data, res, flags);
	if (counts)
		uring_count_completion(ring);
	waitq_wake(&ring->wait_wq, 0);
	waitq_wake(&ring->poll_wq, POLLIN | POLLRDNORM);
	tell_eventfd(ring);
}
