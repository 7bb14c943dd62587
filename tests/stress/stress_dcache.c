/* SPDX-License-Identifier: MIT */
/*
 * stress_dcache.c - the cache of names between threads of the host, each of which stands for a CPU. They look names up
 * as RCU readers do, take references, and one at a time change names: exchange two, give a name a longer one and take
 * it back, remove and make one, evict all that nobody uses. What an inode was spoilt with when it was freed is never
 * seen, and a name that is found while nothing moves leads to an inode that had it.
 * READ_ONCE and WRITE_ONCE are no races: the compiler is told to tell them apart.
 */
// SOURCES: kernel/fs/dcache.c kernel/sched/rcu.c
// CFLAGS: -DCAY_RCU_REAL= --param=tsan-distinguish-volatile=1 -Wno-tsan
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "kernel/fs/dcache.h"
#include "kernel/fs/vfs.h"
#include "kernel/log.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "quiet.h"
#include "stress.h"

#define NAMES  8 /* of two files each, which exchange them */
#define ROUNDS 20000
#define GOOD   0x600dull

/* --- what the cache stands on --- */

void *kmalloc(size_t bytes)
{
	return malloc(bytes);
}

void *kzalloc(size_t bytes)
{
	return calloc(1, bytes);
}

void kfree(void *p)
{
	free(p);
}

size_t page_nr_total(void)
{
	return 64; /* so that few stay cached */
}

uint64_t clock_monotonic_ns(void)
{
	return 0;
}

static atomic_uint nr_inodes;

static struct inode *inode_make(unsigned number)
{
	struct inode *i = calloc(1, sizeof(*i));

	i->refs = 1;
	i->ino = GOOD;
	i->size = number;
	nr_inodes++;
	return i;
}

struct inode *inode_get(struct inode *i)
{
	refs_get(&i->refs);
	return i;
}

static void free_inode(struct rcu_head *h)
{
	struct inode *i = container_of(h, struct inode, rcu);

	i->ino = 0;
	nr_inodes--;
	free(i);
}

void inode_put(struct inode *i)
{
	if (refs_put(&i->refs))
		rcu_free_later(&i->rcu, free_inode);
}

/* What the compiler calls for volatile memory. */
#define VOLATILE(bytes)                                                                                                \
	void __tsan_volatile_read##bytes(void *p);                                                                     \
	void __tsan_volatile_write##bytes(void *p);                                                                    \
	void __tsan_volatile_read##bytes(void *p)                                                                      \
	{                                                                                                              \
		(void)p;                                                                                               \
	}                                                                                                              \
	void __tsan_volatile_write##bytes(void *p)                                                                     \
	{                                                                                                              \
		(void)p;                                                                                               \
	}
VOLATILE(1)
VOLATILE(2)
VOLATILE(4)
VOLATILE(8)

/* --- the test --- */

static struct dentry *root;
static pthread_mutex_t change_lock = PTHREAD_MUTEX_INITIALIZER; /* as a folder's */
static char name[2 * NAMES][8], long_name[2 * NAMES][64];
static atomic_uint nr_found;

static struct dentry *peek(const char *text)
{
	return dcache_peek(root, text, strlen(text), dcache_hash_name(text, strlen(text)));
}

static struct dentry *find(const char *text)
{
	return dcache_find(root, text, strlen(text), dcache_hash_name(text, strlen(text)));
}

static void check(const struct dentry *d, unsigned n)
{
	CHECK(d->inode->ino == GOOD && d->inode->size / 2 == n / 2);
}

static void look(unsigned n)
{
	uint32_t shape;
	struct dentry *d;
	bool counted;

	if (!tree_shape(&shape))
		return;
	d = peek(name[n]);
	if (d == NULL || !tree_shape_is(shape))
		return;
	nr_found++;
	check(d, n);
	counted = dentry_try_get(d);
	if (counted) {
		look_what_is_asked(); /* no reader any more */
		check(d, n);
		dentry_put(d);
	}
}

/* The name, made if the cache does not know it. */
static struct dentry *get(unsigned n)
{
	struct dentry *d = find(name[n]);

	if (d == NULL)
		d = dcache_add(root, name[n], strlen(name[n]), dcache_hash_name(name[n], strlen(name[n])),
			       inode_make(n));
	return d;
}

static void change(unsigned n, unsigned how)
{
	struct dentry *a = get(n), *b = get(n ^ 1);

	check(a, n);
	switch (how) {
	case 0:
		dcache_exchange(a, b);
		break;
	case 1:
		CHECK(dcache_move(a, root, long_name[n], strlen(long_name[n])) == 0);
		CHECK(dcache_move(a, root, name[n], strlen(name[n])) == 0);
		break;
	case 2:
		CHECK(dcache_move(a, root, long_name[n], strlen(long_name[n])) == 0);
		dcache_exchange(a, b);
		dcache_unhash(b);
		break;
	case 3:
		dcache_unhash(a);
		break;
	default:
		dcache_shrink(NULL);
	}
	dentry_put(a);
	dentry_put(b);
}

static void *cpu(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg + 1;

	shim_cpu = (unsigned)(uintptr_t)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n;

		seed = seed * 1664525 + 1013904223;
		n = seed >> 16 & (2 * NAMES - 1);
		if (seed >> 28 < 11) {
			look(n);
		} else if (seed >> 28 < 13) {
			struct dentry *d = find(name[n]);

			if (d != NULL)
				check(d, n);
			dentry_put(d);
		} else if (seed >> 28 < 15) {
			pthread_mutex_lock(&change_lock);
			change(n, seed >> 20 & 7);
			pthread_mutex_unlock(&change_lock);
		}
		look_what_is_asked();
		rcu_poll();
	}
	atomic_store(&cpus[shim_cpu].idle, true);
	return NULL;
}

int main(void)
{
	pthread_t th[CPUS];

	root = dentry_create_root(inode_make(0), NULL);
	for (unsigned n = 0; n < 2 * NAMES; n++) {
		snprintf(name[n], sizeof(name[n]), "n%u", n);
		snprintf(long_name[n], sizeof(long_name[n]), "a name that does not fit into the entry itself: %u", n);
	}
	for (uintptr_t i = 0; i < CPUS; i++)
		pthread_create(&th[i], NULL, cpu, (void *)i);
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(th[i], NULL);
	CHECK(nr_found > ROUNDS / 10);
	dcache_shrink(NULL);
	CHECK(dcache_count() == 1); /* the root */
	return 0;
}
