/* SPDX-License-Identifier: MIT */
/*
 * stress_mutex.c - the kernel's mutex between threads of the host, each of which stands for a kernel thread. Blocking
 * and waking are a semaphore that counts to one.
 */
// SOURCES: kernel/sched/mutex.c
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "stress.h"

#define THREADS 4
#define ROUNDS  20000

static struct sleeper {
	struct thread t;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
} sleepers[THREADS];
static __thread struct sleeper *self;

struct thread *thread_current(void)
{
	return &self->t;
}

void sched_prepare(void)
{
	pthread_mutex_lock(&self->lock);
	self->woken = false;
	pthread_mutex_unlock(&self->lock);
}

void sched_block(void)
{
	pthread_mutex_lock(&self->lock);
	while (!self->woken)
		pthread_cond_wait(&self->cond, &self->lock);
	pthread_mutex_unlock(&self->lock);
}

void sched_wake(struct thread *t)
{
	struct sleeper *s = container_of(t, struct sleeper, t);

	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

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
