/* SPDX-License-Identifier: MIT */
/* channel.c - a channel: its inbox, its lock, and who runs the protocol. See channel.h; the tables: channel_table.c. */
#include "kernel/net/channel.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/net/net_priv.h"

#define ERROR_BYTES 16384u

/* Ends the list of touched channels, so that a channel on it never has a NULL link. */
static struct channel end_of_list;

void channel_init(struct channel *ch, const struct channel_ops *ops, uint32_t inbox_limit)
{
	memset(ch, 0, sizeof(*ch));
	ch->ops = ops;
	ch->refs = 1;
	ch->inbox_limit = inbox_limit;
	mutex_init(&ch->lock);
	waitq_init(&ch->wq);
}

void channel_put(struct channel *ch)
{
	if (__atomic_sub_fetch(&ch->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	pbuf_put_chain(ch->inbox);
	ch->ops->free(ch);
}

/* ---- the inbox ---- */

/* False: full; p is still the caller's. */
static bool push(struct channel *ch, struct pbuf *p)
{
	uint32_t bytes = (uint32_t)pbuf_truesize(p);
	struct pbuf *first = __atomic_load_n(&ch->inbox, __ATOMIC_RELAXED);

	/* Errors find some room in a full inbox, too: whoever waits for an answer that cannot come shall hear of it. */
	if (__atomic_load_n(&ch->inbox_bytes, __ATOMIC_RELAXED) > ch->inbox_limit + (p->is_error ? ERROR_BYTES : 0))
		return false;
	__atomic_add_fetch(&ch->inbox_bytes, bytes, __ATOMIC_RELAXED);
	do
		p->next = first;
	while (!__atomic_compare_exchange_n(&ch->inbox, &first, p, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

/* All of it, oldest first. */
static struct pbuf *take_all(struct channel *ch)
{
	struct pbuf *p, *batch = NULL;
	uint32_t bytes = 0;

	if (__atomic_load_n(&ch->inbox, __ATOMIC_RELAXED) == NULL)
		return NULL;
	p = __atomic_exchange_n(&ch->inbox, NULL, __ATOMIC_ACQUIRE); /* pairs with push */
	while (p != NULL) {
		struct pbuf *next = p->next;
		bytes += (uint32_t)pbuf_truesize(p);
		p->next = batch;
		batch = p;
		p = next;
	}
	__atomic_sub_fetch(&ch->inbox_bytes, bytes, __ATOMIC_RELAXED);
	return batch;
}

/* ---- the lock ---- */

bool channel_run(struct channel *ch)
{
	bool any = false;

	while (channel_has_work(ch)) {
		uint32_t bits = __atomic_exchange_n(&ch->posted, 0, __ATOMIC_ACQUIRE);
		ch->ops->run(ch, take_all(ch), bits);
		any = true;
	}
	return any;
}

void channel_lock(struct channel *ch)
{
	mutex_lock(&ch->lock);
}

bool channel_trylock(struct channel *ch)
{
	return mutex_trylock(&ch->lock);
}

static void unlock(struct channel *ch)
{
	do {
		channel_run(ch);
		mutex_unlock(&ch->lock);
		/* Between the free lock and the look at the inbox: pairs with push, whose bringer then tries the lock.
		 * One of the two sees the other. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (channel_has_work(ch) && mutex_trylock(&ch->lock));
}

void channel_unlock(struct channel *ch)
{
	unlock(ch);
	channel_flush();
}

int channel_sleep(struct channel *ch, uint64_t deadline_ns, bool interruptible)
{
	struct waiter w = {.thread = thread_current()};
	int err;

	list_init(&w.link);
	waitq_add(&ch->wq, &w);
	sched_prepare();
	/* From here on whoever brings packets wakes instead of running: what came before, unlock runs. */
	__atomic_add_fetch(&ch->sleepers, 1, __ATOMIC_SEQ_CST);
	channel_unlock(ch);
	err = wait_sleep(deadline_ns, interruptible);
	__atomic_sub_fetch(&ch->sleepers, 1, __ATOMIC_SEQ_CST);
	waitq_remove(&w);
	channel_lock(ch);
	channel_run(ch);
	return err;
}

/* ---- bringing work ---- */

/* Something is in the inbox or posted: sees to it that it is run. */
static void kick(struct channel *ch)
{
	if (__atomic_load_n(&ch->sleepers, __ATOMIC_SEQ_CST) > 0) {
		waitq_wake(&ch->wq, 0);
		return;
	}
	if (mutex_trylock(&ch->lock))
		unlock(ch);
}

void channel_kick(struct channel *ch)
{
	kick(ch);
	channel_flush();
}

static void touch(struct channel *ch)
{
	struct thread *self = thread_current();
	struct channel *untouched = NULL, *next = self->net_touched != NULL ? self->net_touched : &end_of_list;

	/* The link claims the channel: on the list of one thread at a time. That thread kicks after it took the channel
	 * off its list, so it will see this packet. */
	if (!__atomic_compare_exchange_n(&ch->touched_next, &untouched, next, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return;
	channel_get(ch);
	self->net_touched = ch;
}

void channel_queue(struct channel *ch, struct pbuf *p)
{
	if (push(ch, p)) {
		touch(ch);
		return;
	}
	__atomic_add_fetch(&ch->drops, 1, __ATOMIC_RELAXED);
	net_drop(p->netif, NET_DROP_SOCKET_FULL, p);
}

void channel_deliver(struct channel *ch, struct pbuf *p)
{
	channel_queue(ch, p);
	channel_flush();
}

void channel_flush(void)
{
	struct thread *self = thread_current();

	if (self->net_touched == NULL || self->net_flushing)
		return;
	self->net_flushing = true;
	while (self->net_touched != NULL) {
		struct channel *ch = self->net_touched, *next = ch->touched_next;
		self->net_touched = next == &end_of_list ? NULL : next;
		__atomic_store_n(&ch->touched_next, NULL, __ATOMIC_SEQ_CST); /* pairs with touch */
		kick(ch);
		channel_put(ch);
	}
	self->net_flushing = false;
}
