/* SPDX-License-Identifier: MIT */
/*
 * stress_adaptive.c - the kernel's adaptive mutex between threads of the host, each of which stands for a kernel thread
 * that always runs. Looking on gives up at random, so that many sleep; blocking and waking are a semaphore that counts
 * to one, and the wait queue is the kernel's.
 */
// SOURCES: kernel/sched/adaptive.c kernel/sched/wait.c
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/sched/adaptive.h"
#include "kernel/sched/cpu_wait.h"
#include "kernel/time/clock.h"
#include "sleepers.h"
#include "stress.h"

#define ROUNDS 20000

void cpu_spin_until(bool (*done)(void *arg), void *arg, uint64_t spin_ns)
{
	(void)spin_ns;
	for (unsigned n = self->looks++ % 4; n > 0 && !done(arg); n--)
		sched_yield();
}

/* What else wait.c has, and nobody here uses. */
void ktimer_init_unlocked(struct ktimer *t, void (*fn)(struct ktimer *t), void *arg)
{
	(void)t, (void)fn, (void)arg;
}
void ktimer_arm(struct ktimer *t, uint64_t deadline_ns)
{
	(void)t, (void)deadline_ns;
}
void ktimer_cancel(struct ktimer *t)
{
	(void)t;
}
uint64_t clock_monotonic_ns(void)
{
	return 0;
}

static struct adaptive_mutex m;
static uint64_t guarded[2]; /* equal whenever the mutex is free */

static void *run(void *arg)
{
	self = arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		adaptive_lock(&m);
		CHECK(guarded[0] == guarded[1]);
		guarded[0]++;
		if (i % 64 == 0)
			sched_yield();
		guarded[1]++;
		adaptive_unlock(&m);
	}
	return NULL;
}

int main(void)
{
	pthread_t th[THREADS];

	adaptive_init(&m);
	for (unsigned i = 0; i < THREADS; i++) {
		sleepers[i].t.on_cpu = true;
		pthread_mutex_init(&sleepers[i].lock, NULL);
		pthread_cond_init(&sleepers[i].cond, NULL);
		pthread_create(&th[i], NULL, run, &sleepers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	CHECK(m.owner == NULL && m.waiting == 0 && guarded[0] == guarded[1] && guarded[0] == THREADS * ROUNDS);
	return 0;
}
