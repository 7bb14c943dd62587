/* SPDX-License-Identifier: MIT */
/*
 * test_channel_table.c - the tables of channels from several threads at once: some look up packets, others insert and
 * remove, and a removed channel is freed with its last reference (the sanitizer sees who still looks at it).
 */
// SOURCES: kernel/net/channel_table.c kernel/net/channel.c kernel/net/pbuf.c kernel/fs/uio.c lib/siphash.c lib/inet_checksum.c shim/kmalloc.c shim/page.c shim/uaccess.c shim/log.c shim/sched.c
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "kernel/net/net_priv.h"

#define PORTS  16u
#define ROUNDS 20000u

const struct siphash_key *net_secret(void)
{
	static const struct siphash_key key;

	return &key;
}

static int nr_freed;
static int looking; /* threads that still look up: changes go on for them */

static void run(struct channel *ch, struct pbuf *batch, uint32_t bits)
{
	(void)ch;
	(void)bits;
	assert_null(batch);
}

static void free_channel(struct channel *ch)
{
	assert_false(ch->in_exact || ch->in_bound);
	__atomic_add_fetch(&nr_freed, 1, __ATOMIC_RELAXED);
	free(ch);
}

static bool accepts(struct channel *ch, const struct pbuf *p)
{
	return ch->key.lport == p->dport;
}

static const struct channel_ops ops = {.run = run, .free = free_channel, .accepts = accepts};

static struct channel_key key_of(unsigned port, bool connected)
{
	return (struct channel_key){.local = connected ? ipaddr_v4(1) : ipaddr_v4(0),
				    .remote = connected ? ipaddr_v4(2) : ipaddr_v4(0),
				    .lport = (uint16_t)port,
				    .rport = connected ? 9 : 0,
				    .proto = 17};
}

static struct pbuf *packet(unsigned port)
{
	struct pbuf *p = calloc(1, sizeof(*p));

	p->src = ipaddr_v4(2);
	p->dst = ipaddr_v4(1);
	p->sport = 9;
	p->dport = (uint16_t)port;
	p->proto = 17;
	return p;
}

struct worker {
	pthread_t thread;
	uint32_t seed;
	unsigned made, found;
};

static uint32_t next_random(struct worker *w)
{
	return (w->seed = w->seed * 1664525 + 1013904223) >> 8;
}

/* Keeps a channel for some ports and replaces them. */
static void *change(void *arg)
{
	struct worker *w = arg;
	struct channel *mine[PORTS] = {NULL};

	for (unsigned i = 0; i < ROUNDS || __atomic_load_n(&looking, __ATOMIC_ACQUIRE) > 0; i++) {
		unsigned port = next_random(w) % PORTS;
		struct channel_key key = key_of(port, next_random(w) % 2);
		struct channel *ch = mine[port];

		if (ch != NULL) {
			channel_remove(ch);
			channel_put(ch);
		}
		ch = calloc(1, sizeof(*ch));
		channel_init(ch, &ops, 1000);
		w->made++;
		if (channel_insert(ch, &key) != 0) { /* the other thread's is there */
			channel_put(ch);
			ch = NULL;
		}
		mine[port] = ch;
	}
	for (unsigned port = 0; port < PORTS; port++)
		if (mine[port] != NULL) {
			channel_remove(mine[port]);
			channel_put(mine[port]);
		}
	return NULL;
}

static void count_port(struct channel *ch, void *arg)
{
	*(unsigned *)arg += ch->key.lport < PORTS;
}

static void *look_up(void *arg)
{
	struct worker *w = arg;
	struct pbuf *p = packet(0);

	for (unsigned i = 0; i < ROUNDS || w->found == 0; i++) {
		struct channel *ch;

		p->dport = (uint16_t)(next_random(w) % PORTS);
		ch = channel_lookup(p);
		if (ch != NULL) {
			assert_true(ch->key.lport == p->dport && ch->ops == &ops);
			w->found++;
			channel_put(ch);
		}
		if (i % 64 == 0)
			channel_for_each_bound(p, count_port, &w->found);
	}
	free(p);
	__atomic_fetch_sub(&looking, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void test_changes_and_lookups_at_once(void **state)
{
	struct worker w[4] = {{.seed = 1}, {.seed = 2}, {.seed = 3}, {.seed = 4}};
	struct channel_key key = key_of(PORTS, true);
	struct channel *first = calloc(1, sizeof(*first));

	(void)state;
	looking = 2;
	channel_init(first, &ops, 1000);
	assert_int_equal(channel_insert(first, &key), 0); /* makes the tables */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&w[i].thread, NULL, i < 2 ? change : look_up, &w[i]), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
	assert_int_equal(nr_freed, w[0].made + w[1].made);
	assert_true(w[2].found > 0 && w[3].found > 0);
	channel_remove(first);
	channel_put(first);
	assert_int_equal(nr_freed, w[0].made + w[1].made + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes_and_lookups_at_once)};

	return RUN_TESTS(tests);
}
