/* SPDX-License-Identifier: MIT */
/*
 * epoll_priv.h - an epoll set and its items, for epoll.c (what happens) and epoll_set.c (what is watched).
 *
 * An item watches one file. It is on at most one list through ready_link: its set's ready list, or the private list of
 * a thread inside epoll_wait. The ready list holds every item that may have something to report; it may hold items that
 * turn out to have nothing, never the other way round. So a wait costs O(ready), not O(watched).
 *
 * Items do not keep their file alive: the last file_put takes them away (epoll_file_released).
 *
 * Locks: the set's spin lock for everything that is linked through ready_link, because files tell of events from any
 * context; their wait queues' locks come before it. All else: the kernel lock.
 */
#ifndef CAY_KERNEL_FS_EPOLL_PRIV_H
#define CAY_KERNEL_FS_EPOLL_PRIV_H

#include <linux/eventpoll.h>

#include "kernel/fs/file.h"

struct epoll_item;

/* A registration on one wait queue of the file; most files have one, few have two. */
struct epoll_hook {
	struct waiter waiter;
	struct epoll_item *item;
	struct epoll_hook *next; /* beyond the first */
};

struct epoll_item {
	struct list ready_link; /* see above; empty when on neither */
	struct list file_link;  /* file.epoll_links */
	struct list hash_link;
	struct epoll_set *set;
	struct file *file;
	int fd;
	unsigned refs;   /* one for being watched, one for each thread that is looking at it */
	bool dead;       /* no longer watched */
	uint32_t events; /* EPOLL*; after a one-shot only the flags are left */
	uint64_t data;
	unsigned nr_hooks;
	struct epoll_hook hook;
};

struct epoll_set {
	struct spinlock lock; /* ready, and the private lists of threads in epoll_wait */
	struct list ready;
	struct waitq wq;      /* threads in epoll_wait */
	struct waitq poll_wq; /* who polls the set itself */
	struct list *bucket;
	unsigned nr_buckets; /* power of two */
	unsigned nr_items;
	struct file *file; /* the set's own, not counted */
};

/* Flags among the event bits. */
#define EPOLL_FLAGS ((uint32_t)EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

MUST_CHECK struct epoll_set *epoll_set_create(void);
void epoll_set_destroy(struct epoll_set *s);
struct epoll_item *epoll_set_find(struct epoll_set *s, const struct file *f, int fd);
/* Watches f: -ENOMEM. The events it has already make the item ready. */
MUST_CHECK int epoll_set_add(struct epoll_set *s, struct file *f, int fd, uint32_t events, uint64_t data);
void epoll_set_remove(struct epoll_item *item);
void epoll_item_put(struct epoll_item *item);
/* Puts item on the ready list and tells who waits. Any context. */
void epoll_item_ready(struct epoll_item *item);

/* -ELOOP if watching `target` (an epoll file) in s would close a circle or nest deeper than Linux allows. */
MUST_CHECK int epoll_check_nesting(struct epoll_set *s, struct file *target);
/* NULL if f is no epoll file. */
struct epoll_set *epoll_set_of(const struct file *f);

#endif
