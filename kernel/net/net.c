/* SPDX-License-Identifier: MIT */
/*
 * net.c - starting the network, and the network thread: it runs what nobody in a socket runs. Event handlers and timers
 * run on the stack of whoever was interrupted and only queue work here. It has no use for the kernel lock.
 */
#include "kernel/net/net.h"

#include "kernel/dev/link_net.h"
#include "kernel/dev/random.h"
#include "kernel/dev/virtio_net.h"
#include "kernel/log.h"
#include "kernel/net/inet.h"
#include "kernel/net/neigh.h"
#include "kernel/net/net_priv.h"
#include "kernel/net/netconf.h"
#include "kernel/sched/klock.h"
#include "kernel/sched/thread.h"

#define POLL_BUDGET 64u /* packets of one interface in a row */

static struct {
	struct thread *thread;
	struct waitq wq;
	struct spinlock lock; /* work, deferred */
	struct net_work *work;
	struct channel *deferred;
	bool scheduled; /* some interface is */
	struct siphash_key secret;
} net;

const struct siphash_key *net_secret(void)
{
	return &net.secret;
}

void net_defer(struct net_work *w)
{
	spin_lock(&net.lock);
	if (!w->queued) {
		w->queued = true;
		w->next = net.work;
		net.work = w;
	}
	spin_unlock(&net.lock);
	waitq_wake(&net.wq, 0);
}

void channel_post(struct channel *ch, uint32_t bits)
{
	/* Whoever set a bit first has queued the channel, and nobody took the bits since. */
	__atomic_or_fetch(&ch->posted, bits, __ATOMIC_SEQ_CST);
	spin_lock(&net.lock);
	bool queue = !ch->deferred;
	if (queue) {
		ch->deferred = true;
		ch->deferred_next = net.deferred;
		net.deferred = channel_get(ch);
	}
	spin_unlock(&net.lock);
	if (queue)
		waitq_wake(&net.wq, 0);
}

void netif_schedule(struct netif *nif)
{
	__atomic_store_n(&nif->scheduled, true, __ATOMIC_RELAXED);
	__atomic_store_n(&net.scheduled, true, __ATOMIC_RELEASE);
	waitq_wake(&net.wq, 0);
}

static struct net_work *take_work(void)
{
	struct net_work *w;

	spin_lock(&net.lock);
	w = net.work;
	if (w != NULL) {
		net.work = w->next;
		w->queued = false;
	}
	spin_unlock(&net.lock);
	return w;
}

static struct channel *take_deferred(void)
{
	struct channel *ch;

	spin_lock(&net.lock);
	ch = net.deferred;
	if (ch != NULL) {
		net.deferred = ch->deferred_next;
		ch->deferred = false; /* what is posted from here on queues it again */
	}
	spin_unlock(&net.lock);
	return ch;
}

unsigned net_poll(void)
{
	unsigned n = 0;

	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (nif->ops->poll != NULL && (nif->flags & IFF_UP))
			n += nif->ops->poll(nif, POLL_BUDGET);
	channel_flush();
	return n;
}

/* Polls those that asked for it; one that has more stays scheduled. True: some is. */
static bool poll_scheduled(void)
{
	bool more = false;

	if (!__atomic_exchange_n(&net.scheduled, false, __ATOMIC_ACQUIRE))
		return false;
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		if (!__atomic_exchange_n(&nif->scheduled, false, __ATOMIC_RELAXED) || nif->ops->poll == NULL)
			continue;
		if (nif->ops->poll(nif, POLL_BUDGET) >= POLL_BUDGET)
			more = true, __atomic_store_n(&nif->scheduled, true, __ATOMIC_RELAXED);
	}
	if (more)
		__atomic_store_n(&net.scheduled, true, __ATOMIC_RELEASE);
	return more;
}

bool net_pending(void)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (nif->ops->pending != NULL && nif->ops->pending(nif))
			return true;
	return false;
}

bool net_idle_sleep(void)
{
	bool any = false;

	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		any |= nif->ops->arm != NULL && nif->ops->arm(nif);
	return any;
}

void net_idle_begin(void)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (nif->ops->idle != NULL)
			nif->ops->idle(nif);
}

bool net_idle_carried(void)
{
	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next)
		if (nif->ops->carried != NULL && nif->ops->carried(nif))
			return true;
	return false;
}

bool net_idle_poll(void)
{
	bool any = false;

	for (struct netif *nif = netif_first(); nif != NULL; nif = nif->next) {
		if (nif->ops->pending != NULL && !READ_ONCE(nif->scheduled) && nif->ops->pending(nif)) {
			netif_schedule(nif);
			any = true;
		}
	}
	return any;
}

bool net_work_round(void)
{
	struct net_work *w;
	struct channel *ch;

	while ((w = take_work()) != NULL)
		w->fn(w);
	while ((ch = take_deferred()) != NULL) {
		channel_kick(ch);
		channel_put(ch);
	}
	bool more = poll_scheduled();
	channel_flush();
	return more;
}

static bool has_work(void)
{
	return READ_ONCE(net.work) != NULL || READ_ONCE(net.deferred) != NULL ||
	       __atomic_load_n(&net.scheduled, __ATOMIC_ACQUIRE);
}

static void net_main(void *arg)
{
	(void)arg;
	kernel_leave(); /* a thread begins with it */
	for (;;) {
		if (net_work_round())
			sched_yield_to_others();
		wait_event(&net.wq, has_work());
	}
}

static void start_cards(void)
{
	const struct cay_net_config *cfg;
	struct netif *nif = virtio_net_init(&cfg);

	if (nif != NULL)
		netconf_start(nif, cfg);
	nif = link_net_init(&cfg);
	if (nif != NULL)
		netconf_start(nif, cfg);
}

bool net_init(void)
{
	random_bytes(&net.secret, sizeof(net.secret));
	waitq_init(&net.wq);
	neigh_init();
	loopback_init();
	udp_init();
	tcp_init();
	net.thread = kthread_create("net", net_main, NULL);
	if (net.thread == NULL)
		return false;
	start_cards();
	return true;
}
