/* SPDX-License-Identifier: MIT */
/*
 * stress_rcu.c - read-copy-update between threads of the host, each of which stands for a CPU. They read a table of
 * pointers and exchange what is in it; what was taken out is spoilt when it is freed. quiet.h tells the
 * quiet moments.
 */
// SOURCES: kernel/sched/rcu.c
#define CAY_RCU_REAL
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "kernel/log.h"
#include "kernel/sched/rcu.h"
#include "lib/list.h"
#include "quiet.h"
#include "stress.h"

#define SLOTS  8
#define ROUNDS 30000
#define GOOD   0x600d600du

struct thing {
	uint32_t good;
	struct rcu_head rcu;
};
static struct thing *table[SLOTS];
static atomic_uint nr_made, nr_freed;

static struct thing *make(void)
{
	struct thing *t = malloc(sizeof(*t));

	t->good = GOOD;
	nr_made++;
	return t;
}

static void free_thing(struct rcu_head *h)
{
	struct thing *t = container_of(h, struct thing, rcu);

	t->good = 0; /* a reader that has it still would race, and see it */
	nr_freed++;
	free(t);
}

static void *cpu(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg + 1;

	shim_cpu = (unsigned)(uintptr_t)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned slot;

		seed = seed * 1664525 + 1013904223;
		slot = seed >> 16 & (SLOTS - 1);
		if (seed >> 28 < 8) {
			struct thing *t = __atomic_load_n(&table[slot], __ATOMIC_ACQUIRE);

			CHECK(t->good == GOOD);
		} else if (seed >> 28 < 13) {
			rcu_free_later(&__atomic_exchange_n(&table[slot], make(), __ATOMIC_SEQ_CST)->rcu, free_thing);
		} else if (seed >> 28 < 15) {
			look_what_is_asked();
		} else {
			rcu_poll();
			atomic_store(&cpus[shim_cpu].idle, true);
			sched_yield();
			atomic_store(&cpus[shim_cpu].idle, false);
		}
	}
	atomic_store(&cpus[shim_cpu].idle, true);
	while (nr_freed + SLOTS < nr_made) { /* until the last one has freed its last */
		rcu_poll();
		sched_yield();
	}
	return NULL;
}

int main(void)
{
	pthread_t th[CPUS];

	for (unsigned i = 0; i < SLOTS; i++)
		table[i] = make();
	for (uintptr_t i = 0; i < CPUS; i++)
		pthread_create(&th[i], NULL, cpu, (void *)i);
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(th[i], NULL);
	CHECK(nr_freed + SLOTS == nr_made);
	return 0;
}
