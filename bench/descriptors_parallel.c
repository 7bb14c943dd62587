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

static void *run(void *arg)
{
	uint64_t value = 10 * READS;
	int fd;

	pin((unsigned)(uintptr_t)arg);
	fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		exit(1);
	pthread_barrier_wait(&start);
	for (unsigned i = 0; i < READS; i++)
		if (read(fd, &value, sizeof(value)) != sizeof(value))
			exit(1);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned nr = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	pthread_t th[2];
	double begin;

	if (nr < 1 || nr > 2)
		return 1;
	pthread_barrier_init(&start, NULL, nr + 1);
	for (uintptr_t i = 0; i < nr; i++)
		pthread_create(&th[i], NULL, run, (void *)i);
	pthread_barrier_wait(&start);
	begin = now_ns();
	for (unsigned i = 0; i < nr; i++)
		pthread_join(th[i], NULL);
	printf("%.1f\n", (now_ns() - begin) / READS);
	return 0;
}
