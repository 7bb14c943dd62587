/* SPDX-License-Identifier: MIT */
/*
 * channel_table.c - the classifier: from a packet's addresses and ports to its channel.
 *
 * Two tables of hash chains: `exact` by all of the key (connections), `bound` by protocol and local port (listeners,
 * unconnected sockets). A chain is read and changed under one of LOCKS spin locks, which two connections share by
 * accident only; it is held for a few comparisons. The table's reference keeps a channel alive while the lock is held,
 * so whoever finds one counts it before unlocking.
 */
#include <errno.h>

#include "kernel/log.h"
#include "kernel/mm/page.h"
#include "kernel/net/net_priv.h"
#include "kernel/plat/cay/map.h"
#include "lib/siphash.h"

#define EXACT_ORDER  6 /* of pages: 32768 chains in 256 KiB, which exist once they are touched */
#define BOUND_ORDER  3
#define EXACT_CHAINS ((PAGE_SIZE << EXACT_ORDER) / sizeof(struct channel *))
#define BOUND_CHAINS ((PAGE_SIZE << BOUND_ORDER) / sizeof(struct channel *))
#define LOCKS        64u

static struct channel **exact, **bound;
MAP_ADDRESS(EXACT_TABLE, exact);
MAP_ADDRESS(BOUND_TABLE, bound);
MAP_VALUE(NR_EXACT, EXACT_CHAINS);
MAP_VALUE(NR_BOUND, BOUND_CHAINS);
static struct spinlock locks[LOCKS];
static struct spinlock make_lock = SPINLOCK_INIT("channel tables");

static bool have_tables(void)
{
	/* Pairs with make_tables. Bound comes last. */
	return __atomic_load_n(&bound, __ATOMIC_ACQUIRE) != NULL;
}

static bool make_tables(void)
{
	if (likely(have_tables()))
		return true;
	spin_lock(&make_lock);
	if (exact == NULL)
		exact = page_alloc(EXACT_ORDER, PAGE_ZERO);
	if (exact != NULL && bound == NULL)
		__atomic_store_n(&bound, page_alloc(BOUND_ORDER, PAGE_ZERO), __ATOMIC_RELEASE);
	spin_unlock(&make_lock);
	return bound != NULL;
}

uint32_t channel_hash(const struct channel_key *k)
{
	const uint64_t words[] = {k->local.q[0], k->local.q[1], k->remote.q[0], k->remote.q[1],
				  (uint64_t)k->lport | (uint64_t)k->rport << 16 | (uint64_t)k->proto << 32};

	return (uint32_t)siphash13_words(net_secret(), words, ARRAY_SIZE(words));
}

static uint32_t bound_hash(uint8_t proto, uint16_t lport)
{
	uint64_t word = (uint64_t)lport | (uint64_t)proto << 16;

	return (uint32_t)siphash13_words(net_secret(), &word, 1);
}

static struct channel **exact_chain(uint32_t hash)
{
	return &exact[hash & (EXACT_CHAINS - 1)];
}

static struct channel **bound_chain(uint8_t proto, uint16_t lport)
{
	return &bound[bound_hash(proto, lport) & (BOUND_CHAINS - 1)];
}

static struct spinlock *lock_of(struct channel **chain)
{
	return &locks[((uintptr_t)chain / sizeof(*chain)) & (LOCKS - 1)];
}

static bool key_eq(const struct channel_key *a, const struct channel_key *b)
{
	return a->lport == b->lport && a->rport == b->rport && a->proto == b->proto &&
	       ipaddr_eq(&a->local, &b->local) && ipaddr_eq(&a->remote, &b->remote);
}

/* Lock of the chain held, here and in the other walks. */
static struct channel *exact_walk(const struct channel_key *k, uint32_t hash)
{
	struct channel *ch = *exact_chain(hash);

	while (ch != NULL && !key_eq(&ch->key, k))
		ch = ch->exact_next;
	return ch;
}

static void link_first(struct channel **chain, struct channel **next, struct channel *ch)
{
	*next = *chain;
	WRITE_ONCE(*chain, ch); /* whether there is anything is asked without the lock */
}

int channel_insert(struct channel *ch, const struct channel_key *key)
{
	bool is_exact = !ipaddr_is_any(&key->remote);
	struct channel **chain;
	int err = 0;

	ASSERT(!ch->in_exact && !ch->in_bound);
	if (!make_tables())
		return -ENOMEM;
	uint32_t hash = is_exact ? channel_hash(key) : 0;
	chain = is_exact ? exact_chain(hash) : bound_chain(key->proto, key->lport);
	spin_lock(lock_of(chain));
	if (is_exact && exact_walk(key, hash) != NULL) {
		err = -EADDRINUSE;
	} else {
		ch->key = *key;
		link_first(chain, is_exact ? &ch->exact_next : &ch->bound_next, ch);
		ch->in_exact = is_exact;
		ch->in_bound = !is_exact;
		channel_get(ch);
	}
	spin_unlock(lock_of(chain));
	return err;
}

void channel_remove(struct channel *ch)
{
	struct channel **chain, **at;

	if (!ch->in_exact && !ch->in_bound)
		return;
	chain = ch->in_exact ? exact_chain(channel_hash(&ch->key)) : bound_chain(ch->key.proto, ch->key.lport);
	spin_lock(lock_of(chain));
	for (at = chain; *at != ch;)
		at = ch->in_exact ? &(*at)->exact_next : &(*at)->bound_next;
	WRITE_ONCE(*at, ch->in_exact ? ch->exact_next : ch->bound_next);
	ch->in_exact = ch->in_bound = false;
	spin_unlock(lock_of(chain));
	channel_put(ch);
}

/* How well a bound channel fits, 0: not at all. */
static unsigned score(const struct channel *ch, const struct pbuf *p)
{
	unsigned points = 1;

	if (ch->key.proto != p->proto || ch->key.lport != p->dport)
		return 0;
	if (!ipaddr_is_any(&ch->key.local)) {
		if (!ipaddr_eq(&ch->key.local, &p->dst))
			return 0;
		points += 8;
	} else if (ipaddr_is_v4(&p->dst)) {
		if (ch->v6only)
			return 0;
		points += ch->v4only ? 1 : 0;
	} else if (ch->v4only) {
		return 0;
	}
	if (ch->bound_if != 0) {
		if (p->netif == NULL || p->netif->index != ch->bound_if)
			return 0;
		points += 4;
	}
	if (ch->ops->accepts != NULL && !ch->ops->accepts((struct channel *)ch, p))
		return 0;
	return points;
}

/* The nth channel of the group that fits as well as best. */
static struct channel *of_group(struct channel *first, const struct pbuf *p, unsigned best, uint32_t group, unsigned n)
{
	for (struct channel *ch = first; ch != NULL; ch = ch->bound_next)
		if (ch->group == group && score(ch, p) == best && n-- == 0)
			return ch;
	return NULL;
}

static struct channel *bound_walk(const struct pbuf *p)
{
	struct channel *first = *bound_chain(p->proto, p->dport), *best = NULL;
	unsigned best_points = 0, same = 0;

	for (struct channel *ch = first; ch != NULL; ch = ch->bound_next) {
		unsigned points = score(ch, p);
		if (points > best_points) {
			best = ch;
			best_points = points;
			same = 1;
		} else if (points > 0 && points == best_points && ch->group != 0 && ch->group == best->group) {
			same++;
		}
	}
	if (same < 2)
		return best;
	struct channel *chosen = of_group(first, p, best_points, best->group, p->hash % same);
	return chosen != NULL ? chosen : best;
}

static struct channel_key key_of(const struct pbuf *p)
{
	return (struct channel_key){
		.local = p->dst, .remote = p->src, .lport = p->dport, .rport = p->sport, .proto = p->proto};
}

/* The channel with this key, counted; with p only if it takes packets from p's interface. */
static struct channel *find_exact(const struct channel_key *key, uint32_t hash, const struct pbuf *p)
{
	struct channel **chain = exact_chain(hash), *ch;

	if (READ_ONCE(*chain) == NULL)
		return NULL;
	spin_lock(lock_of(chain));
	ch = exact_walk(key, hash);
	if (ch != NULL && p != NULL && ch->bound_if != 0 && (p->netif == NULL || p->netif->index != ch->bound_if))
		ch = NULL;
	if (ch != NULL)
		channel_get(ch);
	spin_unlock(lock_of(chain));
	return ch;
}

struct channel *channel_find_exact(const struct channel_key *key)
{
	return have_tables() ? find_exact(key, channel_hash(key), NULL) : NULL;
}

struct channel *channel_lookup(struct pbuf *p)
{
	struct channel_key key = key_of(p);
	struct channel **chain, *ch;

	if (!have_tables())
		return NULL;
	p->hash = channel_hash(&key);
	ch = find_exact(&key, p->hash, p);
	if (ch != NULL)
		return ch;
	chain = bound_chain(p->proto, p->dport);
	spin_lock(lock_of(chain));
	ch = bound_walk(p);
	if (ch != NULL)
		channel_get(ch);
	spin_unlock(lock_of(chain));
	return ch;
}

void channel_for_each_bound(const struct pbuf *p, void (*fn)(struct channel *ch, void *arg), void *arg)
{
	struct channel **chain;

	if (!have_tables())
		return;
	chain = bound_chain(p->proto, p->dport);
	spin_lock(lock_of(chain));
	for (struct channel *ch = *chain; ch != NULL; ch = ch->bound_next)
		if (score(ch, p) > 0)
			fn(ch, arg);
	spin_unlock(lock_of(chain));
}

static void each_of(struct channel **chain, bool is_exact, uint8_t proto, void (*fn)(struct channel *ch, void *arg),
		    void *arg)
{
	if (READ_ONCE(*chain) == NULL)
		return;
	spin_lock(lock_of(chain));
	for (struct channel *ch = *chain; ch != NULL; ch = is_exact ? ch->exact_next : ch->bound_next)
		if (ch->key.proto == proto)
			fn(ch, arg);
	spin_unlock(lock_of(chain));
}

void channel_for_each(uint8_t proto, void (*fn)(struct channel *ch, void *arg), void *arg)
{
	if (!have_tables())
		return;
	for (size_t i = 0; i < BOUND_CHAINS; i++)
		each_of(&bound[i], false, proto, fn, arg);
	for (size_t i = 0; i < EXACT_CHAINS; i++)
		each_of(&exact[i], true, proto, fn, arg);
}
