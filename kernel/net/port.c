/* SPDX-License-Identifier: MIT */
/* port.c - claims on local ports in a hash by port. See port.h. One lock for claiming, which data paths never take. */
#include "kernel/net/port.h"

#include <errno.h>

#include "kernel/dev/random.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/net/net_priv.h"

#define CHAINS 1024u

static struct port_claim *chains[CHAINS];
static struct spinlock lock = SPINLOCK_INIT("port");

uint16_t port_range_first = 32768, port_range_last = 60999;
uint16_t port_unprivileged_start = 1024;

static struct port_claim **chain_of(uint16_t port)
{
	return &chains[ntohs(port) % CHAINS];
}

/* Could a packet be for both? */
static bool overlap(const struct port_claim *a, const struct port_claim *b)
{
	bool any_a = ipaddr_is_any(&a->addr), any_b = ipaddr_is_any(&b->addr);

	if (a->bound_if != 0 && b->bound_if != 0 && a->bound_if != b->bound_if)
		return false;
	if (!any_a && !any_b)
		return ipaddr_eq(&a->addr, &b->addr);
	/* At least one is a wildcard: which families do they take? */
	bool a4 = any_a ? !a->v6only : ipaddr_is_v4(&a->addr), a6 = any_a ? !a->v4only : !ipaddr_is_v4(&a->addr);
	bool b4 = any_b ? !b->v6only : ipaddr_is_v4(&b->addr), b6 = any_b ? !b->v4only : !ipaddr_is_v4(&b->addr);
	return (a4 && b4) || (a6 && b6);
}

/* socket(7): who may have the same port at the same time. a comes to what b has. */
static bool conflict(const struct port_claim *a, const struct port_claim *b)
{
	if (a == b || a->port != b->port || a->proto != b->proto || !overlap(a, b))
		return false;
	if (a->connected && b->connected)
		return false; /* their four-tuples differ: port_connect saw to that */
	if (a->reuse_addr && b->reuse_addr && !b->listening)
		return false;
	return !(a->reuse_port && b->reuse_port && a->uid == b->uid);
}

static bool is_free(const struct port_claim *c)
{
	for (const struct port_claim *o = *chain_of(c->port); o != NULL; o = o->next)
		if (conflict(c, o))
			return false;
	return true;
}

static void take(struct port_claim *c)
{
	c->next = *chain_of(c->port);
	*chain_of(c->port) = c;
}

/* Calls fn(c) with each ephemeral port in c->port, from a random one on, until it says 0. Linux leaves half of the
 * ports (those of bind's parity) to connect; so do we, by order only. */
static int try_ephemeral(struct port_claim *c, int (*fn)(struct port_claim *c, void *arg), void *arg)
{
	uint32_t first = port_range_first, nr = (uint32_t)port_range_last - first + 1, start, err_none = 1;
	int err = 1;

	random_bytes(&start, sizeof(start));
	for (uint32_t i = 0; i < nr && err > 0; i++) {
		c->port = htons((uint16_t)(first + (start + i) % nr));
		err = fn(c, arg);
	}
	if (err != 0)
		c->port = 0;
	return err == (int)err_none ? -EADDRINUSE : err;
}

static int claim_if_free(struct port_claim *c, void *arg)
{
	bool reuse = c->reuse_addr;

	(void)arg;
	c->reuse_addr = false; /* a port that was chosen for us is ours alone */
	bool ok = is_free(c);
	c->reuse_addr = reuse;
	if (!ok)
		return 1;
	take(c);
	return 0;
}

int port_claim(struct port_claim *c)
{
	int err = 0;

	spin_lock(&lock);
	if (c->port == 0)
		err = try_ephemeral(c, claim_if_free, NULL);
	else if (is_free(c))
		take(c);
	else
		err = -EADDRINUSE;
	spin_unlock(&lock);
	if (err != 0)
		c->port = 0;
	return err;
}

int port_claim_listen(struct port_claim *c)
{
	int err = 0;

	spin_lock(&lock);
	if (is_free(c))
		c->listening = true;
	else
		err = -EADDRINUSE;
	spin_unlock(&lock);
	return err;
}

static void leave(struct port_claim *c)
{
	for (struct port_claim **at = chain_of(c->port); *at != NULL; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
}

void port_release(struct port_claim *c)
{
	if (c->port == 0)
		return;
	spin_lock(&lock);
	leave(c);
	spin_unlock(&lock);
	c->port = 0;
}

/* ---- of connections that a listener made ---- */

struct port_share {
	struct port_claim claim;
	unsigned refs; /* under the lock */
};

static struct port_share *find_share(const struct port_claim *like)
{
	for (struct port_claim *c = *chain_of(like->port); c != NULL; c = c->next)
		if (c->shared && c->port == like->port && c->proto == like->proto && ipaddr_eq(&c->addr, &like->addr) &&
		    c->reuse_addr == like->reuse_addr && c->reuse_port == like->reuse_port && c->uid == like->uid &&
		    c->bound_if == like->bound_if)
			return container_of(c, struct port_share, claim);
	return NULL;
}

struct port_share *port_share_get(const struct port_claim *like)
{
	struct port_share *fresh = NULL, *s;

	for (;;) {
		spin_lock(&lock);
		s = find_share(like);
		if (s == NULL && fresh != NULL) {
			s = fresh;
			fresh = NULL;
			take(&s->claim);
		}
		if (s != NULL)
			s->refs++;
		spin_unlock(&lock);
		if (s != NULL)
			break;
		fresh = kzalloc(sizeof(*fresh));
		if (fresh == NULL)
			return NULL;
		fresh->claim = *like;
		fresh->claim.listening = fresh->claim.connected = false;
		fresh->claim.shared = true;
	}
	kfree(fresh);
	return s;
}

void port_share_put(struct port_share *s)
{
	bool last;

	if (s == NULL)
		return;
	spin_lock(&lock);
	last = --s->refs == 0;
	if (last)
		leave(&s->claim);
	spin_unlock(&lock);
	if (last)
		kfree(s);
}

struct connecting {
	struct channel *ch;
	struct channel_key *key;
};

static int connect_if_free(struct port_claim *c, void *arg)
{
	struct connecting *n = arg;
	int err;

	if (!is_free(c))
		return 1;
	n->key->lport = c->port;
	err = channel_insert(n->ch, n->key);
	if (err == -EADDRINUSE)
		return 1;
	if (err == 0)
		take(c);
	return err;
}

int port_connect(struct port_claim *c, struct channel *ch, struct channel_key *key)
{
	struct connecting n = {ch, key};
	int err;

	spin_lock(&lock);
	c->connected = true;
	c->proto = key->proto;
	c->addr = key->local;
	err = try_ephemeral(c, connect_if_free, &n);
	spin_unlock(&lock);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}
