/* SPDX-License-Identifier: MIT */
/* A walk through what a libc does at start and in ordinary use; built with musl, output must equal the host's. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Thread_local int tls = 41;
static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
	int v[1000];
	char *big, buf[64];
	FILE *f;
	struct stat st;
	struct timespec t0, t1;

	printf("argc %d, argv[1] %s, LANG %s\n", argc, argc > 1 ? argv[1] : "-", getenv("LANG"));
	for (int i = 0; i < 1000; i++)
		v[i] = (i * 7919) % 1000;
	qsort(v, 1000, sizeof(int), compare);
	printf("sorted %d %d %d, tls %d, sqrt %.6f\n", v[0], v[500], v[999], ++tls, sqrt(2.0));
	big = malloc(50 << 20);
	memset(big, 7, 50 << 20);
	printf("big %d\n", big[(50 << 20) - 1]);
	free(big);
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	printf("signal %d\n", (int)got);
	f = tmpfile();
	fprintf(f, "one two %d", 3);
	rewind(f);
	printf("tmpfile: %s\n", fgets(buf, sizeof(buf), f));
	fclose(f);
	printf("open: %s\n", open("/no/such/file", O_RDONLY) < 0 ? strerror(errno) : "?");
	printf("stat /: %d\n", stat("/", &st) == 0 && S_ISDIR(st.st_mode));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	usleep(2000);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("slept %d\n", (t1.tv_sec - t0.tv_sec) * 1000000000ll + t1.tv_nsec - t0.tv_nsec >= 2000000);
	fflush(stdout);
	fputs("to stderr\n", stderr);
	return 7;
}
