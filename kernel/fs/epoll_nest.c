/* SPDX-License-Identifier: MIT */
/* epoll_nest.c - sets that watch sets: no circles, no long chains. Locks: epoll_priv.h. */
#include <errno.h>

#include "kernel/fs/epoll_priv.h"

#define NESTING_MAX 5   /* sets in a chain, as on Linux */
#define ABOVE_MAX   500 /* sets above one; the walk is under a spin lock */

static struct mutex nesting = MUTEX_INIT;

/* Sets below s, itself included; NESTING_MAX + 1 when too deep or when `forbidden` is among them. The mutexes of a
 * chain are held at once: nobody else takes two of them. */
static unsigned depth_below(struct epoll_set *s, const struct epoll_set *forbidden, unsigned limit)
{
	unsigned deepest = 0;

	if (s == forbidden || limit == 0)
		return NESTING_MAX + 1;
	mutex_lock(&s->watched);
	for (unsigned i = 0; i < s->nr_buckets && deepest <= NESTING_MAX; i++) {
		list_for_each (item, &s->bucket[i], hash_link, struct epoll_item) {
			struct epoll_set *inner = epoll_set_of(item->file);

			if (inner != NULL)
				deepest = MAX(deepest, depth_below(inner, forbidden, limit - 1));
		}
	}
	mutex_unlock(&s->watched);
	return MIN(deepest + 1, NESTING_MAX + 1u);
}

/* Sets above s, itself included. There is no circle, so this ends. Lock: links. */
static unsigned depth_above(struct epoll_set *s, unsigned *nr_seen)
{
	unsigned highest = 0;

	list_for_each (item, &s->file->epoll_links, file_link, struct epoll_item) {
		if (++*nr_seen > ABOVE_MAX)
			return NESTING_MAX + 1;
		highest = MAX(highest, depth_above(item->set, nr_seen));
	}
	return highest + 1;
}

int epoll_nest_begin(struct epoll_set *s, struct file *target)
{
	unsigned below, above, nr_seen = 0;

	mutex_lock(&nesting);
	below = depth_below(epoll_set_of(target), s, NESTING_MAX);
	spin_lock(&epoll_links_lock);
	above = depth_above(s, &nr_seen);
	spin_unlock(&epoll_links_lock);
	if (below + above <= NESTING_MAX)
		return 0;
	mutex_unlock(&nesting);
	return -ELOOP;
}

void epoll_nest_end(void)
{
	mutex_unlock(&nesting);
}
