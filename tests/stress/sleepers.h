/* SPDX-License-Identifier: MIT */
/*
 * sleepers.h - threads of the host that stand for kernel threads: blocking and waking are a semaphore that counts to
 * one. `self` is the calling thread's, set by its first statement.
 */
#ifndef CAY_TESTS_STRESS_SLEEPERS_H
#define CAY_TESTS_STRESS_SLEEPERS_H

#include <pthread.h>

#include "kernel/sched/thread.h"

#define THREADS 4

static struct sleeper {
	struct thread t;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
	unsigned looks; /* the test's own */
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

#endif
