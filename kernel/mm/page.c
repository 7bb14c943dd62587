/* SPDX-License-Identifier: MIT */
/*
 * page.c - the buddy allocator behind page.h.
 * RAM is cut into 2 MiB regions. A region joins the allocator ("is opened") when everything opened before is used up;
 * its 512 descriptors come into being then.
 * Invariant: a free block is in the list of its order, and its buddy is not a free block of the same order.
 * Lock: `lock` guards `mem` and the descriptors of free blocks, and pins, splits and whole huge pages against another.
 */
#include "kernel/mm/page.h"

#include "abi/boot_info.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/log.h"
#include "kernel/mm/debug_heap.h"
#include "kernel/mm/page_priv.h"
#include "kernel/mm/percpu.h"
#include "kernel/sched/spinlock.h"
#include "lib/string.h"

#define REGION_PAGES      (1u << HUGE_ORDER)
#define REGION_DESC_PAGES 2 /* for the descriptors of a region */
#define DESC_BATCH        16

_Static_assert(REGION_PAGES * sizeof(struct page) == PAGE_SIZE * REGION_DESC_PAGES, "descriptors of a region");

/* Blocks known to be zero are at the back, others at the front: each request finds its kind first. Huge blocks that are
 * zero have a list of their own: the host has no memory behind them, so others are used first, even if cleared for it.
 */
struct free_list {
	uint32_t first, last;
};

static struct {
	struct page **region; /* descriptors, NULL while not opened */
	size_t nr_regions;
	size_t next_region;     /* all from here on are not opened */
	struct page *desc_next; /* zeroed memory for the descriptors of the next desc_left regions */
	size_t desc_left;
	uint32_t end_pfn;
	size_t nr_free, nr_total;
	uint32_t low_pfn, low_end_pfn; /* small pages in region 0, opened after all others; empty when it is */
	struct free_list free[PAGE_ORDER_MAX + 1];
	struct free_list bare;   /* huge blocks of zeros */
	size_t idle, idle_least; /* huge blocks in free[] that the host backs; the fewest since the last look */
	size_t nr_returning;     /* pages on their way to the host: they count as free */
	uint32_t keep_pfn;       /* frames below are never given back to the host */
} mem;
static struct spinlock lock = SPINLOCK_INIT("pages");

static void (*announce)(pa_t pa, size_t bytes);

void page_set_announce(void (*fn)(pa_t pa, size_t bytes))
{
	announce = fn;
}

static bool (*attach)(pa_t end);

void page_set_attach(bool (*fn)(pa_t end))
{
	attach = fn;
}

static void (*idle_told)(void);
static size_t idle_max = SIZE_MAX;

void page_set_idle(size_t max, uint64_t keep_bytes, void (*fn)(void))
{
	mem.keep_pfn = (uint32_t)(keep_bytes >> PAGE_SHIFT);
	idle_told = fn;
	idle_max = max;
}

struct page *page_of_pfn(uint32_t pfn)
{
	return &mem.region[pfn / REGION_PAGES][pfn % REGION_PAGES];
}

struct page *page_of_any_pfn(uint64_t pfn)
{
	return pfn < mem.end_pfn && mem.region[pfn / REGION_PAGES] != NULL ? page_of_pfn((uint32_t)pfn) : NULL;
}

bool pa_is_ram(pa_t pa)
{
	return pa.v >> PAGE_SHIFT < mem.end_pfn;
}

static uint32_t pfn_of(const void *va)
{
	return (uint32_t)(virt_to_pa(va).v >> PAGE_SHIFT);
}

static void *pfn_to_virt(uint32_t pfn)
{
	return pa_to_virt(PA((uint64_t)pfn << PAGE_SHIFT));
}

static struct free_list *list_for(const struct page *p)
{
	return p->order == HUGE_ORDER && p->zero ? &mem.bare : &mem.free[p->order];
}

/* A huge block that the host backs has come or gone. */
static void count_idle(const struct free_list *l, int n)
{
	if (l != &mem.free[HUGE_ORDER])
		return;
	mem.idle += (size_t)n;
	mem.idle_least = MIN(mem.idle_least, mem.idle);
}

static void list_unlink(struct page *p)
{
	struct free_list *l = list_for(p);

	if (p->prev != 0)
		page_of_pfn(p->prev)->next = p->next;
	else
		l->first = p->next;
	if (p->next != 0)
		page_of_pfn(p->next)->prev = p->prev;
	else
		l->last = p->prev;
	p->next = p->prev = 0;
	count_idle(l, -1);
}

static void list_link(uint32_t pfn, struct page *p)
{
	struct free_list *l = list_for(p);

	count_idle(l, 1);
	if (l->first == 0) {
		p->next = p->prev = 0;
		l->first = l->last = pfn;
	} else if (p->zero) {
		p->prev = l->last;
		p->next = 0;
		page_of_pfn(l->last)->next = pfn;
		l->last = pfn;
	} else {
		p->next = l->first;
		p->prev = 0;
		page_of_pfn(l->first)->prev = pfn;
		l->first = pfn;
	}
}

/* Joins with free buddies as far as possible. */
static void block_free(uint32_t pfn, unsigned order, bool zero)
{
	struct page *p = page_of_pfn(pfn);

	mem.nr_free += 1ul << order;
	p->refs = 0; /* descriptors inside a block count pins: page_pin */
	while (order < PAGE_ORDER_MAX) {
		uint32_t buddy_pfn = pfn ^ 1u << order;
		struct page *buddy = page_of_pfn(buddy_pfn);

		if (buddy->state != PAGE_FREE || buddy->order != order)
			break;
		list_unlink(buddy);
		zero = zero && buddy->zero;
		p->state = buddy->state = PAGE_TAIL;
		pfn &= ~(1u << order);
		p = page_of_pfn(pfn);
		order++;
	}
	p->state = PAGE_FREE;
	p->order = (uint8_t)order;
	p->zero = zero;
	list_link(pfn, p);
}

/* Frees [pfn, end), inside one region, in the largest aligned blocks. */
static void range_free(uint32_t pfn, uint32_t end, bool zero)
{
	while (pfn < end) {
		unsigned order = 0;

		while (order < PAGE_ORDER_MAX && (pfn & ((2u << order) - 1)) == 0 && pfn + (2u << order) <= end)
			order++;
		block_free(pfn, order, zero);
		pfn += 1u << order;
	}
}

static uint32_t block_take(unsigned order, bool want_zero)
{
	const struct free_list *l;
	unsigned o = order;
	uint32_t pfn;
	struct page *p;
	bool zero;

	while (o < PAGE_ORDER_MAX && mem.free[o].first == 0)
		o++;
	l = o == PAGE_ORDER_MAX && mem.free[o].first == 0 ? &mem.bare : &mem.free[o];
	if (l->first == 0)
		return 0;
	pfn = want_zero ? l->last : l->first;
	p = page_of_pfn(pfn);
	ASSERT(p->state == PAGE_FREE && p->order == o);
	list_unlink(p);
	zero = p->zero;
	while (o > order) { /* give the upper half back */
		struct page *half = page_of_pfn(pfn + (1u << --o));

		half->state = PAGE_FREE;
		half->order = (uint8_t)o;
		half->zero = zero;
		list_link(pfn + (1u << o), half);
	}
	p->state = PAGE_USED;
	p->order = (uint8_t)order;
	p->refs = 1;
	p->zero = zero;
	mem.nr_free -= 1ul << order;
	return pfn;
}

/*
 * Memory for the descriptors of up to DESC_BATCH further regions, from the start of free memory at *pfn. In batches, so
 * that most regions stay whole. What is not used of a batch is never touched.
 */
static void desc_reserve(uint32_t *pfn)
{
	mem.desc_next = pfn_to_virt(*pfn);
	mem.desc_left = MIN(mem.nr_regions - mem.next_region, (size_t)DESC_BATCH);
	*pfn += (uint32_t)mem.desc_left * REGION_DESC_PAGES;
}

static void region_add(uint32_t start, uint32_t end)
{
	mem.region[mem.next_region++] = mem.desc_next;
	mem.desc_next += REGION_PAGES;
	mem.desc_left--;
	range_free(start, end, true);
}

/* The start of RAM, which describes itself. */
static bool low_open(void)
{
	uint32_t start = mem.low_pfn, end = mem.low_end_pfn;

	if (start == end)
		return false;
	mem.low_pfn = end;
	mem.nr_free -= end - start;
	mem.region[0] = pfn_to_virt(start);
	range_free(start + REGION_DESC_PAGES, end, true);
	return true;
}

static bool region_open(void)
{
	uint32_t start, end;

	if (mem.next_region >= mem.nr_regions)
		return low_open();
	start = (uint32_t)(mem.next_region * REGION_PAGES);
	end = MIN(start + REGION_PAGES, mem.end_pfn);
	if (attach != NULL && !attach(PA((uint64_t)end << PAGE_SHIFT)))
		return low_open();
	mem.nr_free -= end - start; /* what is not opened counts as free: taken out here, put in by range_free */
	if (mem.desc_left == 0)
		desc_reserve(&start);
	if (start >= end) {
		mem.next_region = mem.nr_regions; /* a last region too small to describe itself */
		return low_open();
	}
	region_add(start, end);
	return true;
}

uint32_t page_take_block(unsigned order, bool want_zero)
{
	uint32_t pfn;

	spin_lock(&lock);
	do {
		pfn = block_take(order, want_zero);
	} while (pfn == 0 && region_open());
	spin_unlock(&lock);
	return pfn;
}

/* Our own single pages may be what a block lacks. */
static uint32_t take_block_or_join(unsigned order, bool want_zero)
{
	uint32_t pfn = page_take_block(order, want_zero);

	if (pfn == 0 && smp_active) {
		page_local_drop();
		pfn = page_take_block(order, want_zero);
	}
	return pfn;
}

void *page_alloc(unsigned order, unsigned flags)
{
	bool want_zero = flags & PAGE_ZERO;
	uint32_t pfn;
	void *va;

	ASSERT(order <= PAGE_ORDER_MAX);
	pfn = order == 0 && smp_active ? page_local_take(want_zero) : take_block_or_join(order, want_zero);
	if (pfn == 0)
		return NULL;
	va = pfn_to_virt(pfn);
	if (announce != NULL)
		announce(virt_to_pa(va), PAGE_SIZE << order);
	debug_pages_give(va, page_of_pfn(pfn), order, __builtin_return_address(0));
	if (want_zero && !page_of_pfn(pfn)->zero)
		memset(va, 0, PAGE_SIZE << order);
	return va;
}

static void tell_idle(void)
{
	if (unlikely(READ_ONCE(mem.idle) > idle_max))
		idle_told();
}

/* A block without references goes back. */
static void give_back(uint32_t pfn, unsigned order)
{
	debug_pages_take(pfn_to_virt(pfn), order);
	if (order == 0 && smp_active) {
		page_local_give(pfn, false);
		return;
	}
	spin_lock(&lock);
	block_free(pfn, order, false);
	spin_unlock(&lock);
	tell_idle();
}

void page_give_pages(const uint32_t *pfn, unsigned nr)
{
	spin_lock(&lock);
	for (unsigned i = 0; i < nr; i++)
		block_free(pfn[i], 0, page_of_pfn(pfn[i])->zero);
	spin_unlock(&lock);
	tell_idle();
}

void page_free(void *va, unsigned order)
{
	uint32_t pfn = pfn_of(va);
	struct page *p = page_of_pfn(pfn);

	ASSERT(p->state == PAGE_USED && p->order == order && p->refs == 1);
	give_back(pfn, order);
}

/* Returns the new count. */
static uint32_t refs_add(struct page *p, int32_t n)
{
	return smp_active ? __atomic_add_fetch(&p->refs, (uint32_t)n, __ATOMIC_ACQ_REL) : (p->refs += (uint32_t)n);
}

void page_ref(pa_t pa)
{
	struct page *p = page_of_pfn((uint32_t)(pa.v >> PAGE_SHIFT));

	ASSERT(p->state == PAGE_USED && p->refs != UINT32_MAX);
	refs_add(p, 1);
}

void page_unref(pa_t pa, unsigned order)
{
	struct page *p = page_of_pfn((uint32_t)(pa.v >> PAGE_SHIFT));

	ASSERT(p->state == PAGE_USED && p->refs != 0 && p->order == order);
	if (refs_add(p, -1) == 0)
		give_back((uint32_t)(pa.v >> PAGE_SHIFT), order);
}

unsigned page_refcount(pa_t pa)
{
	return READ_ONCE(page_of_pfn((uint32_t)(pa.v >> PAGE_SHIFT))->refs);
}

void page_split(pa_t pa, unsigned order)
{
	struct page *p = page_of_pfn((uint32_t)(pa.v >> PAGE_SHIFT));
	uint32_t pins = 0;

	spin_lock(&lock);
	ASSERT(p->state == PAGE_USED && p->order == order && p->refs != 0);
	p->order = 0;
	for (uint32_t i = 1; i < 1u << order; i++) {
		pins += p[i].refs;
		p[i].refs++;
		p[i].state = PAGE_USED;
		p[i].order = 0;
		debug_page_inherit(&p[i], p);
	}
	refs_add(p, -(int32_t)pins);
	spin_unlock(&lock);
}

/*
 * Descriptors of the page at pa and of the huge block that it is inside of (or its own). False for memory that was
 * never free, like the kernel image: it stays anyway.
 */
static bool pin_find(pa_t pa, struct page **p, struct page **head)
{
	uint32_t pfn = (uint32_t)(pa.v >> PAGE_SHIFT);

	if (mem.region[pfn / REGION_PAGES] == NULL)
		return false;
	*p = *head = page_of_pfn(pfn);
	if ((*p)->state == PAGE_USED && (*p)->order == 0)
		return true;
	*head = page_of_pfn(pfn & ~(REGION_PAGES - 1));
	return (*head)->state == PAGE_USED && (*head)->order == HUGE_ORDER;
}

void page_pin(pa_t pa)
{
	struct page *p, *head;

	spin_lock(&lock);
	if (pin_find(pa, &p, &head)) {
		refs_add(p, 1);
		if (head != p)
			refs_add(head, 1);
	}
	spin_unlock(&lock);
}

void page_unpin(pa_t pa)
{
	struct page *p, *head;
	bool last = false;

	spin_lock(&lock);
	if (pin_find(pa, &p, &head)) {
		if (head != p)
			refs_add(p, -1);
		last = refs_add(head, -1) == 0; /* then nobody else knows the block any more */
	}
	spin_unlock(&lock);
	if (last)
		give_back((uint32_t)(pa.v >> PAGE_SHIFT) & ~((1u << head->order) - 1), head->order);
}

size_t page_nr_free(void)
{
	return READ_ONCE(mem.nr_free) + READ_ONCE(mem.nr_returning) + (smp_active ? page_local_nr() : 0);
}

size_t page_nr_total(void)
{
	return mem.nr_total;
}

static void low_init(const struct cay_boot_info *info)
{
	uint32_t start = (uint32_t)(info->low_free_gpa >> PAGE_SHIFT),
		 end = (uint32_t)(info->low_free_end_gpa >> PAGE_SHIFT);

	ASSERT(start <= end && end <= REGION_PAGES);
	if (end - start <= REGION_DESC_PAGES || mem.region[0] != NULL)
		return;
	mem.low_pfn = start;
	mem.low_end_pfn = end;
	mem.nr_free += end - start;
}

size_t page_idle_blocks(size_t *least)
{
	size_t idle;

	spin_lock(&lock);
	idle = mem.idle;
	*least = mem.idle_least;
	mem.idle_least = idle;
	spin_unlock(&lock);
	return idle;
}

bool page_idle_take(pa_t *pa)
{
	uint32_t pfn;

	spin_lock(&lock);
	pfn = mem.free[HUGE_ORDER].last; /* free for longest */
	while (pfn != 0 && pfn < mem.keep_pfn)
		pfn = page_of_pfn(pfn)->prev;
	if (pfn != 0) {
		struct page *p = page_of_pfn(pfn);

		list_unlink(p);
		p->state = PAGE_USED;
		mem.nr_free -= REGION_PAGES;
		mem.nr_returning += REGION_PAGES;
	}
	spin_unlock(&lock);
	*pa = PA((uint64_t)pfn << PAGE_SHIFT);
	return pfn != 0;
}

void page_idle_return(pa_t pa, bool zero)
{
	spin_lock(&lock);
	mem.nr_returning -= REGION_PAGES;
	block_free((uint32_t)(pa.v >> PAGE_SHIFT), HUGE_ORDER, zero);
	spin_unlock(&lock);
}

void page_init(const struct cay_boot_info *info)
{
	uint64_t at = ALIGN_UP(info->first_free_gpa, PAGE_SIZE);
	uint32_t pfn, end;

	memset(&mem, 0, sizeof(mem));
	page_local_init();
	mem.end_pfn = (uint32_t)(info->ram_bytes >> PAGE_SHIFT);
	mem.nr_regions = (mem.end_pfn + REGION_PAGES - 1) / REGION_PAGES;
	mem.nr_total = mem.end_pfn;
	mem.region = pa_to_virt(PA(at));
	pfn = (uint32_t)((at + ALIGN_UP(mem.nr_regions * sizeof(struct page *), PAGE_SIZE)) >> PAGE_SHIFT);

	/* The region in which free memory begins; frames below stay PAGE_TAIL and are never freed. */
	mem.next_region = pfn / REGION_PAGES;
	desc_reserve(&pfn);
	mem.next_region = pfn / REGION_PAGES; /* it may have moved */
	end = MIN((uint32_t)(mem.next_region + 1) * REGION_PAGES, mem.end_pfn);
	ASSERT(pfn < end);
	region_add(pfn, end);
	if (mem.end_pfn > end)
		mem.nr_free += mem.end_pfn - end;
	low_init(info);
	paging_init(info);
}
