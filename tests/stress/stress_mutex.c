/* SPDX-License-Identifier: MIT */
/*
 * stress_mutex.c - the kernel's mutex between threads of the host, each of which stands for a kernel thread. Blocking
 * and waking are a semaphore that counts to one.
 */
// SOURCES: kernel/sched/mutex.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/sched/mutex.h"
#include "sleepers.h"
#include "stress.h"

#define ROUNDS 20000

static struct mutex m;
static uint64_t guarded[2]; /* equal whenever the mutex is free */

static void *run(void *arg)
{
	self = arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 8 != 0)
			mutex_lock(&m);
		else if (!mutex_trylock(&m))
			continue;
		CHECK(guarded[0] == guarded[1]);
		guarded[0]++;
		guarded[1]++;
		mutex_unlock(&m);
	}
	return NULL;
}

int main(void)
{
	pthread_t th[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		pthread_mutex_init(&sleepers[i].lock, NULL);
		pthread_cond_init(&sleepers[i].cond, NULL);
		pthread_create(&th[i], NULL, run, &sleepers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	CHECK(!mutex_is_taken(&m) && guarded[0] == guarded[1]);
	CHECK(guarded[0] >= THREADS * (ROUNDS - ROUNDS / 8) && guarded[0] <= THREADS * ROUNDS);
	return 0;
}
