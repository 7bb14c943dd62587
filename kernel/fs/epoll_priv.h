/* SPDX-License-Identifier: MIT */
/*
 * epoll_priv.h - an epoll set and its items, for epoll.c (what happens) and epoll_set.c (what is watched).
 *
 * An item watches one file. It is on at most one list through ready_link: its set's ready list, or the private list of
 * a thread that looks through it. The ready list holds every item that may have something to report; it may hold items
 * that turn out to have nothing, never the other way round. So a wait costs O(ready), not O(watched).
 *
 * Items do not keep their file alive: the last file_put takes them away (epoll_file_released). Until then the file's
 * memory is there, so who finds an item alive under the set's spin lock may try to get a reference.
 *
 * Locks, in their order; the kernel lock is not needed.
 *   looking   of a set, a mutex: one thread at a time takes the ready list and asks its files. So nobody finds the list
 *             empty because another thread has it in hand. Files are asked and let go under it; sets that watch sets
 *             make no circle.
 *   nesting   of all sets, a mutex: sets are put into sets one at a time, so that no circle arises.
 *   watched   of a set, a mutex: what it watches. No file is asked or let go under it, so a file's release may take it.
 *   wait queues of files, whose callback takes
 *   lock      of a set, a spin lock: what is linked through ready_link, and what of an item is marked so; files tell of
 *             events from any context.
 *   links     of all files, a spin lock: file.epoll_links.
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
	unsigned refs; /* one for being watched, one for each thread that is looking at it */
	/* lock: */
	bool dead;        /* no longer watched */
	bool registering; /* its hooks are the business of the thread that adds it, which takes them away if it is dead
			   */
	uint32_t events;  /* EPOLL*; after a one-shot only the flags are left */
	uint64_t data;
	/* watched, or the thread that adds it: */
	unsigned nr_hooks;
	struct epoll_hook hook;
};

struct epoll_set {
	unsigned refs; /* one of its file, one for each thread that releases a file which it watches */
	struct mutex looking;
	struct spinlock lock;
	struct list ready;
	struct waitq wq;      /* threads in epoll_wait */
	struct waitq poll_wq; /* who polls the set itself */
	/* watched: */
	struct mutex watched;
	struct list *bucket;
	unsigned nr_buckets; /* power of two */
	unsigned nr_items;
	struct file *file; /* the set's own, not counted */
};

/* Flags among the event bits. */
#define EPOLL_FLAGS ((uint32_t)EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

MUST_CHECK struct epoll_set *epoll_set_create(void);
/* Its file is gone, or never was. */
void epoll_set_destroy(struct epoll_set *s);
/* Watches f, of which the caller has a reference: -EEXIST, -ENOMEM. The events it has already make the item ready. */
MUST_CHECK int epoll_set_add(struct epoll_set *s, struct file *f, int fd, uint32_t events, uint64_t data);
/* The item that watches f as fd, with a reference, or NULL. */
MUST_CHECK struct epoll_item *epoll_set_find(struct epoll_set *s, const struct file *f, int fd);
/* No longer watches f: -ENOENT. */
MUST_CHECK int epoll_set_remove(struct epoll_set *s, const struct file *f, int fd);
void epoll_item_put(struct epoll_item *item);
/* Puts item on the ready list and tells who waits. Any context. */
void epoll_item_ready(struct epoll_item *item);

/* epoll_nest.c. Sets are put into sets between begin and end; -ELOOP, and nothing begun, if watching `target` (an epoll
 * file) in s would close a circle or nest deeper than Linux allows. */
MUST_CHECK int epoll_nest_begin(struct epoll_set *s, struct file *target);
void epoll_nest_end(void);
/* For it: the lock over file.epoll_links. */
extern struct spinlock epoll_links_lock;
/* NULL if f is no epoll file. */
struct epoll_set *epoll_set_of(const struct file *f);

#endif
