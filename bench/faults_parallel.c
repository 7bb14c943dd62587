/* SPDX-License-Identifier: MIT */
/*
 * faults_parallel.c - threads of one process that take memory at the same time, each on a CPU of its own. Prints how
 * many rounds of one thread a millisecond has, all threads together: faults_parallel KIND THREADS.
 *   touch  a page of fresh anonymous memory, in small pages, out of a region of the thread's own
 *   map    mmap, a write to it, munmap: 64 KiB
 *   grow   a page of fresh memory, while the other thread maps and unmaps elsewhere (THREADS 2: its rounds do not
 * count)
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "measure.h"

#define PAGE         4096ul
#define REGION_PAGES 4096ul
#define MAP_BYTES    (64ul << 10)
#define ROUNDS_TOUCH (24 * REGION_PAGES)
#define ROUNDS_MAP   12000ul

static pthread_barrier_t start;
static atomic_bool done;
static double begun[2], ended[2];

static char *map(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static void touch(void)
{
	char *p = map(REGION_PAGES * PAGE);

	madvise(p, REGION_PAGES * PAGE, MADV_NOHUGEPAGE);
	for (unsigned long n = 0; n < ROUNDS_TOUCH; n++) {
		if (n % REGION_PAGES == 0 && madvise(p, REGION_PAGES * PAGE, MADV_DONTNEED) != 0)
			exit(1);
		p[n % REGION_PAGES * PAGE] = 1;
	}
	munmap(p, REGION_PAGES * PAGE);
}

static void map_and_unmap(void)
{
	char *p = map(MAP_BYTES);

	p[0] = 1;
	p[MAP_BYTES - 1] = 1;
	munmap(p, MAP_BYTES);
}

static void *run(void *arg)
{
	const char *kind = ((void **)arg)[0];
	unsigned cpu = (unsigned)(unsigned long)((void **)arg)[1];

	pin(cpu);
	pthread_barrier_wait(&start);
	begun[cpu] = now_ns();
	if (strcmp(kind, "map") == 0) {
		for (unsigned long n = 0; n < ROUNDS_MAP; n++)
			map_and_unmap();
	} else if (strcmp(kind, "grow") == 0 && cpu == 1) {
		while (!atomic_load(&done))
			map_and_unmap();
	} else {
		touch();
	}
	atomic_store(&done, true);
	ended[cpu] = now_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned nr = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	const char *kind = argc > 1 ? argv[1] : "touch";
	void *args[2][2] = {{(void *)kind, (void *)0}, {(void *)kind, (void *)1}};
	pthread_t th[2];

	if (nr < 1 || nr > 2)
		return 1;
	pthread_barrier_init(&start, NULL, nr);
	for (unsigned i = 0; i < nr; i++)
		pthread_create(&th[i], NULL, run, args[i]);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(th[i], NULL);
	printf("%.1f\n", (double)(strcmp(kind, "map") == 0 ? nr * ROUNDS_MAP
							   : (strcmp(kind, "grow") == 0 ? 1 : nr) * ROUNDS_TOUCH) /
				 span_ns(begun, ended, nr) * 1e6);
	return 0;
}
