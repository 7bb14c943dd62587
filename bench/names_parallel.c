/* SPDX-License-Identifier: MIT */
/*
 * names_parallel.c - threads of one process, each on a CPU of its own, that look at files of their own, in folders that
 * they share: names_parallel stat|open THREADS FOLDER. Of FOLDER's files the first 16 by name count; thread i takes
 * every second one from i. stat: stat(2). open: open, fstat, read to the end, close. Prints ns a file.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define FILES 16
#define STATS 400000
#define OPENS 60000

static pthread_barrier_t start;
static double begun[2], ended[2];
static char path[FILES][512];
static unsigned rounds;
static bool opens;

static bool open_and_read(const char *name)
{
	char buf[4096];
	struct stat st;
	int fd = open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	return close(fd) == 0 && n == 0;
}

static bool look(const char *name)
{
	struct stat st;

	return opens ? open_and_read(name) : stat(name, &st) == 0;
}

static void *run(void *arg)
{
	unsigned first = (unsigned)(uintptr_t)arg;

	pin(first);
	for (unsigned i = first; i < FILES; i += 2)
		if (!look(path[i]))
			exit(1);
	pthread_barrier_wait(&start);
	begun[first] = now_ns();
	for (unsigned i = 0; i < rounds; i++)
		if (!look(path[(first + 2 * i) % FILES]))
			exit(1);
	ended[first] = now_ns();
	return NULL;
}

static int is_file(const struct dirent *d)
{
	return d->d_type == DT_REG;
}

static void choose(const char *folder)
{
	struct dirent **d;
	int nr = scandir(folder, &d, is_file, alphasort);

	if (nr < FILES)
		exit(1);
	for (unsigned i = 0; i < FILES; i++)
		if (snprintf(path[i], sizeof(path[i]), "%s/%s", folder, d[i]->d_name) >= (int)sizeof(path[i]))
			exit(1);
}

int main(int argc, char **argv)
{
	unsigned nr = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	pthread_t th[2];

	if (argc != 4 || nr < 1 || nr > 2)
		return 1;
	opens = strcmp(argv[1], "open") == 0;
	rounds = opens ? OPENS : STATS;
	choose(argv[3]);
	pthread_barrier_init(&start, NULL, nr);
	for (uintptr_t i = 0; i < nr; i++)
		pthread_create(&th[i], NULL, run, (void *)i);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(th[i], NULL);
	printf("%.1f\n", span_ns(begun, ended, nr) / rounds);
	return 0;
}
