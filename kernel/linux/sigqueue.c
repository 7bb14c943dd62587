/* SPDX-License-Identifier: MIT */
/* sigqueue.c - see sigqueue.h. */
#include <errno.h>
#include <string.h>

#include "kernel/linux/sigqueue.h"
#include "kernel/mm/kmalloc.h"

#define SYNCHRONOUS                                                                                                    \
	(SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGFPE) | SIGMASK(SIGSYS))

void sigpending_init(struct sigpending *p)
{
	list_init(&p->queue);
	list_init(&p->spare.link);
	p->spare.owned = true; /* never freed */
	p->spare.taken = NULL;
	p->spare.user = NULL;
	p->mask = 0;
}

static bool is_pending(const struct sigpending *p, int sig)
{
	return (p->mask & SIGMASK(sig)) != 0;
}

/* NULL: there is no room for it. */
static struct sigitem *new_item(struct sigpending *p, const siginfo_t *info, const struct user_counts *user,
				uint64_t limit)
{
	bool limited = info->si_signo >= SIGRT_FIRST || info->si_code < 0;

	if (user == NULL || (limited && user->signals >= limit))
		return NULL;
	return list_empty(&p->spare.link) ? &p->spare : kzalloc(sizeof(struct sigitem));
}

int sigpending_add(struct sigpending *p, const siginfo_t *info, struct user_counts *user, uint64_t limit)
{
	int sig = info->si_signo;
	struct sigitem *item;

	if (sig < SIGRT_FIRST && is_pending(p, sig))
		return 0;
	item = new_item(p, info, user, limit);
	if (item == NULL) {
		if (sig >= SIGRT_FIRST && info->si_code != SI_USER)
			return -EAGAIN;
		p->mask |= SIGMASK(sig); /* a bit without an item: sigpending_take makes up the siginfo */
		return 0;
	}
	item->info = *info;
	item->user = user;
	user->signals++;
	list_push_back(&p->queue, &item->link);
	p->mask |= SIGMASK(sig);
	return 0;
}

bool sigpending_add_item(struct sigpending *p, struct sigitem *item)
{
	int sig = item->info.si_signo;

	if (!list_empty(&item->link) || (sig < SIGRT_FIRST && is_pending(p, sig)))
		return false;
	list_push_back(&p->queue, &item->link);
	p->mask |= SIGMASK(sig);
	return true;
}

/* After an item of sig left the queue: is there another one? */
static void update_mask(struct sigpending *p, int sig)
{
	list_for_each (it, &p->queue, link, struct sigitem) {
		if (it->info.si_signo == sig)
			return;
	}
	p->mask &= ~SIGMASK(sig);
}

static void release(struct sigitem *item)
{
	if (item->user != NULL)
		item->user->signals--;
	item->user = NULL;
	if (!item->owned)
		kfree(item);
}

int sigpending_take(struct sigpending *p, uint64_t allowed, siginfo_t *out)
{
	uint64_t ready = p->mask & allowed;
	int sig;

	if (ready == 0)
		return 0;
	if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	sig = __builtin_ctzll(ready) + 1;
	list_for_each_safe (it, &p->queue, link, struct sigitem) {
		if (it->info.si_signo != sig)
			continue;
		list_remove(&it->link);
		if (it->owned && it->taken != NULL)
			it->taken(it);
		*out = it->info;
		release(it);
		update_mask(p, sig);
		return sig;
	}
	memset(out, 0, sizeof(*out));
	out->si_signo = sig;
	out->si_code = SI_USER;
	p->mask &= ~SIGMASK(sig);
	return sig;
}

void sigpending_discard(struct sigpending *p, uint64_t mask)
{
	list_for_each_safe (it, &p->queue, link, struct sigitem) {
		if ((SIGMASK(it->info.si_signo) & mask) == 0)
			continue;
		list_remove(&it->link);
		release(it);
	}
	p->mask &= ~mask;
}

void sigpending_remove_item(struct sigpending *p, struct sigitem *item)
{
	if (list_empty(&item->link))
		return;
	list_remove(&item->link);
	update_mask(p, item->info.si_signo);
}
