/* SPDX-License-Identifier: MIT */
/*
 * lock_order.c - debug builds: finds two spin locks that are taken in both orders, before two CPUs deadlock over them.
 * Locks of one name are one class. For each pair of classes it is remembered where the second was first taken under the
 * first; taking a lock while holding one that is reachable from it along such pairs is a panic that names both places.
 */
#ifdef CAY_DEBUG
#include "abi/layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/log.h"
#include "kernel/sched/spinlock.h"
#include "lib/string.h"

#define CLASSES  64
#define HELD_MAX 16

static const char *class_name[CLASSES + 1]; /* from 1 */
static unsigned nr_classes;
static uint32_t table_lock;
static uint64_t taken_under[CLASSES + 1]; /* [a]: bit b - 1: b was taken while a was held */
/* [a][b]: where that was first seen, as an offset in the kernel's image, whose room is small. */
static uint32_t first_place[CLASSES + 1][CLASSES + 1];

static struct held {
	struct {
		struct spinlock *lock;
		const char *place;
	} lock[HELD_MAX];
	unsigned nr;
} held[CAY_VCPU_MAX];

static struct held *held_here(void)
{
	return &held[cpu_this()->id];
}

static uint32_t class_of(struct spinlock *l)
{
	uint32_t c = READ_ONCE(l->class);

	if (c != 0 || l->name == NULL)
		return c;
	while (__atomic_exchange_n(&table_lock, 1, __ATOMIC_ACQUIRE) != 0)
		cpu_relax();
	for (c = 1; c <= nr_classes && strcmp(class_name[c], l->name) != 0;)
		c++;
	if (c > nr_classes) {
		if (nr_classes == CLASSES)
			panic("more than %d classes of locks", CLASSES);
		class_name[++nr_classes] = l->name;
	}
	__atomic_store_n(&table_lock, 0, __ATOMIC_RELEASE);
	WRITE_ONCE(l->class, c);
	return c;
}

static uint64_t bit(uint32_t class)
{
	return 1ull << (class - 1);
}

/* All classes that were seen taken under `class`, directly or along others. */
static uint64_t reachable(uint32_t class)
{
	uint64_t seen = 0, next = READ_ONCE(taken_under[class]);

	while ((next &= ~seen) != 0) {
		uint32_t c = (uint32_t)__builtin_ctzll(next) + 1;

		seen |= bit(c);
		next |= READ_ONCE(taken_under[c]);
	}
	return seen;
}

/* Where `to` was first taken on the way from `from`. */
static const char *place_between(uint32_t from, uint32_t to)
{
	if (first_place[from][to] != 0)
		return (const char *)(CAY_KERNEL_GVA + first_place[from][to]);
	for (uint32_t c = 1; c <= nr_classes; c++)
		if (first_place[c][to] != 0)
			return (const char *)(CAY_KERNEL_GVA + first_place[c][to]);
	return "?";
}

void lock_order_taking(struct spinlock *l, const char *place, bool nested)
{
	struct held *h = held_here();
	uint32_t new = class_of(l);

	for (unsigned i = 0; i < h->nr; i++) {
		uint32_t old = class_of(h->lock[i].lock);

		if (h->lock[i].lock == l)
			panic("lock %s taken twice: at %s and at %s", l->name != NULL ? l->name : "(no name)",
			      h->lock[i].place, place);
		if (old == 0 || new == 0)
			continue;
		if (old == new) {
			if (!nested)
				panic("two locks of class %s: at %s and at %s", l->name, h->lock[i].place, place);
			continue;
		}
		if (reachable(new) & bit(old))
			panic("locks in both orders: %s then %s at %s, the other way round at %s", class_name[old],
			      l->name, place, place_between(new, old));
		if (first_place[old][new] == 0)
			first_place[old][new] = (uint32_t)((uint64_t)place - CAY_KERNEL_GVA);
		__atomic_fetch_or(&taken_under[old], bit(new), __ATOMIC_RELAXED);
	}
}

void lock_order_taken(struct spinlock *l, const char *place)
{
	struct held *h = held_here();

	if (h->nr == HELD_MAX)
		panic("more than %d locks held, at %s", HELD_MAX, place);
	h->lock[h->nr].lock = l;
	h->lock[h->nr++].place = place;
}

void lock_order_released(struct spinlock *l)
{
	struct held *h = held_here();

	for (unsigned i = h->nr; i-- > 0;) {
		if (h->lock[i].lock != l)
			continue;
		for (h->nr--; i < h->nr; i++)
			h->lock[i] = h->lock[i + 1];
		return;
	}
	panic("a lock released that this CPU does not hold");
}

void lock_order_none_held(const char *what)
{
	struct held *h = held_here();

	if (h->nr > 0)
		panic("%s under the lock %s, taken at %s", what,
		      h->lock[h->nr - 1].lock->name != NULL ? h->lock[h->nr - 1].lock->name : "(no name)",
		      h->lock[h->nr - 1].place);
}
#else
typedef int lock_order_is_for_debug_builds; /* a file that is not empty */
#endif
