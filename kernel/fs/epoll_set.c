/* SPDX-License-Identifier: MIT */
/* epoll_set.c - what an epoll set watches: items, their registrations on files, and nesting. See epoll_priv.h. */
#include <errno.h>
#include <poll.h>

#include "kernel/fs/epoll_priv.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"

#define FIRST_BUCKETS 16
#define NESTING_MAX   5 /* sets in a chain, as on Linux */

static struct list *new_buckets(unsigned nr)
{
	struct list *b = kmalloc(nr * sizeof(*b));

	for (unsigned i = 0; b != NULL && i < nr; i++)
		list_init(&b[i]);
	return b;
}

struct epoll_set *epoll_set_create(void)
{
	struct epoll_set *s = kzalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->nr_buckets = FIRST_BUCKETS;
	s->bucket = new_buckets(s->nr_buckets);
	if (s->bucket == NULL) {
		kfree(s);
		return NULL;
	}
	spin_init(&s->lock, "epoll ready");
	list_init(&s->ready);
	waitq_init(&s->wq);
	waitq_init(&s->poll_wq);
	return s;
}

void epoll_set_destroy(struct epoll_set *s)
{
	for (unsigned i = 0; i < s->nr_buckets; i++)
		list_for_each_safe (item, &s->bucket[i], hash_link, struct epoll_item)
			epoll_set_remove(item);
	kfree(s->bucket);
	kfree(s);
}

/* Descriptors are small and dense, so the low bits spread well. */
static struct list *bucket_of(struct epoll_set *s, int fd)
{
	return &s->bucket[(unsigned)fd & (s->nr_buckets - 1)];
}

/* Keeps chains short. Without memory they just get longer. */
static void grow(struct epoll_set *s)
{
	struct epoll_set bigger = {.nr_buckets = s->nr_buckets * 4};

	bigger.bucket = new_buckets(bigger.nr_buckets);
	if (bigger.bucket == NULL)
		return;
	for (unsigned i = 0; i < s->nr_buckets; i++) {
		list_for_each_safe (item, &s->bucket[i], hash_link, struct epoll_item) {
			list_remove(&item->hash_link);
			list_push_back(bucket_of(&bigger, item->fd), &item->hash_link);
		}
	}
	kfree(s->bucket);
	s->bucket = bigger.bucket;
	s->nr_buckets = bigger.nr_buckets;
}

struct epoll_item *epoll_set_find(struct epoll_set *s, const struct file *f, int fd)
{
	list_for_each (item, bucket_of(s, fd), hash_link, struct epoll_item)
		if (item->fd == fd && item->file == f)
			return item;
	return NULL;
}

void epoll_item_ready(struct epoll_item *item)
{
	struct epoll_set *s = item->set;

	if (item->dead)
		return;
	spin_lock(&s->lock);
	if (list_empty(&item->ready_link))
		list_push_back(&s->ready, &item->ready_link);
	spin_unlock(&s->lock);
	waitq_wake_one(&s->wq, POLLIN);
	waitq_wake(&s->poll_wq, POLLIN);
}

/* The file has an event. Event context. */
static void hook_woken(struct waiter *w, uint32_t events)
{
	struct epoll_item *item = container_of(w, struct epoll_hook, waiter)->item;

	if ((item->events & ~EPOLL_FLAGS) == 0)
		return; /* one-shot, spent */
	if (events != 0 && !(events & (item->events | EPOLLERR | EPOLLHUP)))
		return;
	epoll_item_ready(item);
}

struct registering {
	struct poll_table table;
	struct epoll_item *item;
	int error;
};

static void register_hook(struct poll_table *pt, struct file *f, struct waitq *wq)
{
	struct registering *r = container_of(pt, struct registering, table);
	struct epoll_item *item = r->item;
	struct epoll_hook *h = &item->hook;

	(void)f;
	if (item->nr_hooks > 0) {
		h = kmalloc(sizeof(*h));
		if (h == NULL) {
			r->error = -ENOMEM;
			return;
		}
		h->next = item->hook.next;
		item->hook.next = h;
	}
	item->nr_hooks++;
	h->item = item;
	h->waiter = (struct waiter){.wake = hook_woken, .exclusive = item->events & EPOLLEXCLUSIVE};
	list_init(&h->waiter.link);
	waitq_add(wq, &h->waiter);
}

static void unhook(struct epoll_item *item)
{
	struct epoll_hook *more = item->hook.next;

	if (item->nr_hooks > 0)
		waitq_remove(&item->hook.waiter);
	while (more != NULL) {
		struct epoll_hook *h = more;
		more = h->next;
		waitq_remove(&h->waiter);
		kfree(h);
	}
	item->nr_hooks = 0;
	item->hook.next = NULL;
}

int epoll_set_add(struct epoll_set *s, struct file *f, int fd, uint32_t events, uint64_t data)
{
	struct epoll_item *item = kzalloc(sizeof(*item));
	struct registering r = {.table = {.queue = register_hook}, .item = item};
	uint32_t now;

	if (item == NULL)
		return -ENOMEM;
	item->set = s;
	item->file = f;
	item->fd = fd;
	item->refs = 1;
	item->events = events;
	item->data = data;
	list_init(&item->ready_link);
	if (s->nr_items >= 2 * s->nr_buckets)
		grow(s);
	list_push_back(bucket_of(s, fd), &item->hash_link);
	list_push_back(&f->epoll_links, &item->file_link);
	s->nr_items++;
	item->refs++; /* poll may block, and the item be removed meanwhile */
	now = file_poll(f, &r.table);
	if (r.error != 0 && !item->dead)
		epoll_set_remove(item);
	else if (item->dead)
		unhook(item); /* what was registered after the removal */
	else if (now & (events | EPOLLERR | EPOLLHUP))
		epoll_item_ready(item);
	epoll_item_put(item);
	return r.error;
}

void epoll_set_remove(struct epoll_item *item)
{
	ASSERT(!item->dead);
	item->dead = true;
	unhook(item);
	spin_lock(&item->set->lock);
	list_remove(&item->ready_link);
	spin_unlock(&item->set->lock);
	list_remove(&item->hash_link);
	list_remove(&item->file_link);
	item->set->nr_items--;
	epoll_item_put(item);
}

void epoll_item_put(struct epoll_item *item)
{
	if (--item->refs == 0)
		kfree(item);
}

void epoll_file_released(struct file *f)
{
	while (!list_empty(&f->epoll_links))
		epoll_set_remove(list_first(&f->epoll_links, struct epoll_item, file_link));
}

/* Sets below s, itself included; NESTING_MAX + 1 when too deep or when `forbidden` is among them. */
static unsigned depth_below(struct epoll_set *s, const struct epoll_set *forbidden, unsigned limit)
{
	unsigned deepest = 0;

	if (s == forbidden || limit == 0)
		return NESTING_MAX + 1;
	for (unsigned i = 0; i < s->nr_buckets; i++) {
		list_for_each (item, &s->bucket[i], hash_link, struct epoll_item) {
			struct epoll_set *inner = epoll_set_of(item->file);
			if (inner == NULL)
				continue;
			unsigned d = depth_below(inner, forbidden, limit - 1);
			if (d > NESTING_MAX)
				return d;
			deepest = MAX(deepest, d);
		}
	}
	return deepest + 1;
}

/* Sets above s, itself included. There is no circle, so this ends. */
static unsigned depth_above(struct epoll_set *s)
{
	unsigned highest = 0;

	list_for_each (item, &s->file->epoll_links, file_link, struct epoll_item)
		highest = MAX(highest, depth_above(item->set));
	return highest + 1;
}

int epoll_check_nesting(struct epoll_set *s, struct file *target)
{
	unsigned below = depth_below(epoll_set_of(target), s, NESTING_MAX);

	return below > NESTING_MAX || below + depth_above(s) > NESTING_MAX ? -ELOOP : 0;
}
