/* SPDX-License-Identifier: MIT */
/* epoll_set.c - what an epoll set watches: items and their registrations on files. Locks: epoll_priv.h. */
#include <errno.h>
#include <poll.h>

#include "kernel/fs/epoll_priv.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/refs.h"

#define FIRST_BUCKETS 16

struct spinlock epoll_links_lock = SPINLOCK_INIT("epoll links");

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
	s->refs = 1;
	mutex_init(&s->looking);
	mutex_init(&s->watched);
	spin_init(&s->lock, "epoll ready");
	list_init(&s->ready);
	waitq_init(&s->wq);
	waitq_init(&s->poll_wq);
	return s;
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

/* Lock: watched. */
static struct epoll_item *find(struct epoll_set *s, const struct file *f, int fd)
{
	list_for_each (item, bucket_of(s, fd), hash_link, struct epoll_item)
		if (item->fd == fd && item->file == f)
			return item;
	return NULL;
}

struct epoll_item *epoll_set_find(struct epoll_set *s, const struct file *f, int fd)
{
	struct epoll_item *item;

	mutex_lock(&s->watched);
	item = find(s, f, fd);
	if (item != NULL)
		refs_get(&item->refs);
	mutex_unlock(&s->watched);
	return item;
}

void epoll_item_put(struct epoll_item *item)
{
	if (refs_put(&item->refs))
		kfree(item);
}

/*
 * Threads are woken when the item is queued: while it is, that was done, and whoever goes to sleep looks first. Pollers
 * of the set hear of each event, because a set above may want changes (EPOLLET). There are none to be seen without the
 * queue's lock only if they take the set's lock after us, and so find the item.
 */
void epoll_item_ready(struct epoll_item *item)
{
	struct epoll_set *s = item->set;
	bool dead, queued;

	spin_lock(&s->lock);
	dead = item->dead;
	queued = !list_empty(&item->ready_link);
	if (!dead && !queued)
		list_push_back(&s->ready, &item->ready_link);
	spin_unlock(&s->lock);
	if (dead)
		return;
	if (!queued)
		waitq_wake_one(&s->wq, POLLIN);
	if (!list_empty(&s->poll_wq.waiters))
		waitq_wake(&s->poll_wq, POLLIN);
}

/* The file has an event. Event context. */
static void hook_woken(struct waiter *w, uint32_t events)
{
	struct epoll_item *item = container_of(w, struct epoll_hook, waiter)->item;
	uint32_t wanted = READ_ONCE(item->events); /* whoever changes it asks the file afterwards */

	if ((wanted & ~EPOLL_FLAGS) == 0)
		return; /* one-shot, spent */
	if (events != 0 && !(events & wanted))
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

/* A wait queue that is not the file's own (signalfd) goes under the kernel lock: file_enter. */
static void unhook(struct epoll_item *item)
{
	struct epoll_hook *more = item->hook.next;
	bool entered = file_enter(item->file);

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
	file_leave(entered);
}

/* Lock: watched. After the last step the file may go. */
static void remove_item(struct epoll_item *item)
{
	struct epoll_set *s = item->set;
	bool registering;

	spin_lock(&s->lock);
	ASSERT(!item->dead);
	item->dead = true;
	registering = item->registering;
	list_remove(&item->ready_link);
	spin_unlock(&s->lock);
	if (!registering)
		unhook(item);
	list_remove(&item->hash_link);
	s->nr_items--;
	spin_lock(&epoll_links_lock);
	list_remove(&item->file_link);
	spin_unlock(&epoll_links_lock);
	epoll_item_put(item);
}

static int insert(struct epoll_set *s, struct epoll_item *item)
{
	int err = -EEXIST;

	mutex_lock(&s->watched);
	if (find(s, item->file, item->fd) == NULL) {
		err = 0;
		if (s->nr_items >= 2 * s->nr_buckets)
			grow(s);
		list_push_back(bucket_of(s, item->fd), &item->hash_link);
		s->nr_items++;
		spin_lock(&epoll_links_lock);
		list_push_back(&item->file->epoll_links, &item->file_link);
		spin_unlock(&epoll_links_lock);
	}
	mutex_unlock(&s->watched);
	return err;
}

/* Registers item on its file. True: it has an event already. */
static bool hook_up(struct epoll_item *item, int *error)
{
	struct registering r = {.table = {.queue = register_hook}, .item = item};
	bool entered = file_enter(item->file), dead;
	uint32_t now = file_poll(item->file, &r.table);

	file_leave(entered);
	spin_lock(&item->set->lock);
	item->registering = false;
	dead = item->dead;
	spin_unlock(&item->set->lock);
	if (dead) /* it was removed meanwhile */
		unhook(item);
	*error = dead ? 0 : r.error;
	return (now & READ_ONCE(item->events)) != 0;
}

static struct epoll_item *item_create(struct epoll_set *s, struct file *f, int fd)
{
	struct epoll_item *item = kzalloc(sizeof(*item));

	if (item == NULL)
		return NULL;
	item->set = s;
	item->file = f;
	item->fd = fd;
	item->refs = 2; /* the caller's */
	item->registering = true;
	list_init(&item->ready_link);
	return item;
}

int epoll_set_add(struct epoll_set *s, struct file *f, int fd, uint32_t events, uint64_t data)
{
	struct epoll_item *item = item_create(s, f, fd);
	int err;

	if (item == NULL)
		return -ENOMEM;
	item->events = events;
	item->data = data;
	err = insert(s, item);
	if (err != 0) {
		kfree(item);
		return err;
	}
	if (hook_up(item, &err))
		epoll_item_ready(item);
	if (err != 0)
		(void)!epoll_set_remove(s, f, fd);
	epoll_item_put(item);
	return err;
}

int epoll_set_remove(struct epoll_set *s, const struct file *f, int fd)
{
	struct epoll_item *item;

	mutex_lock(&s->watched);
	item = find(s, f, fd);
	if (item != NULL)
		remove_item(item);
	mutex_unlock(&s->watched);
	return item != NULL ? 0 : -ENOENT;
}

static void set_put(struct epoll_set *s)
{
	if (!refs_put(&s->refs))
		return;
	kfree(s->bucket);
	kfree(s);
}

void epoll_set_destroy(struct epoll_set *s)
{
	mutex_lock(&s->watched);
	for (unsigned i = 0; i < s->nr_buckets; i++)
		list_for_each_safe (item, &s->bucket[i], hash_link, struct epoll_item)
			remove_item(item);
	mutex_unlock(&s->watched);
	set_put(s);
}

/* An item that watches f, with references to it and its set: while it is linked both are there. */
static struct epoll_item *first_link(struct file *f)
{
	struct epoll_item *item = NULL;

	spin_lock(&epoll_links_lock);
	if (!list_empty(&f->epoll_links)) {
		item = list_first(&f->epoll_links, struct epoll_item, file_link);
		refs_get(&item->refs);
		refs_get(&item->set->refs);
	}
	spin_unlock(&epoll_links_lock);
	return item;
}

void epoll_file_released(struct file *f)
{
	struct epoll_item *item;

	while ((item = first_link(f)) != NULL) {
		struct epoll_set *s = item->set;

		mutex_lock(&s->watched);
		if (!item->dead)
			remove_item(item);
		mutex_unlock(&s->watched);
		epoll_item_put(item);
		set_put(s);
	}
}
