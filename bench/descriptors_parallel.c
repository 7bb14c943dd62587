/* SPDX-License-Identifier: MIT */
/*
 * descriptors_parallel.c - threads of one process, each on a CPU of its own, that read an eventfd of their own: they
 * share nothing but the table of descriptors. Prints ns a read: descriptors_parallel THREADS.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define READS 500000

static pthread_barrier_t start;
static double begun[2], ended[2];

static void *run(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	uint64_t value = 10 * READS;
	int fd;

	pin(self);
	fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		exit(1);
	pthread_barrier_wait(&start);
	begun[self] = now_ns();
	for (unsigned i = 0; i < READS; i++)
		if (read(fd, &value, sizeof(value)) != sizeof(value))
			exit(1);
	ended[self] = now_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned nr = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	pthread_t th[2];

	if (nr < 1 || nr > 2)
		return 1;
	pthread_barrier_init(&start, NULL, nr);
	for (uintptr_t i = 0; i < nr; i++)
		pthread_create(&th[i], NULL, run, (void *)i);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(th[i], NULL);
	printf("%.1f\n", span_ns(begun, ended, nr) / READS);
	return 0;
}
