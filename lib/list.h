/* SPDX-License-Identifier: MIT */
/* list.h - intrusive doubly linked circular list. Not thread-safe: the owner of the list says which lock guards it. */
#ifndef CAY_LIB_LIST_H
#define CAY_LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                                                \
	{                                                                                                              \
		&(name), &(name)                                                                                       \
	}
#if defined(CAY_DEBUG) && defined(CAY_KERNEL)
/* The kernel's debug build follows the links back before it changes any: a list that was damaged, or whose element was
 * freed while it was in it, is a panic here and not a crash elsewhere. */
__attribute__((noreturn)) void list_damaged(const struct list *l);
#define LIST_CHECK(l, ok) ((ok) ? (void)0 : list_damaged(l))
#else
#define LIST_CHECK(l, ok) ((void)0)
#endif

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
	LIST_CHECK(prev, prev->next == next && next->prev == prev);
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

static inline void list_push_front(struct list *l, struct list *n)
{
	list_insert_between(n, l, l->next);
}

static inline void list_push_back(struct list *l, struct list *n)
{
	list_insert_between(n, l->prev, l);
}

/* Unlinks n and leaves it an empty list, so that a second removal is harmless and list_empty(n) means "not queued". */
static inline void list_remove(struct list *n)
{
	LIST_CHECK(n, n->prev->next == n && n->next->prev == n);
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* Moves all elements of `from`, in order, to `to`, which is not looked at before. */
static inline void list_take_all(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	to->next = from->next;
	to->prev = from->prev;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#define list_first(l, type, member) container_of((l)->next, type, member)
#define list_for_each(it, l, member, type)                                                                             \
	for (type *it = container_of((l)->next, type, member); &it->member != (l);                                     \
	     it = container_of(it->member.next, type, member))
/* The body may remove `it`. */
#define list_for_each_safe(it, l, member, type)                                                                        \
	for (type *it = container_of((l)->next, type, member), *it##_n = container_of(it->member.next, type, member);  \
	     &it->member != (l); it = it##_n, it##_n = container_of(it->member.next, type, member))

#endif
